"""A program's objectives and risks in a definition."""

from domain.definition.values import Kpi, Length, Number, Part, Text


class Objective(Part):
    """An objective of the program: a KPI, a target and the time from the launch to reach it."""

    name: Text
    """The objective in words."""
    kpi: Kpi
    """The figure that measures it."""
    at_least: Number | None = None
    """The least that it must be; rates are fractions of 1."""
    at_most: Number | None = None
    """The most that it may be."""
    within: Length
    """The time from the launch."""


class Risk(Part):
    """A risk, and the answer to it."""

    risk: Text
    """The risk in words."""
    answer: Text
    """The measure against it."""
