"""Opening a gate: its instants, automatic approval, whether its policy can be met, and the review after break glass."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from domain.definition.gates import GatePolicy
from domain.gates.matching import assign
from domain.gates.reducer import places
from domain.gates.state import GateState, Subject, Vote
from domain.identity.person import Person
from domain.identity.roles import Role

POLICY = "policy"
"""The actor of an automatic approval."""


def opening(
    gate: str,
    round_: int,
    subject: Subject,
    policy: GatePolicy,
    excluded: Sequence[str],
    at: datetime,
    zone: ZoneInfo,
    *,
    id_: str,
) -> GateState:
    """A new gate; its instants are fixed here, in the program's time zone."""
    return GateState(
        id=id_,
        gate=gate,
        round=round_,
        subject=subject,
        policy=policy,
        excluded=tuple(dict.fromkeys(excluded)),
        opened_at=at,
        due=policy.deadline.after(at, zone),
        reminders=tuple(after.after(at, zone) for after in policy.reminders),
        escalates_at=policy.escalation.after.after(at, zone) if policy.escalation else None,
    )


def approve_automatically(state: GateState, now: datetime) -> GateState:
    """The gate after a check of its automatic policy: approved if known figures meet every bound."""
    automatic = state.policy.automatic
    if state.outcome is not None or automatic is None:
        return state
    for bound in automatic.bounds:
        figure = state.subject.figures.get(bound.figure)
        if figure is None:
            return state
        if (bound.at_least is not None and figure < bound.at_least) or (bound.at_most is not None and figure > bound.at_most):
            return state
    return state.model_copy(update={"outcome": "approved", "by_policy": True, "decided_at": now})


def lacking(
    policy: GatePolicy, people: Sequence[Person], excluded: Sequence[str], votes: Sequence[Vote] = ()
) -> dict[Role, int]:
    """The roles for which too few distinct people are left, and how many are missing; empty if the gate can still be met.

    People who may stand in after the escalation count as well. A delegation adds nobody: it lends a vote, and doubles none.
    """
    used = {voice for vote in votes for voice in vote.voices}
    asked = places(policy)
    fits = [vote.roles for vote in votes if vote.answer == "approve"]
    stands_in = policy.escalation.to if policy.escalation else None
    fits += [
        tuple(asked) if stands_in in person.roles else person.roles
        for person in {person.id: person for person in people}.values()
        if person.id not in used and person.id not in excluded
    ]
    taken = assign(asked, fits)
    left: dict[Role, int] = {}
    for number, role in enumerate(asked):
        if number not in taken:
            left[role] = left.get(role, 0) + 1
    return left


def end_unsatisfiable(state: GateState, roles: Mapping[Role, int], now: datetime) -> GateState:
    """The gate once the people left cannot meet it: not approved, with the missing roles as the reason."""
    if state.outcome is not None:
        return state
    return state.model_copy(update={"outcome": "unsatisfiable", "lacking": dict(roles), "decided_at": now})


def review_of(gate: str, subject: Subject, policy: GatePolicy, glass: Vote) -> tuple[Subject, GatePolicy]:
    """The subject and the policy of the review after a break-glass approval: the same rules, and no way around them.

    The digest is that of the break-glass approval, so that the review's votes are for that and for nothing else.
    """
    done = "\n".join([gate, subject.digest, glass.person, glass.role, glass.at.isoformat(), glass.reason])
    title = f"review: {glass.person} ({glass.role}) broke the glass for {subject.title}, because: {glass.reason}"
    reviewed = subject.model_copy(
        update={"kind": "review", "title": title, "digest": sha256(done.encode()).hexdigest(), "figures": {}}
    )
    return reviewed, policy.model_copy(update={"automatic": None, "break_glass": None})
