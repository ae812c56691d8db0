"""The gate's reducer: who may decide, what a vote does, what time does, and that the order of arrival does not matter."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition.gates import Escalation, GatePolicy, GateRule
from domain.gates.reducer import changed, expire, pass_time, passed, places_for, refuse, take, upcoming, withdraw
from domain.gates.state import Decision, GateState, Mandate, Refusal, Subject, VoteChoice
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.period import Period

OPENED = datetime(2026, 5, 3, 9, tzinfo=UTC)
DUE = OPENED + timedelta(days=14)
ESCALATED = OPENED + timedelta(days=10)
DIGEST = "d" * 64
ROLES: tuple[Role, ...] = ("finance", "legal", "marketing", "operations")


def opened(*rules: tuple[Role, int] | tuple[Role, int, int], excluded: tuple[str, ...] = ("owner",)) -> GateState:
    """A gate that asks each role so many times, in its step."""
    return GateState(
        id="program/club/r1/gate/launch/1",
        gate="launch",
        round=1,
        subject=Subject(kind="revision", program="club", revision=1, title="the launch of Club", digest=DIGEST),
        policy=GatePolicy(
            rules=tuple(GateRule(role=role, count=count, step=step[0] if step else 1) for role, count, *step in rules),
            deadline=Period.parse("P14D"),
            reminders=(Period.parse("P3D"), Period.parse("P7D")),
            escalation=Escalation(after=Period.parse("P10D"), to="operator"),
            break_glass="operations",
        ),
        excluded=excluded,
        opened_at=OPENED,
        due=DUE,
        reminders=(OPENED + timedelta(days=3), OPENED + timedelta(days=7)),
        escalates_at=ESCALATED,
    )


def vote(
    person: str,
    *roles: Role,
    answer: VoteChoice = "approve",
    role: Role | None = None,
    digest: str = DIGEST,
    reason: str = "",
    key: str = "k",
) -> Decision:
    return Decision(person=Person(id=person, roles=roles), role=role, answer=answer, reason=reason, digest=digest, key=key)


def for_another(
    person: str,
    delegator: str,
    *roles: Role,
    own: tuple[Role, ...] = (),
    answer: VoteChoice = "approve",
    reason: str = "",
    key: str = "d",
) -> Decision:
    """A decision on behalf of the giver, in the roles that the giver lends."""
    decision = vote(person, *own, answer=answer, reason=reason, key=key)
    return decision.model_copy(update={"on_behalf_of": Mandate(delegation="d1", giver=delegator, roles=roles)})


def after(state: GateState, *decisions: Decision, at: datetime = OPENED) -> GateState:
    """The gate after those of the decisions that count."""
    for decision in decisions:
        taken = take(state, decision, at)
        state = state if isinstance(taken, Refusal) else taken
    return state


def seen(state: GateState) -> GateState:
    """The gate but for which keys it has heard."""
    return state.model_copy(update={"keys": ()})


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
def test_one_voice_against_ends_the_gate_with_its_reason(answer: VoteChoice, outcome: str) -> None:
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


def test_a_step_opens_once_all_before_it_are_met() -> None:
    gate = opened(("finance", 1, 1), ("legal", 1, 1), ("marketing", 1, 2))
    assert (gate.step, gate.waits_for) == (1, {"finance": 1, "legal": 1})
    assert code(gate, vote("cid", "marketing")) == "step_not_open"
    assert code(gate, vote("cid", "marketing", answer="reject", reason="No")) == "step_not_open"
    assert code(gate, vote("cid", "marketing", "legal", role="marketing")) == "step_not_open"
    gate = after(gate, vote("ann", "finance"))
    assert code(gate, vote("cid", "marketing")) == "step_not_open"
    gate = after(gate, vote("bob", "legal", "marketing"))
    assert (gate.step, gate.waits_for, gate.outcome) == (2, {"marketing": 1}, None)
    assert after(gate, vote("cid", "marketing")).outcome == "approved"


def test_a_vote_given_in_one_step_does_not_count_for_a_later_one() -> None:
    gate = after(opened(("finance", 1, 1), ("legal", 1, 2)), vote("ann", "finance", "legal"), vote("bob", "finance"))
    assert (gate.missing, gate.outcome) == ({"legal": 1}, None)
    gate = after(gate, vote("ann", "finance", "legal", answer="withdraw", key="w"), vote("ann", "legal", key="again"))
    assert gate.outcome == "approved"


def test_a_vote_that_is_taken_back_may_open_a_step_again() -> None:
    gate = after(opened(("finance", 1, 1), ("legal", 2, 2)), vote("ann", "finance"), vote("bob", "legal"))
    gate = after(gate, vote("ann", "finance", answer="withdraw", key="w"))
    assert (gate.step, gate.missing, [each.person for each in gate.votes]) == (1, {"finance": 1, "legal": 1}, ["bob"])


def test_a_vote_can_be_taken_back_until_the_gate_is_decided() -> None:
    gate = opened(("finance", 2))
    back = vote("ann", "finance", answer="withdraw", key="w")
    assert code(gate, back) == "nothing_to_withdraw"
    voted = after(gate, vote("ann", "finance"))
    assert seen(after(voted, back)) == seen(gate)
    assert after(voted, back, vote("ann", "finance", key="k2")).missing == {"finance": 1}
    decided = after(voted, vote("bob", "finance"))
    assert code(decided, back) == "gate_decided"


def test_what_was_taken_back_does_not_count_when_it_is_sent_again() -> None:
    first, back = vote("ann", "finance"), vote("ann", "finance", answer="withdraw", key="w")
    gate = after(opened(("finance", 1), ("legal", 1)), first, back)
    assert after(gate, first) == gate


def test_nobody_takes_back_the_vote_of_another() -> None:
    gate = after(opened(("finance", 2)), vote("ann", "finance"))
    assert code(gate, vote("bob", "finance", answer="withdraw")) == "nothing_to_withdraw"


def test_a_vote_for_another_counts_as_theirs_and_uses_both_voices() -> None:
    gate = after(opened(("finance", 2), ("legal", 1)), for_another("bob", "ann", "finance", own=("legal",)))
    (counted,) = gate.votes
    assert (counted.person, counted.on_behalf_of, counted.delegation, counted.role) == ("bob", "ann", "d1", "finance")
    assert code(gate, vote("ann", "finance")) == "already_voted"
    assert code(gate, vote("bob", "legal")) == "already_voted"
    assert code(gate, for_another("cid", "ann", "finance")) == "already_voted"
    assert code(gate, for_another("bob", "dan", "finance")) == "already_voted"
    assert code(gate, for_another("cid", "bob", "legal")) == "already_voted"


def test_a_delegate_has_the_lent_roles_and_no_others() -> None:
    gate = opened(("finance", 1))
    assert code(gate, for_another("bob", "ann", "legal", own=("finance",))) == "role_not_asked"
    assert code(gate, for_another("bob", "ann", "finance")) is None


@pytest.mark.parametrize(("person", "delegator"), [("owner", "ann"), ("ann", "owner")])
def test_whoever_is_left_out_neither_decides_for_another_nor_through_one(person: str, delegator: str) -> None:
    assert code(opened(("finance", 1)), for_another(person, delegator, "finance")) == "four_eyes"


@pytest.mark.parametrize("person", ["ann", "bob"])
def test_a_vote_in_my_name_can_be_taken_back_by_me_and_by_my_delegate(person: str) -> None:
    gate = opened(("finance", 2))
    voted = after(gate, for_another("bob", "ann", "finance"))
    assert seen(after(voted, vote(person, "finance", answer="withdraw", key="w"))) == gate


def test_the_glass_is_broken_alone_and_with_a_reason() -> None:
    gate = after(opened(("finance", 2), ("legal", 1, 2)), vote("ann", "finance"))
    assert code(gate, vote("oz", "operations", answer="break_glass")) == "reason_missing"
    broken = after(gate, vote("oz", "operations", answer="break_glass", reason="Points are lost by the minute"))
    assert (broken.outcome, broken.missing) == ("approved", {"finance": 1, "legal": 1})
    assert broken.glass is not None
    assert (broken.glass.person, broken.glass.role, broken.glass.answer) == ("oz", "operations", "break_glass")
    assert broken.reasons == "oz broke the glass: Points are lost by the minute"


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (vote("ann", "finance", answer="break_glass", reason="Now"), "break_glass_not_allowed"),
        (vote("owner", "operations", answer="break_glass", reason="Now"), "four_eyes"),
        (for_another("bob", "oz", "operations", answer="break_glass", reason="Now"), "break_glass_not_allowed"),
        (vote("oz", "operations", answer="break_glass", reason="Now", digest="e" * 64), "subject_changed"),
    ],
)
def test_nobody_else_breaks_the_glass(decision: Decision, expected: str) -> None:
    assert code(opened(("finance", 1)), decision) == expected


def test_without_a_role_for_it_no_glass_can_be_broken() -> None:
    gate = opened(("finance", 1))
    gate = gate.model_copy(update={"policy": gate.policy.model_copy(update={"break_glass": None})})
    assert code(gate, vote("oz", "operations", answer="break_glass", reason="Now")) == "break_glass_not_allowed"


def test_from_the_escalation_on_its_role_may_fill_any_place_of_the_open_step() -> None:
    gate = opened(("finance", 1), ("legal", 1, 2))
    stand_in, early = vote("oda", "operator"), ESCALATED - timedelta(microseconds=1)
    assert code(gate, stand_in, early) == "role_not_asked"
    assert places_for(gate, ("operator",), early) == ()
    assert places_for(gate, ("operator",), ESCALATED) == ("finance",)
    assert code(gate, vote("oda", "operator", role="operator"), ESCALATED) is None
    assert code(gate, vote("oda", "operator", role="finance"), ESCALATED) is None
    assert code(gate, vote("oda", "operator", role="legal"), ESCALATED) == "step_not_open"
    assert code(gate, vote("owner", "operator"), ESCALATED) == "four_eyes"
    gate = after(gate, stand_in, at=ESCALATED)
    assert (gate.missing, gate.outcome) == ({"legal": 1}, None)
    assert code(gate, stand_in, ESCALATED) == "already_voted"
    assert after(gate, vote("oto", "operator"), at=ESCALATED).outcome == "approved"


def test_time_reminds_escalates_and_ends_each_once() -> None:
    gate = opened(("finance", 1))
    lines = []
    while gate.outcome is None:
        kind, at = upcoming(gate)
        assert passed(gate, at - timedelta(microseconds=1)) is None
        assert passed(gate, at) == kind
        gate = pass_time(gate, at)
        lines.append((kind, (at - OPENED).days))
    assert lines == [("reminder", 3), ("reminder", 7), ("escalation", 10), ("deadline", 14)]
    assert (gate.outcome, passed(gate, DUE)) == ("expired", None)


def test_what_time_did_while_nobody_looked_is_told_once_and_the_gravest() -> None:
    gate = opened(("finance", 1))
    late = pass_time(gate, OPENED + timedelta(days=8))
    assert (late.reminded, passed(late, OPENED + timedelta(days=8))) == (2, None)
    later = pass_time(gate, OPENED + timedelta(days=11))
    assert (later.escalated, later.reminded, passed(later, OPENED + timedelta(days=11))) == (True, 2, None)
    assert pass_time(gate, OPENED + timedelta(days=30)).outcome == "expired"


def test_a_changed_subject_begins_a_new_round_in_which_no_vote_counts() -> None:
    gate = pass_time(after(opened(("finance", 2)), vote("ann", "finance")), OPENED + timedelta(days=3))
    other = gate.subject.model_copy(update={"digest": "e" * 64})
    at = OPENED + timedelta(days=5)
    new = changed(gate, other, at)
    assert (new.votes, new.round, new.subject, new.opened_at, new.due) == ((), 2, other, at, DUE + timedelta(days=5))
    assert (new.reminded, upcoming(new)) == (0, ("reminder", OPENED + timedelta(days=8)))
    assert new.escalates_at == ESCALATED + timedelta(days=5)
    assert code(new, vote("bob", "finance"), at) == "subject_changed"
    assert code(new, vote("ann", "finance", digest="e" * 64, key="k2"), at) is None
    assert changed(gate, gate.subject, at) == gate
    decided = after(gate, vote("bob", "finance"))
    assert changed(decided, other, at) == decided


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
        answer=st.sampled_from(get_args(VoteChoice)),
        digest=st.sampled_from([DIGEST, "e" * 64]),
        reason=st.sampled_from(["", "Because"]),
        key=st.sampled_from(["k1", "k2", "k3"]),
    ),
    max_size=12,
)
made_for_others = st.lists(
    st.builds(
        for_another,
        st.sampled_from(["owner", "p1", "p2", "p3"]),
        st.sampled_from(["editor", "p4", "p5", "p6"]),
        st.sampled_from(ROLES),
        answer=st.sampled_from(["approve", "withdraw", "break_glass"]),
        reason=st.just("Because"),
        key=st.sampled_from(["k1", "k4"]),
    ),
    max_size=6,
)
mixed = st.tuples(decisions, made_for_others).map(lambda both: [*both[0], *both[1]]).flatmap(st.permutations)
instants = st.integers(0, 20 * 24).map(lambda hours: OPENED + timedelta(hours=hours))


@given(policies, mixed)
def test_nobody_counts_twice_and_nobody_who_is_left_out_counts_at_all(policy: dict[Role, int], made: list[Decision]) -> None:
    gate = after(opened(*policy.items(), excluded=("owner", "editor")), *made)
    voices = [voice for each in gate.votes for voice in each.voices]
    assert len(voices) == len(set(voices))
    assert not {"owner", "editor"} & {*voices, *(gate.glass.voices if gate.glass else ())}
    assert {each.person for each in gate.votes} <= {decision.person.id for decision in made if decision.digest == DIGEST}


@given(policies, mixed, st.data())
def test_a_vote_that_is_taken_back_at_once_leaves_the_gate_as_it_was(
    policy: dict[Role, int], made: list[Decision], data: st.DataObject
) -> None:
    gate = after(opened(*policy.items(), excluded=("owner", "editor")), *made)
    who, roles = data.draw(st.sampled_from(["p1", "p7"])), data.draw(st.sampled_from(ROLES))
    given_now = vote(who, roles, key="new")
    voted = after(gate, given_now)
    if voted != gate and voted.outcome is None:
        assert seen(after(voted, vote(who, roles, answer="withdraw", key="back"))) == seen(gate)


@given(policies, mixed)
def test_a_new_digest_clears_every_vote(policy: dict[Role, int], made: list[Decision]) -> None:
    gate = after(opened(*policy.items(), excluded=("owner", "editor")), *made)
    new = changed(gate, gate.subject.model_copy(update={"digest": "f" * 64}), OPENED)
    if gate.outcome is None:
        assert new.votes == ()
        assert after(new, *made) == new
    else:
        assert new == gate


@given(policies, mixed, st.lists(instants, max_size=8))
def test_time_never_approves(policy: dict[Role, int], made: list[Decision], times: list[datetime]) -> None:
    gate = after(opened(*policy.items(), excluded=("owner", "editor")), *made)
    for at in sorted(times):
        later = pass_time(gate, at)
        assert later.outcome == gate.outcome or (gate.outcome, later.outcome) == (None, "expired")
        assert later.votes == gate.votes
        gate = later


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_within_the_steps_the_order_does_not_change_the_outcome(counts: list[int], random: Random) -> None:
    """Each role is a step of its own; those who are told to wait ask again later."""
    gate = opened(*((role, count, number) for number, (role, count) in enumerate(zip(ROLES, counts, strict=False), 1)))
    votes = [vote(f"{rule.role}-{number}", rule.role) for rule in gate.policy.rules for number in range(rule.count)]
    random.shuffle(votes)
    for _ in counts:
        for each in votes:
            if gate.outcome is None:
                asked = {rule.role: rule.step for rule in gate.policy.rules}[each.roles[0]]
                assert (code(gate, each) == "step_not_open") == (asked > gate.step)
            gate = after(gate, each)
    assert gate.outcome == "approved"


@given(policies, mixed)
def test_every_decision_sent_twice_changes_nothing(policy: dict[Role, int], made: list[Decision]) -> None:
    gate = opened(*policy.items())
    assert after(gate, *made) == after(gate, *(each for decision in made for each in (decision, decision)))


@given(policies, mixed)
def test_only_enough_approvals_or_broken_glass_approve(policy: dict[Role, int], made: list[Decision]) -> None:
    gate = expire(after(opened(*policy.items()), *made), DUE)
    approvals = [each for each in gate.votes if each.answer == "approve"]
    enough = all(sum(each.role == role for each in approvals) >= count for role, count in policy.items())
    against = any(each.answer != "approve" for each in gate.votes)
    assert (gate.outcome == "approved") == ((enough and not against) or gate.glass is not None)
    assert gate.outcome is not None
