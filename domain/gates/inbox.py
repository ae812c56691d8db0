"""The inbox: the ways in which a person can decide at a gate now, and the effect of their approval."""

from collections.abc import Sequence
from datetime import datetime

from domain.gates.delegations import Delegation
from domain.gates.reducer import decide, refuse
from domain.gates.state import Decision, GateState, Mandate
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.model import Message

_ASKING = "inbox"
"""The key of decisions that are only tried, to show their effect."""


class Way(Message):
    """One way in which a person can decide at a gate: for themselves, or for somebody who has delegated to them.

    `role` is the place that an approval would fill; `decides` says whether the gate would be approved by it.
    """

    on_behalf_of: str | None
    delegation: str | None
    role: Role
    decides: bool


def ways(state: GateState, person: Person, lent: Sequence[Delegation], now: datetime) -> tuple[Way, ...]:
    """Every way in which this person's approval would fill a missing place; their own vote first.

    `lent` are delegations; those to other people, or that do not hold here and now, are left out.
    """
    mandates = [
        Mandate(delegation=each.id, giver=each.giver, roles=each.roles)
        for each in lent
        if each.taker == person.id and each.holds(state.subject.program, now)
    ]
    found = [_way(state, person, mandate, now) for mandate in (None, *mandates)]
    return tuple(way for way in found if way is not None)


def _way(state: GateState, person: Person, mandate: Mandate | None, now: datetime) -> Way | None:
    approval = Decision(person=person, answer="approve", digest=state.subject.digest, key=_ASKING, on_behalf_of=mandate)
    if refuse(state, approval, now) is not None:
        return None
    after = decide(state, approval, now)
    if sum(after.missing.values()) == sum(state.missing.values()):
        return None  # its places are filled already
    return Way(
        on_behalf_of=mandate.giver if mandate else None,
        delegation=mandate.delegation if mandate else None,
        role=after.votes[-1].role,
        decides=after.outcome == "approved",
    )
