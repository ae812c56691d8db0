"""The wind-down in a definition: its times, and the settlement of the remaining points."""

from typing import Annotated, Literal

from pydantic import Field

from domain.definition.values import CurrencyCode, Length, Part, Rate
from domain.ids import Name
from domain.period import Period


class RemainderInto(Part):
    """The conversion of members' points into a partner's points at the end, at the rates of the definition."""

    partner: Name
    """The partner."""
    rates: Annotated[dict[CurrencyCode, Rate], Field(min_length=1)]
    """The partner's points for one point, by currency; each member's sum is rounded down once."""


class WindDown(Part):
    """The end: notice; then earning stops; then a redeem-only time; then the remainder is settled."""

    notice: Length = Period.parse("P30D")
    """The time from the announcement to the end of earning."""
    late_files: Length = Period.parse("P14D")
    """How long after the end of earning partners' late files, returns and confirmations of earlier events still count.

    Pending points then mature. It is no longer than `redeem_window`.
    """
    redeem_window: Length = Period.parse("P180D")
    """How long points can still be redeemed after the end of earning; not below the legal minimum of a jurisdiction that the
    program names."""
    reminders: Annotated[tuple[Length, ...], Field(max_length=20)] = (
        Period.parse("P90D"),
        Period.parse("P30D"),
        Period.parse("P7D"),
    )
    """The times before the last day of redeeming at which members who still have points are reminded."""
    remainder: Literal["forfeit", "cash_out", "convert"] = "forfeit"
    """The settlement of the remaining points: nothing, money at their value per point, or a partner's points."""
    into: RemainderInto | None = None
    """With `convert`: the partner, and the rates."""
    personal_data: Literal["erase", "keep"] = "erase"
    """Whether members' personal data is erased or kept; the ledger's entries, which carry references alone, always stay."""
    keep_for: Length = Period.parse("P1Y")
    """With `erase`: how long after the closing the data is kept for members' questions."""
