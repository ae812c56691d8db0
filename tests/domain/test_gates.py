"""The gate's reducer: who may decide, what a vote does, what time does, and that the order of arrival does not matter."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition import GatePolicy, GateRule, Role
from domain.gates import Answer, Decision, GateState, Person, Subject, decide, expire, refuse, withdraw
from domain.period import Period

OPENED = datetime(2026, 5, 3, 9, tzinfo=UTC)
DUE = OPENED + timedelta(days=14)
DIGEST = "d" * 64
ROLES: tuple[Role, ...] = ("finance", "legal", "marketing", "operations")


def opened(*rules: tuple[Role, int], excluded: tuple[str, ...] = ("owner",)) -> GateState:
    return GateState(
        id="program/club/r1/gate/launch/1",
        gate="launch",
        round=1,
        subject=Subject(kind="revision", program="club", revision=1, title="the launch of Club", digest=DIGEST),
        policy=GatePolicy(
            rules=tuple(GateRule(role=role, count=count) for role, count in rules), deadline=Period.parse("P14D")
        ),
        excluded=excluded,
        opened_at=OPENED,
        due=DUE,
    )


def vote(
    person: str,
    *roles: Role,
    answer: Answer = "approve",
    role: Role | None = None,
    digest: str = DIGEST,
    reason: str = "",
    key: str = "k",
) -> Decision:
    return Decision(person=Person(id=person, roles=roles), role=role, answer=answer, reason=reason, digest=digest, key=key)


def after(state: GateState, *decisions: Decision, at: datetime = OPENED) -> GateState:
    """The gate after those of the decisions that count."""
    for decision in decisions:
        if refuse(state, decision, at) is None:
            state = decide(state, decision, at)
    return state


def code(state: GateState, decision: Decision, at: datetime = OPENED) -> str | None:
    refusal = refuse(state, decision, at)
    return refusal.code if refusal else None


def test_every_rule_must_be_met() -> None:
    gate = opened(("finance", 2), ("legal", 1))
    assert gate.missing == {"finance": 2, "legal": 1}
    gate = after(gate, vote("ann", "finance"), vote("bob", "legal"))
    assert (gate.missing, gate.outcome) == ({"finance": 1}, None)
    gate = after(gate, vote("cid", "finance"), at=OPENED + timedelta(days=1))
    assert (gate.missing, gate.outcome, gate.decided_at) == ({}, "approved", OPENED + timedelta(days=1))


@pytest.mark.parametrize(("answer", "outcome"), [("reject", "rejected"), ("request_changes", "changes_requested")])
def test_one_voice_against_ends_the_gate_with_its_reason(answer: Answer, outcome: str) -> None:
    gate = after(opened(("finance", 1), ("legal", 1)), vote("ann", "finance"))
    gate = after(gate, vote("bob", "legal", answer=answer, reason="The terms name no end"))
    assert gate.outcome == outcome
    assert gate.reasons == "bob: The terms name no end"


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (vote("owner", "finance"), "four_eyes"),
        (vote("ann", "finance", digest="e" * 64), "subject_changed"),
        (vote("ann", "marketing"), "role_not_asked"),
        (vote("ann"), "role_not_asked"),
        (vote("ann", "finance", "legal", role="marketing"), "role_not_asked"),
        (vote("ann", "finance", role="legal"), "role_not_asked"),
        (vote("ann", "finance", answer="reject"), "reason_missing"),
        (vote("ann", "finance", answer="request_changes", reason="  "), "reason_missing"),
        (vote("bob", "finance"), "already_voted"),
        (vote("ann", "finance"), None),
        (vote("ann", "finance", "legal", role="legal"), None),
    ],
)
def test_what_cannot_count_is_refused_with_its_code(decision: Decision, expected: str | None) -> None:
    gate = after(opened(("finance", 2), ("legal", 1)), vote("bob", "finance"))
    assert code(gate, decision) == expected


def test_a_decided_gate_takes_no_more_votes() -> None:
    gate = after(opened(("finance", 1)), vote("ann", "finance"))
    assert code(gate, vote("bob", "finance")) == "gate_decided"


def test_the_deadline_ends_voting_and_never_approves() -> None:
    gate = opened(("finance", 1))
    assert code(gate, vote("ann", "finance"), DUE - timedelta(microseconds=1)) is None
    assert code(gate, vote("ann", "finance"), DUE) == "gate_expired"
    assert expire(gate, DUE).outcome == "expired"
    assert code(expire(gate, DUE), vote("ann", "finance"), DUE) == "gate_decided"


def test_neither_time_nor_a_withdrawal_changes_what_was_decided() -> None:
    approved = after(opened(("finance", 1)), vote("ann", "finance"))
    assert expire(approved, DUE) == withdraw(approved, DUE) == approved
    assert withdraw(opened(("finance", 1)), OPENED).outcome == "withdrawn"


def test_who_has_two_roles_counts_once_and_for_the_role_that_the_others_leave() -> None:
    gate = opened(("finance", 1), ("legal", 1))
    both, one = vote("ann", "finance", "legal"), vote("bob", "finance")
    assert after(gate, both).outcome is None
    for order in ([both, one], [one, both]):
        decided = after(gate, *order)
        assert decided.outcome == "approved"
        assert {each.person: each.role for each in decided.votes} == {"ann": "legal", "bob": "finance"}


def test_a_role_that_is_named_is_kept() -> None:
    gate = after(opened(("finance", 1), ("legal", 1)), vote("ann", "finance", "legal", role="finance"), vote("bob", "finance"))
    assert (gate.outcome, gate.missing) == (None, {"legal": 1})


people = st.lists(st.sets(st.sampled_from(ROLES), min_size=1), min_size=1, max_size=6)
policies = st.dictionaries(st.sampled_from(ROLES), st.integers(1, 3), min_size=1)


def _can_be_met(policy: dict[Role, int], voters: list[set[Role]]) -> bool:
    """By trying every way to give the places to the voters."""
    places = [role for role, count in policy.items() for _ in range(count)]
    return any(
        all(role in voter for role, voter in zip(places, order, strict=True)) for order in permutations(voters, len(places))
    )


@given(policies, people, st.randoms(use_true_random=False))
def test_the_order_of_approvals_does_not_change_the_outcome(
    policy: dict[Role, int], voters: list[set[Role]], random: Random
) -> None:
    gate = opened(*policy.items())
    votes = [vote(f"p{number}", *sorted(roles)) for number, roles in enumerate(voters)]
    shuffled = list(votes)
    random.shuffle(shuffled)
    first, second = after(gate, *votes), after(gate, *shuffled)
    assert first.outcome == second.outcome == ("approved" if _can_be_met(policy, voters) else None)
    assert sum(first.missing.values()) == sum(second.missing.values())


@given(policies, people)
def test_a_vote_counts_for_a_role_that_the_person_has_and_the_gate_asks_for(
    policy: dict[Role, int], voters: list[set[Role]]
) -> None:
    gate = after(opened(*policy.items()), *(vote(f"p{number}", *sorted(roles)) for number, roles in enumerate(voters)))
    for each in gate.votes:
        assert each.role in voters[int(each.person[1:])] & policy.keys()


decisions = st.lists(
    st.builds(
        vote,
        st.sampled_from(["owner", "editor", "p1", "p2", "p3", "p4"]),
        st.sampled_from(ROLES),
        st.sampled_from(ROLES),
        answer=st.sampled_from(get_args(Answer)),
        digest=st.sampled_from([DIGEST, "e" * 64]),
        reason=st.sampled_from(["", "Because"]),
    ),
    max_size=12,
)


@given(policies, decisions)
def test_nobody_counts_twice_and_nobody_who_is_left_out_counts_at_all(policy: dict[Role, int], made: list[Decision]) -> None:
    gate = after(opened(*policy.items(), excluded=("owner", "editor")), *made)
    voters = [each.person for each in gate.votes]
    assert len(voters) == len(set(voters))
    assert not {"owner", "editor"} & set(voters)
    right = {decision.person.id for decision in made if decision.digest == DIGEST}
    assert set(voters) <= right


@given(policies, decisions)
def test_every_decision_sent_twice_changes_nothing(policy: dict[Role, int], made: list[Decision]) -> None:
    gate = opened(*policy.items())
    assert after(gate, *made) == after(gate, *(each for decision in made for each in (decision, decision)))


@given(policies, decisions)
def test_only_enough_approvals_approve(policy: dict[Role, int], made: list[Decision]) -> None:
    gate = expire(after(opened(*policy.items()), *made), DUE)
    approvals = [each for each in gate.votes if each.answer == "approve"]
    enough = all(sum(each.role == role for each in approvals) >= count for role, count in policy.items())
    against = any(each.answer != "approve" for each in gate.votes)
    assert (gate.outcome == "approved") == (enough and not against)
    assert gate.outcome is not None
