"""The inbox: who can fill a place now, for whom, and that whoever acts on it is heard."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gates.delegations import Delegation
from domain.gates.inbox import Way, ways
from domain.gates.reducer import take
from domain.gates.state import Decision, GateState, Mandate
from domain.identity.person import Person
from domain.identity.roles import Role
from tests.domain.gates.test_gates import DUE, ESCALATED, OPENED, ROLES, after, opened, vote


def lent(delegator: str, *roles: Role, delegate: str = "ann", program: str | None = None, until: datetime = DUE) -> Delegation:
    return Delegation(
        id=f"{delegator}-{delegate}", giver=delegator, taker=delegate, roles=roles, program=program, since=OPENED, until=until
    )


def shown(
    state: GateState, person: str, *roles: Role, lent: tuple[Delegation, ...] = (), at: datetime = OPENED
) -> list[tuple[str | None, Role, bool]]:
    return [(way.on_behalf_of, way.role, way.decides) for way in ways(state, Person(id=person, roles=roles), lent, at)]


def test_a_gate_waits_for_who_can_fill_a_place() -> None:
    state = opened(("finance", 1), ("legal", 1))
    assert shown(state, "ann", "finance") == [(None, "finance", False)]
    assert shown(state, "ann", "marketing") == []
    assert shown(state, "owner", "finance") == []
    assert shown(after(state, vote("bob", "finance")), "ann", "legal") == [(None, "legal", True)]


def test_it_no_longer_waits_for_a_role_whose_places_are_filled() -> None:
    state = after(opened(("finance", 1), ("legal", 1)), vote("bob", "finance"))
    assert shown(state, "ann", "finance") == []
    assert shown(state, "bob", "finance", "legal") == [], "one person counts once"
    both = after(opened(("finance", 1), ("legal", 1)), vote("bob", "finance", "legal"))
    assert shown(both, "ann", "finance") == [(None, "finance", True)], "whose vote could count for the other role too"


def test_it_waits_for_a_later_step_only_once_that_is_open() -> None:
    state = opened(("finance", 1, 1), ("legal", 1, 2))
    assert shown(state, "ann", "legal") == []
    assert shown(after(state, vote("bob", "finance")), "ann", "legal") == [(None, "legal", True)]


def test_it_waits_for_the_role_of_the_escalation_from_its_time_on() -> None:
    state = opened(("finance", 1))
    assert shown(state, "ann", "operator", at=ESCALATED - timedelta(seconds=1)) == []
    assert shown(state, "ann", "operator", at=ESCALATED) == [(None, "finance", True)]


def test_nothing_waits_at_a_gate_that_is_decided_or_due() -> None:
    state = opened(("finance", 1))
    assert shown(after(state, vote("bob", "finance")), "ann", "finance") == []
    assert shown(state, "ann", "finance", at=DUE) == []


@pytest.mark.parametrize(
    ("delegation", "expected"),
    [
        (lent("bob", "finance"), [("bob", "finance", True)]),
        (lent("bob", "finance", program="club"), [("bob", "finance", True)]),
        (lent("bob", "finance", program="another"), []),
        (lent("bob", "finance", until=OPENED), []),
        (lent("bob", "finance", delegate="carl"), []),
        (lent("bob", "legal"), []),
        (lent("owner", "finance"), []),
    ],
)
def test_it_waits_for_a_delegate_as_far_as_the_delegation_holds(
    delegation: Delegation, expected: list[tuple[str | None, Role, bool]]
) -> None:
    assert shown(opened(("finance", 1)), "ann", "analyst", lent=(delegation,)) == expected


def test_ones_own_voice_comes_first_and_each_delegation_is_a_way_of_its_own() -> None:
    state = opened(("finance", 2))
    found = shown(state, "ann", "finance", lent=(lent("bob", "finance"), lent("carl", "finance")))
    assert found == [(None, "finance", False), ("bob", "finance", False), ("carl", "finance", False)]
    assert shown(after(state, vote("bob", "finance")), "ann", lent=(lent("bob", "finance"),)) == []


@given(
    st.dictionaries(st.sampled_from(ROLES), st.tuples(st.integers(1, 2), st.integers(1, 2)), min_size=1),
    st.lists(st.tuples(st.sampled_from(["ann", "bob", "carl", "dora", "owner"]), st.sets(st.sampled_from(ROLES))), max_size=5),
    st.sets(st.sampled_from(ROLES)),
    st.sets(st.sampled_from(ROLES), min_size=1),
)
def test_whoever_acts_on_what_waits_is_heard_and_fills_the_place_that_was_named(
    policy: dict[Role, tuple[int, int]], votes: list[tuple[str, set[Role]]], own: set[Role], given_roles: set[Role]
) -> None:
    steps = sorted({step for _, step in policy.values()})
    rules = [(role, count, steps.index(step) + 1) for role, (count, step) in policy.items()]
    state = after(opened(*rules), *(vote(who, *sorted(roles), key=str(place)) for place, (who, roles) in enumerate(votes)))
    person = Person(id="eve", roles=tuple(sorted(own)))
    delegation = lent("bob", *sorted(given_roles), delegate="eve")

    def taken(way: Way) -> GateState:
        mandate = Mandate(delegation=delegation.id, giver="bob", roles=delegation.roles) if way.on_behalf_of else None
        decision = Decision(person=person, answer="approve", digest=state.subject.digest, key="new", on_behalf_of=mandate)
        found = take(state, decision, OPENED)
        assert isinstance(found, GateState)
        return found

    for way in ways(state, person, (delegation,), OPENED):
        gate = taken(way)
        assert (gate.votes[-1].role, gate.outcome == "approved") == (way.role, way.decides)
        assert sum(gate.missing.values()) == sum(state.missing.values()) - 1
