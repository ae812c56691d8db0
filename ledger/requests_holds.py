"""Requests around a redemption under way: hold the points, then capture or void them."""

from typing import ClassVar, Self

from pydantic import AwareDatetime, JsonValue, model_validator

from ledger.requests import Of, Points, Request, utc


class Hold(Request):
    """Points reserved for a redemption under way, from the lots that expire first; held points do not expire.

    The hold times out at `expires_at`, which frees the points.
    """

    hashed_as: ClassVar[str] = "Hold"

    points: Points
    expires_at: AwareDatetime

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.expires_at <= self.effective_at:
            raise ValueError("the hold would time out before it begins; let expires_at be later than effective_at")
        return self

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.points, utc(self.expires_at))


class Capture(Request):
    """Spend the points of a hold (its key), or some of them, which frees the rest."""

    hashed_as: ClassVar[str] = "Capture"

    hold: Of
    points: Points | None = None

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.hold, self.points)


class Void(Request):
    """Free all points of a hold (its key)."""

    hashed_as: ClassVar[str] = "Void"

    hold: Of

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.hold,)
