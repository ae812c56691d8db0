"""Requests that take points from one account to another: to another member, or into another currency."""

from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from domain.ids import ParticipantId
from ledger.requests import Currency, Points, Request, utc

Rate = Annotated[Decimal, Field(gt=0, max_digits=24, decimal_places=12)]


class Transfer(Request):
    """Points for another member of the program, from the lots that expire first; they keep their expiry."""

    hashed_as: ClassVar[str] = "Transfer"

    to_participant: ParticipantId
    points: Points

    @model_validator(mode="after")
    def _to_another(self) -> Self:
        if self.to_participant == self.participant:
            raise ValueError("the points would stay where they are; name another member in to_participant")
        return self

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.to_participant, self.points)


class Convert(Request):
    """Points into another currency of the program: `points` times `rate`, rounded down; they expire at `expires_at`."""

    hashed_as: ClassVar[str] = "Convert"

    to_currency: Currency
    rate: Rate
    points: Points
    expires_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _into_another(self) -> Self:
        if self.to_currency == self.currency:
            raise ValueError("the points are in this currency already; name another one in to_currency")
        return self

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.to_currency, str(self.rate.normalize()), self.points, utc(self.expires_at))
