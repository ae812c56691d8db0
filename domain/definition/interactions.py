"""The interaction plan in a definition."""

from typing import Annotated, Literal

from pydantic import Field

from domain.definition.values import Length, Part, Text
from domain.ids import Name


class Interaction(Part):
    """One message of the interaction plan. Kept and shown; only the offer under `retention` is sent automatically."""

    id: Name
    """The message's short name."""
    when: Literal["joined", "upgraded", "downgraded", "points_lapse_soon", "silent", "milestone"]
    """The occasion that the message follows or precedes."""
    after: Length | None = None
    """The time after the occasion."""
    before: Length | None = None
    """With `points_lapse_soon`: the time before the points expire."""
    channel: Annotated[str, Field(min_length=1, max_length=50)]
    """The way of sending: mail, app, till."""
    message: Text
    """The text."""
