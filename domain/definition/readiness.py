"""Readiness for a launch in a definition: the items that staff sign, and the system's own checks."""

from typing import Annotated

from pydantic import Field

from domain.definition.values import Length, Part, Text
from domain.identity.roles import Role
from domain.ids import Name
from domain.period import Period


class ReadinessItem(Part):
    """A task of people before the launch, which they sign when it is done: staff trained, tills that know the card."""

    id: Name
    """The item's short name."""
    name: Text
    """The condition in words."""
    owner: Role
    """The role whose people do it and sign; never the program's owner."""


class Readiness(Part):
    """The conditions that must hold before the launch gate opens, and still hold when it is passed.

    Beside these items the system itself checks: workers on every queue, a ledger without drift, codes in stock for voucher
    rewards, the texts of messages, a channel to the people who decide, and the agreements of the partners.
    """

    items: Annotated[tuple[ReadinessItem, ...], Field(max_length=200)] = ()
    """The items that people sign, for each revision anew."""
    codes_in_stock: Annotated[int, Field(ge=0, le=2**53, strict=True)] = 1
    """The least number of free codes for each voucher reward; with 0, codes may come later."""
    look_every: Length = Period.parse("PT15M")
    """The time between two checks while something is missing; a signature and new codes cause a check at once."""
    wait_at_most: Length = Period.parse("P90D")
    """The longest wait for missing items; then the revision goes back."""
