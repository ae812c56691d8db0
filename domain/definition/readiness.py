"""What must be ready before a launch, in a definition: what staff sign, and what the system itself looks at."""

from typing import Annotated

from pydantic import Field

from domain.definition.values import Length, Part, Role, Text
from domain.ids import Name
from domain.period import Period


class ReadinessItem(Part):
    """Something that people see to before the launch, and sign once it is so: staff trained, tills that know the card."""

    id: Name
    """The item's short name."""
    name: Text
    """What must be so."""
    owner: Role
    """Whose people see to it and sign; never the program's owner."""


class Readiness(Part):
    """What must be so before the launch gate opens, and still be so once it is passed.

    Beside these items the system looks by itself: workers on every queue, a ledger that adds up, codes for the rewards that are
    handed out as codes, the words of its messages, a way to tell those who decide, and the agreements of the partners.
    """

    items: Annotated[tuple[ReadinessItem, ...], Field(max_length=200)] = ()
    """What people sign, for each revision anew."""
    codes_in_stock: Annotated[int, Field(ge=0, le=2**53, strict=True)] = 1
    """How many free codes each reward that is handed out as codes must have at least; with 0, they may come later."""
    look_every: Length = Period.parse("PT15M")
    """How often it is looked at again while something is missing; a signature and new codes have it looked at at once."""
    wait_at_most: Length = Period.parse("P90D")
    """How long what is missing is waited for; then the revision goes back."""
