"""How a gate opens: its instants, the written policy, whether it can be met at all, and the review of broken glass."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition.gates import AutomaticApproval, AutomaticBound, Escalation, GatePolicy, GateRule
from domain.gates.opening import approve_automatically, end_unsatisfiable, lacking, opening, review_of
from domain.gates.reducer import expire
from domain.gates.state import GateState, Subject, Vote
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.period import Period

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")
ROLES: tuple[Role, ...] = ("finance", "legal", "marketing")
CHEAP = AutomaticApproval(
    bounds=(
        AutomaticBound(figure="cost", at_most=Decimal(1000)),
        AutomaticBound(figure="members", at_least=Decimal(10), at_most=Decimal(20)),
    )
)


def subject(**figures: str) -> Subject:
    known = {name: Decimal(figure) for name, figure in figures.items()}
    return Subject(kind="revision", program="club", revision=1, title="the launch", digest="d" * 64, figures=known)


def opened(policy: GatePolicy, about: Subject | None = None) -> GateState:
    return opening("launch", 1, about or subject(), policy, ("owner", "owner", "editor"), AT, LONDON, id_="g")


def asking(*rules: tuple[Role, int], escalation: Escalation | None = None) -> GatePolicy:
    return GatePolicy(rules=tuple(GateRule(role=role, count=count) for role, count in rules), escalation=escalation)


def test_its_instants_are_those_of_the_programs_own_calendar() -> None:
    policy = asking(("finance", 1), escalation=Escalation(after=Period.parse("P1M"), to="operations"))
    policy = policy.model_copy(update={"deadline": Period.parse("P2M"), "reminders": (Period.parse("P7D"),)})
    gate = opened(policy)
    # Summer time begins on 29 March: a month later it is an hour earlier by UTC, seven days later it is not.
    assert gate.escalates_at == datetime(2026, 4, 20, 11, tzinfo=UTC)
    assert gate.due == datetime(2026, 5, 20, 11, tzinfo=UTC)
    assert gate.reminders == (datetime(2026, 3, 27, 12, tzinfo=UTC),)
    assert gate.excluded == ("owner", "editor")


@pytest.mark.parametrize(
    ("figures", "approved"),
    [
        ({"cost": "1000", "members": "10"}, True),
        ({"cost": "0", "members": "20"}, True),
        ({"cost": "1000.01", "members": "15"}, False),
        ({"cost": "1", "members": "9"}, False),
        ({"cost": "1", "members": "21"}, False),
        ({"cost": "1"}, False),
        ({}, False),
    ],
)
def test_the_written_policy_approves_where_every_figure_is_known_and_within_its_bounds(
    figures: dict[str, str], *, approved: bool
) -> None:
    gate = opened(asking(("finance", 1)).model_copy(update={"automatic": CHEAP}), subject(**figures))
    after = approve_automatically(gate, AT)
    assert (after.outcome, after.by_policy) == (("approved", True) if approved else (None, False))
    assert after.votes == ()


def test_without_a_written_policy_or_once_decided_nothing_is_approved_automatically() -> None:
    gate = opened(asking(("finance", 1)), subject(cost="1", members="15"))
    assert approve_automatically(gate, AT) == gate
    over = expire(opened(asking(("finance", 1)).model_copy(update={"automatic": CHEAP}), gate.subject), gate.due)
    assert approve_automatically(over, AT) == over


def people(*roles: set[Role]) -> list[Person]:
    return [Person(id=f"p{number}", roles=tuple(sorted(mine))) for number, mine in enumerate(roles)]


def test_who_is_lacking_is_named_with_how_many() -> None:
    policy = asking(("finance", 2), ("legal", 1))
    assert lacking(policy, people({"finance"}, {"marketing"}), ()) == {"finance": 1, "legal": 1}
    assert lacking(policy, people({"finance"}, {"finance"}, {"legal"}), ("p1",)) == {"finance": 1}
    assert not lacking(policy, people({"finance"}, {"finance"}, {"legal"}), ("owner",))


def test_one_person_with_two_roles_does_not_make_two() -> None:
    policy = asking(("finance", 1), ("legal", 1))
    assert sum(lacking(policy, people({"finance", "legal"}), ()).values()) == 1
    assert not lacking(policy, people({"finance", "legal"}, {"legal"}), ())


def test_who_was_listed_twice_counts_once() -> None:
    (ann,) = people({"finance"})
    assert lacking(asking(("finance", 2)), [ann, ann], ()) == {"finance": 1}


def test_who_may_stand_in_later_counts() -> None:
    policy = asking(("finance", 1), ("legal", 1), escalation=Escalation(after=Period.parse("P3D"), to="operations"))
    assert not lacking(policy, people({"finance"}, {"operations"}), ())
    assert lacking(policy, people({"finance"}, {"operations"}), ("p1",)) == {"legal": 1}


def test_votes_that_were_given_keep_their_places_and_use_up_their_voices() -> None:
    given_for = Vote(person="p0", role="finance", roles=("finance",), answer="approve", reason="", at=AT, on_behalf_of="p1")
    policy = asking(("finance", 2))
    assert lacking(policy, people({"finance"}, {"finance"}), (), [given_for]) == {"finance": 1}
    assert not lacking(policy, people({"finance"}, {"finance"}, {"finance"}), (), [given_for])


def test_a_gate_that_nobody_left_can_meet_ends_and_says_who_is_lacking() -> None:
    gate = opened(asking(("finance", 2), ("legal", 1)))
    ended = end_unsatisfiable(gate, {"finance": 2, "legal": 1}, AT)
    assert (ended.outcome, ended.decided_at) == ("unsatisfiable", AT)
    assert ended.reasons == "nobody is left who could approve as 2 finance, legal"
    over = expire(gate, gate.due)
    assert end_unsatisfiable(over, {"finance": 2}, AT) == over


@given(
    st.dictionaries(st.sampled_from(ROLES), st.integers(1, 2), min_size=1),
    st.lists(st.sets(st.sampled_from(ROLES)), max_size=5),
)
def test_a_gate_is_satisfiable_where_some_distribution_fills_every_place(
    rules: dict[Role, int], roles: list[set[Role]]
) -> None:
    places = [role for role, count in rules.items() for _ in range(count)]
    some = any(all(role in who for role, who in zip(places, order, strict=True)) for order in permutations(roles, len(places)))
    assert (not lacking(asking(*rules.items()), people(*roles), ())) == some


def test_a_review_asks_the_same_people_about_what_was_done_and_has_no_way_around_them() -> None:
    policy = asking(("finance", 2)).model_copy(update={"automatic": CHEAP, "break_glass": "operator"})
    glass = Vote(person="oz", role="operator", roles=("operator",), answer="break_glass", reason="It burns", at=AT)
    about, by = review_of("g", subject(cost="1"), policy, glass)
    assert (about.kind, about.program, about.figures) == ("review", "club", {})
    assert about.title == "review: oz (operator) broke the glass for the launch, because: It burns"
    assert (by.rules, by.automatic, by.break_glass) == (policy.rules, None, None)
    others = [
        review_of("g2", subject(), policy, glass),
        review_of("g", subject(), policy, glass.model_copy(update={"person": "al"})),
        review_of("g", subject(), policy, glass.model_copy(update={"reason": "It smokes"})),
    ]
    assert len({about.digest, *(each.digest for each, _ in others)}) == 4
