"""Requests that settle or correct earlier transactions: confirm, cancel, reverse, reinstate, adjust."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints, model_validator

from ledger.requests import MAX_POINTS, Of, Points, Request, utc

Shortfall = Literal["refuse", "other_lots", "negative", "loss"]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Confirm(Request):
    """Post a pending earn (its key). Its points expire as the earn said, or at `expires_at` if that is given."""

    hashed_as: ClassVar[str] = "Confirm"

    earn: Of
    expires_at: AwareDatetime | None = None

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.earn, utc(self.expires_at))


class Cancel(Request):
    """Drop a pending earn (its key)."""

    hashed_as: ClassVar[str] = "Cancel"

    earn: Of

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.earn,)


class Reverse(Request):
    """Take back a transaction (its key), whole or some points of it. Several partial reversals add up.

    Of a burn or a capture: the points return to their lots, to the lot taken from last first. A lot that has expired meanwhile
    gets `reinstate_until` as its new expiry, or (None) its points expire again at once.

    Of an earn: a clawback. The points of its own lot go first; `shortfall` decides on missing points: `refuse`; take
    `other_lots`, and refuse if these do not suffice; take them and let the balance go `negative`, down to `lowest_allowed`; or
    let the program bear the `loss`. The earn's qualifying amounts are taken back in proportion, as of when they counted.
    `nudge` are workflows to signal afterwards.
    """

    hashed_as: ClassVar[str] = "Reverse"

    of: Of
    points: Points | None = None
    shortfall: Shortfall = "refuse"
    lowest_allowed: Annotated[int, Field(ge=-MAX_POINTS, le=0, strict=True)] = 0
    reinstate_until: AwareDatetime | None = None
    nudge: tuple[str, ...] = ()

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.of, self.points, self.shortfall, self.lowest_allowed, utc(self.reinstate_until))


class Reinstate(Request):
    """Give back expired points, of one expiry (`of`, its key) or all since an instant (`since`), to expire at `expires_at`."""

    hashed_as: ClassVar[str] = "Reinstate"

    of: Of | None = None
    since: AwareDatetime | None = None
    expires_at: AwareDatetime | None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if (self.of is None) == (self.since is None):
            raise ValueError("say either of (the key of an expiry) or since (an instant)")
        if self.expires_at is not None and self.expires_at <= self.effective_at:
            raise ValueError("the points would expire again at once; let expires_at be later than effective_at")
        return self

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.of, utc(self.since), utc(self.expires_at))


class Adjust(Request):
    """Points given (positive, to expire at `expires_at`) or taken (negative) by hand, with reason and author."""

    hashed_as: ClassVar[str] = "Adjust"

    points: Annotated[int, Field(ge=-MAX_POINTS, le=MAX_POINTS, strict=True)]
    reason: Words
    author: Words
    expires_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.points == 0:
            raise ValueError("an adjustment by 0 points changes nothing; write how many to give, or with a minus to take")
        return self

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.points, self.reason, self.author, utc(self.expires_at))
