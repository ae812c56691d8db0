"""Delegations: what can be lent to whom, when it holds, and that no circle of them ever arises."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gates.delegations import Delegation, refuse, refuse_to_act
from domain.gates.state import Decision, Mandate
from domain.identity.person import Person
from domain.identity.roles import Role

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)


def day(number: float) -> datetime:
    return NOW + timedelta(days=number)


def lent(
    delegator: str = "ann",
    delegate: str = "bob",
    *roles: Role,
    program: str | None = None,
    since: float = 0,
    until: float = 10,
    ended: float | None = None,
) -> Delegation:
    return Delegation(
        id=f"{delegator}-{delegate}",
        giver=delegator,
        taker=delegate,
        roles=roles or ("finance",),
        program=program,
        since=day(since),
        until=day(until),
        ended_at=day(ended) if ended is not None else None,
    )


def code(proposed: Delegation, *others: Delegation, own: tuple[Role, ...] = ("finance",)) -> str | None:
    refusal = refuse(proposed, own, others, NOW)
    return refusal.code if refusal else None


@pytest.mark.parametrize(
    ("proposed", "own", "expected"),
    [
        (lent(), ("finance",), None),
        (lent(since=3, until=3.5), ("finance", "legal"), None),
        (lent(delegate="ann"), ("finance",), "delegation_to_oneself"),
        (lent(since=5, until=5), ("finance",), "delegation_ends_before_it_begins"),
        (lent(since=5, until=4), ("finance",), "delegation_ends_before_it_begins"),
        (lent(since=-5, until=-1), ("finance",), "delegation_over"),
        (lent(since=-5, until=0), ("finance",), "delegation_over"),
        (lent("ann", "bob", "finance", "legal"), ("finance",), "delegation_of_foreign_role"),
        (lent(), (), "delegation_of_foreign_role"),
        (lent().model_copy(update={"roles": ()}), (), "delegation_of_nothing"),
    ],
)
def test_what_cannot_be_lent_is_refused_with_its_code(
    proposed: Delegation, own: tuple[Role, ...], expected: str | None
) -> None:
    assert code(proposed, own=own) == expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([lent("bob", "ann")], "delegation_circle"),
        ([lent("bob", "ann", "legal", since=9, until=30)], "delegation_circle"),
        ([lent("bob", "cid"), lent("cid", "ann")], "delegation_circle"),
        ([lent("bob", "cid", program="club"), lent("cid", "ann")], "delegation_circle"),
        ([lent("bob", "ann", since=10, until=30)], None),
        ([lent("bob", "ann", since=-9, ended=-1)], None),
        ([lent("bob", "cid", until=4), lent("cid", "ann", since=4)], None),
        ([lent("bob", "cid", program="club"), lent("cid", "ann", program="other")], None),
        ([lent("cid", "bob"), lent("ann", "cid")], None),
    ],
)
def test_a_circle_that_would_hold_at_some_instant_in_some_program_is_refused(
    others: list[Delegation], expected: str | None
) -> None:
    assert code(lent(), *others) == expected


def test_a_circle_names_its_people() -> None:
    refusal = refuse(lent(), ("finance",), [lent("bob", "cid"), lent("cid", "ann")], NOW)
    assert refusal is not None
    assert "bob for cid for ann" in refusal.detail


def test_different_programs_make_no_circle() -> None:
    assert code(lent(program="club"), lent("bob", "ann", program="other")) is None
    assert code(lent(program="club"), lent("bob", "ann", program="club")) == "delegation_circle"


proposals = st.lists(
    st.builds(
        lent,
        st.sampled_from("abcd"),
        st.sampled_from("abcd"),
        program=st.sampled_from([None, "club", "other"]),
        since=st.integers(0, 8),
        until=st.integers(1, 9),
    ),
    max_size=12,
)


@given(proposals)
def test_whatever_is_asked_for_no_circle_ever_holds(asked: list[Delegation]) -> None:
    given_: list[Delegation] = []
    for proposed in asked:
        if refuse(proposed, ("finance",), given_, NOW) is None:
            given_.append(proposed)
    for instant in range(10):
        for program in ("club", "other"):
            edges = {(each.giver, each.taker) for each in given_ if each.holds(program, day(instant))}
            assert not any(_reaches(edges, person, person) for person in "abcd")


def _reaches(edges: set[tuple[str, str]], start: str, end: str) -> bool:
    reached: set[str] = set()
    found = {delegate for delegator, delegate in edges if delegator == start}
    while found - reached:
        reached |= found
        found = {delegate for delegator, delegate in edges if delegator in reached}
    return end in reached


def act(delegator: str = "ann", person: str = "bob", *roles: Role) -> Decision:
    mandate = Mandate(delegation="d", giver=delegator, roles=roles or ("finance",))
    return Decision(person=Person(id=person, roles=()), answer="approve", digest="d" * 64, key="k", on_behalf_of=mandate)


@pytest.mark.parametrize(
    ("delegation", "decision", "at", "holds"),
    [
        (lent(), act(), 0, True),
        (lent(), act(), 9.999, True),
        (lent(), act(), 10, False),
        (lent(), act(), -0.001, False),
        (lent(ended=5), act(), 4, True),
        (lent(ended=5), act(), 5, False),
        (lent(program="club"), act(), 1, True),
        (lent(program="other"), act(), 1, False),
        (lent(), act("cid"), 1, False),
        (lent(), act("ann", "cid"), 1, False),
        (lent(), act("ann", "bob", "legal"), 1, False),
        (None, act(), 1, False),
    ],
)
def test_who_decides_for_another_needs_a_delegation_that_holds_then_and_there(
    delegation: Delegation | None, decision: Decision, at: float, *, holds: bool
) -> None:
    refusal = refuse_to_act(delegation, decision, "club", day(at))
    assert (refusal.code if refusal else None) == (None if holds else "no_delegation")


def test_who_decides_for_themselves_needs_none() -> None:
    own = act().model_copy(update={"on_behalf_of": None})
    assert refuse_to_act(None, own, "club", NOW) is None
