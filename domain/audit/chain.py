"""The audit trail as a chain: an entry's content, its canonical form, its hash, and whether it follows the one before.

Each program has a chain of its own, numbered from 1; `EVERYWHERE` is the chain of facts that concern no single program. The
hash of an entry covers the whole entry and the hash before it, so that no entry can be changed, removed, inserted or moved
without breaking the chain after it.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator

from domain.model import Message

Action = Literal[
    "program_started",
    "revision_submitted",
    "revision_recalled",
    "end_asked",
    "cohort_changed",
    "held",
    "hold_lifted",
    "halted",
    "halt_lifted",
    "rollout_paused",
    "rollout_resumed",
    "rollout_held",
    "rollout_released",
    "rollout_stopped",
    "gate_opened",
    "gate_reminded",
    "gate_escalated",
    "gate_decided",
    "gate_beyond_reach",
    "vote",
    "readiness_signed",
    "readiness_unsigned",
    "delegation_given",
    "delegation_ended",
    "api_key_made",
    "api_key_revoked",
]
EVERYWHERE = "*"
"""In place of a program's id, for facts that concern no single program, such as an API key. No program can have this id."""
SYSTEM = "tenure"
"""The actor of facts that no person caused: a reminder, an escalation, an expiry."""
BEGINNING = "0" * 64
"""In place of the hash before the first entry."""


def _kept(value: Any) -> Any:
    """A text in a form that every database and encoding keeps: forged texts must be recorded too, whatever they hold."""
    if not isinstance(value, str):
        return value
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _plain(value: Any) -> Any:
    """A value that JSON returns exactly as written: fractions become texts, because a database may reformat them."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {_kept(str(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return _kept(_instant(value) if isinstance(value, datetime) else str(value))


Kept = Annotated[str, BeforeValidator(_kept)]


class Fact(Message):
    """A fact to record: the actor, their role and whom they acted for, the action, its subject (`about`), and the instant.

    `about` is a gate's id, a revision, a key's id. `key` makes a repetition the same fact: the chain has one entry for it.
    `refusal` is the code of its refusal; None if it was accepted. `details` are JSON, whose fractions become texts.
    """

    program: str
    at: AwareDatetime
    action: Action
    actor: Kept
    role: Kept | None = None
    on_behalf_of: Kept | None = None
    about: Kept | None = None
    key: Kept | None = None
    refusal: Kept | None = None
    details: Annotated[dict[str, Any], BeforeValidator(_plain)] = {}


class AuditEntry(Message):
    """A fact in its place in the chain; the hashes are hexadecimal digits, `recorded_at` is the database's clock."""

    program: str
    number: int
    at: datetime
    action: str
    actor: str
    role: str | None
    on_behalf_of: str | None
    about: str | None
    key: str | None
    refusal: str | None
    details: dict[str, Any]
    previous: str
    hash: str
    recorded_at: datetime


class AuditHead(Message):
    """The last entry of a chain, by its number and hash: worth noting where the database's owner cannot write."""

    number: int
    hash: str


Problem = Literal["changed", "missing", "out_of_order", "inserted"]


class AuditMisfit(Message):
    """The first entry that is not as written, and the problem with it."""

    number: int
    problem: Problem


def entered(fact: Fact, head: AuditHead | None, recorded_at: datetime) -> AuditEntry:
    """The fact as the entry after the head of its chain (None: the first entry)."""
    entry = AuditEntry(
        **fact.model_dump(),
        number=head.number + 1 if head else 1,
        previous=head.hash if head else BEGINNING,
        hash="",
        recorded_at=recorded_at,
    )
    return entry.model_copy(update={"hash": entry_hash(entry)})


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over the hash before the entry and its canonical JSON, as hex."""
    return hashlib.sha256(bytes.fromhex(entry.previous) + canonical_json(entry).encode()).hexdigest()


def canonical_json(entry: AuditEntry) -> str:
    """One text for one meaning: sorted keys, no blanks, instants in UTC, unset fields left out (so that new fields of later
    versions change no hash).
    """
    said = {name: value for name, value in entry.model_dump(exclude={"previous", "hash"}).items() if value is not None}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_instant)


def problem_of(head: AuditHead | None, entry: AuditEntry) -> AuditMisfit | None:
    """The problem of an entry that follows the head of the verified entries, or None."""
    number = head.number + 1 if head else 1
    if entry.number != number:
        return AuditMisfit(number=number, problem="missing")
    if entry_hash(entry) != entry.hash:
        return AuditMisfit(number=number, problem="changed")
    if entry.previous != (head.hash if head else BEGINNING):
        return AuditMisfit(number=number, problem="out_of_order")
    return None


def head_of(entry: AuditEntry) -> AuditHead:
    """The head of a chain whose last entry is this one."""
    return AuditHead(number=entry.number, hash=entry.hash)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")
