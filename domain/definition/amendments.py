"""Amendments in a definition: their notice, and the figures of their impact."""

from typing import Literal

from domain.definition.values import Part
from domain.period import Period

ImpactFigure = Literal[
    "members_up",
    "members_down",
    "members_gaining",
    "members_losing",
    "points_gained",
    "points_lost",
]
"""The impact of an amendment on existing members; known at the launch gate of an amendment."""


class Amendments(Part):
    """How the program is amended once it is in operation."""

    notice: Period = Period()
    """The time from the approval of a substantial amendment to its effective date, in which members are informed. Without
    it, an amendment that names no later date takes effect as soon as it is approved."""
