"""Program holds: which capabilities a program is closed for, since when, by whom and why; who may lift them. Pure.

A hold does not change the stage. A `hold` stops the named capabilities, by default enrolment and the opening of waves.
`suspended_insolvency` (a halt) stops everything at once. Events before a hold still count; events during it never do. A
redemption under way is settled. While redeeming is stopped, no points expire: each lot is extended by the time of the hold.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, get_args

from domain.identity.roles import Role
from domain.model import Message

Capability = Literal["enrolment", "earning", "redeeming", "rollout"]
"""The capabilities of a program: joining, points for events, spending points, and the opening of further waves."""
Kind = Literal["hold", "suspended_insolvency"]
EVERYTHING: tuple[Capability, ...] = get_args(Capability)
BY_DEFAULT: tuple[Capability, ...] = ("enrolment", "rollout")
"""The capabilities that a hold stops by default: it takes nothing from members."""


class ProgramHold(Message):
    """A hold on a program, active or lifted. `until` is the first instant at which it is over."""

    id: int
    kind: Kind
    stops: tuple[Capability, ...]
    reason: str
    begun_by: str
    since: datetime
    until: datetime | None = None
    lifted_by: str | None = None
    lifted_why: str = ""

    def stands_at(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)

    @property
    def what(self) -> str:
        """The kind in a word, for people."""
        return "hold" if self.kind == "hold" else "halt"


class ActiveHolds(Message):
    """A program's active holds, in the order in which they began."""

    holds: tuple[ProgramHold, ...]


class Lifting(Message):
    """A person's request to resume a program from an instant; `key` makes a repetition the same request."""

    program: str
    by: str
    reason: str
    at: datetime
    key: str


class Lifted(Message):
    """The hold that was lifted, and the holds that are still active."""

    hold: ProgramHold
    standing: tuple[ProgramHold, ...]


def active(holds: Iterable[ProgramHold]) -> tuple[ProgramHold, ...]:
    """The holds that are not lifted, in the order in which they began."""
    return tuple(sorted((hold for hold in holds if hold.until is None), key=lambda hold: (hold.since, hold.id)))


def stopping(holds: Iterable[ProgramHold], capability: Capability, at: datetime) -> ProgramHold | None:
    """The hold that stops a capability at an instant, a halt before a hold; None if nothing stops it."""
    found = [hold for hold in holds if capability in hold.stops and hold.stands_at(at)]
    return min(found, key=lambda hold: (hold.kind == "hold", hold.since), default=None)


def next_lifted(holds: Iterable[ProgramHold]) -> ProgramHold | None:
    """The hold that is lifted next: a halt first; a hold beside it stays, and is lifted in a step of its own."""
    found = active(holds)
    return next((hold for hold in found if hold.kind != "hold"), found[0] if found else None)


LIFTED_BY: dict[Kind, frozenset[Role]] = {
    "hold": frozenset({"product_owner", "operations", "operator"}),
    "suspended_insolvency": frozenset({"finance", "operations"}),
}
"""The roles that may lift each kind."""


def describe(hold: ProgramHold) -> str:
    """A hold in a sentence: since when, by whom, why, and the capabilities that it stops."""
    stopped = ", ".join(hold.stops)
    until = f" until {instant(hold.until)}" if hold.until is not None else ""
    name = "On hold" if hold.kind == "hold" else "Halted (suspended, insolvency)"
    return f"{name} since {instant(hold.since)}{until} by {hold.begun_by} because: {hold.reason}; stops {stopped}"


def banner(holds: Iterable[ProgramHold], program: str) -> str:
    """The active holds, in Markdown, above the state of a program; empty without any."""
    return "\n\n".join(f"**{describe(hold)}; to act: `tenure program resume {program} --reason …`**" for hold in active(holds))


def instant(at: datetime | None) -> str:
    """An instant as people read it; a dash for none."""
    return f"{at:%d %b %Y %H:%M:%S} UTC" if at is not None else "-"
