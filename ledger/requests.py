"""Requests to the ledger, and its answer. Points are whole numbers up to 2^53, the last that JSON keeps exactly."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, StringConstraints

from domain.ids import ParticipantId, ProgramId
from domain.members.tiers import Watch
from domain.model import Value

MAX_POINTS = 2**53
OWN_KEYS = "ledger:"
"""The prefix of the keys that the ledger gives to transactions without a request."""


def _not_ours(key: str) -> str:
    if key.startswith(OWN_KEYS):
        raise ValueError(f"keys that begin with {OWN_KEYS!r} are the ledger's own; use another key")
    return key


Key = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_not_ours)]
"""The caller's idempotency key, unique in its program: the same key with the same request gets the same answer."""
Of = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""The key of an earlier transaction of the same member and currency."""
Currency = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Points = Annotated[int, Field(ge=1, le=MAX_POINTS, strict=True)]


class Request(Value):
    """A request: the account, the key, when it took effect (the caller's clock), and details to keep with it.

    `fingerprint` is for callers that derive the request from another one (an event, rated by the rules of the day): it
    identifies that other request, so that the same event is the same request even if the rules have changed in between.
    """

    hashed_as: ClassVar[str]
    """The name of this kind of request in its hash. It never changes: otherwise a request repeated after a new deployment would
    conflict with itself for ever."""

    program: ProgramId
    participant: ParticipantId
    currency: Currency
    key: Key
    effective_at: AwareDatetime
    details: dict[str, JsonValue] = {}
    fingerprint: str | None = None

    def hash(self) -> bytes:
        """Return the SHA-256 of the fingerprint if there is one, else of all fields that distinguish two requests."""
        if self.fingerprint is not None:
            return fingerprint_hash(type(self), self.participant, self.fingerprint)
        return _sha256(self.hashed_as, self.participant, self.currency, *self._content(), utc(self.effective_at), self.details)

    def _content(self) -> tuple[JsonValue, ...]:
        """Return the hashed fields of this kind of request, beyond those that all have."""
        return ()


class CapUsage(Value):
    """The sum of a member's counter over (since, until] at the time when a request was composed."""

    counter: str
    since: AwareDatetime
    until: AwareDatetime
    amount: int


class Earn(Request):
    """Points for a member (0 for an event that only counts), and its effects on lots, tiers and workflows.

    `qualifying` is by counter id, in the counter's smallest unit. An `activity` (a bonus is none) can change the expiry of the
    member's open lots: `clock_stands_within` moves it by the time since the last activity if that is no longer than this;
    `renew_lots` sets it to the expiry of this earn. `nudge` are workflows to signal in any case, `nudge_on_watch` the one to
    signal when the sum of a watch's counter in (since, effective_at] has reached its figure.

    A `pending` earn is the member's activity at once, with all effects of that; its points and qualifying amounts wait for
    `Confirm`. Its answer has moved no points; `details.pending` is the number of waiting points.

    An earn under a cap depends on the counters in `seen`: if one of them has changed, the earn is not posted but `Stale`.
    """

    hashed_as: ClassVar[str] = "Earn"

    kind: Literal["earn", "bonus"] = "earn"
    points: Annotated[int, Field(ge=0, le=MAX_POINTS, strict=True)]
    expires_at: AwareDatetime | None = None
    qualifying: dict[str, Annotated[int, Field(ge=0, le=MAX_POINTS, strict=True)]] = {}
    clock_stands_within: timedelta | None = None
    renew_lots: bool = False
    activity: bool = True
    pending: bool = False
    watches: tuple[Watch, ...] = ()
    nudge: tuple[str, ...] = ()
    nudge_on_watch: str | None = None
    seen: tuple[CapUsage, ...] = ()

    def _content(self) -> tuple[JsonValue, ...]:
        waits = ("pending",) if self.pending else ()
        return (self.kind, self.points, utc(self.expires_at), dict(self.qualifying), *waits)


class Burn(Request):
    """Points that a member spends, from the lots that expire first."""

    hashed_as: ClassVar[str] = "Burn"

    points: Points

    def _content(self) -> tuple[JsonValue, ...]:
        return (self.points,)


class Forfeit(Request):
    """All points of one member that no hold keeps."""

    hashed_as: ClassVar[str] = "Forfeit"


class Reschedule(Request):
    """A new expiry for every open lot of one member (None: they never expire), as after a change of tier."""

    hashed_as: ClassVar[str] = "Reschedule"

    expires_at: AwareDatetime | None

    def _content(self) -> tuple[JsonValue, ...]:
        return (utc(self.expires_at),)


class PostingResult(Value):
    """The outcome of a request. `points` were moved (if refused: requested); `balance` is the posted balance after it.

    `refusal` is a stable code (each operation of `Ledger` names its own), `detail` its explanation. `duplicate` marks a
    repeated request: all other fields are those of the first answer.
    """

    txn_id: int
    kind: str
    outcome: Literal["posted", "refused"]
    points: int
    balance: int
    refusal: str | None = None
    detail: str | None = None
    duplicate: bool = False
    effective_at: datetime
    recorded_at: datetime
    details: dict[str, JsonValue] = {}


class Swept(Value):
    """The numbers of lots, points and participants that a sweep has changed."""

    lots: int
    points: int
    participants: int


def fingerprint_hash(kind: type[Request], participant: str, fingerprint: str) -> bytes:
    """Return the hash of a request with this fingerprint; results of the day's rules, also the currency, are no part of it."""
    return _sha256(kind.hashed_as, participant, "fingerprint", fingerprint)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def _sha256(*content: JsonValue) -> bytes:
    return hashlib.sha256(_CANONICAL.encode(content).encode()).digest()


def utc(instant: datetime | None) -> str | None:
    """Return the text by which an instant is hashed: the same in every zone."""
    return instant.astimezone(UTC).isoformat() if instant else None
