"""Requests around a redemption under way: hold the points, then capture or void them."""

from typing import ClassVar, Self

from pydantic import AwareDatetime, JsonValue, model_validator

from ledger.requests import Of, Points, Request, utc


class Hold(Request):
    """Points kept for a redemption under way, from the lots that lapse first; they do not lapse while they are held.

    The hold times out at `expires_at`, which gives the points back.
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
    """Spend what a hold (its key) keeps: all, or some points of it, which gives back the rest."""

    hashed_as: ClassVar[str] = "Capture"

    hold: Of
    points: Points | None = None

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.hold, self.points)


class Void(Request):
    """Give back all that a hold (its key) keeps."""

    hashed_as: ClassVar[str] = "Void"

    hold: Of

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.hold,)
