"""Retention in a definition: the offer to silent members."""

from domain.definition.values import Length, Part, Points, Text


class Offer(Part):
    """Points for a silent member, with a message."""

    points: Points
    """The points."""
    message: Text
    """The message."""


class Retention(Part):
    """A member with no activity for `silent_after` gets the offer, at most once in `at_most_every`."""

    silent_after: Length
    """The time without activity after which a member is silent."""
    offer: Offer
    """The offer."""
    answer_within: Length
    """The time to answer the offer."""
    at_most_every: Length
    """The least time between two offers."""
