"""Two runs side by side: differences, changes of tier, and who gains and loses."""

from datetime import UTC, datetime
from decimal import Decimal

from domain.acceptance.comparison import compare
from domain.acceptance.prototype import MemberOutcomes, PrototypeResult, PrototypeRun, TierOfRun

AT = datetime(2025, 1, 1, tzinfo=UTC)
OLD = (TierOfRun(id="blue", name="Blue"), TierOfRun(id="silver", name="Silver"), TierOfRun(id="gold", name="Gold"))
NEW = (
    TierOfRun(id="blue", name="Blue"),
    TierOfRun(id="gold", name="Gold"),
    TierOfRun(id="top", name="Top", replaces=("silver",)),
)


def _run(
    tiers: tuple[TierOfRun, ...], members: dict[str, tuple[str, int]] | None, *, log: str = "a", money: str = "GBP"
) -> PrototypeRun:
    outcomes = None
    if members is not None:
        outcomes = MemberOutcomes(
            customer=tuple(members),
            tier=tuple(tier for tier, _ in members.values()),
            issued=tuple(points for _, points in members.values()),
            burned=(0,) * len(members),
            expired=(0,) * len(members),
        )
    result = PrototypeResult(
        figures={"cost": Decimal(sum(points for _, points in (members or {}).values()))},
        members_by_tier={tier.id: sum(each == tier.id for each, _ in (members or {}).values()) for tier in tiers},
        criteria=(),
        passed=True,
        transactions=1,
        period_start=AT,
        period_end=AT,
    )
    digest = ("0" if tiers is OLD else "1") * 64
    return PrototypeRun(
        program="p",
        name="P",
        definition_digest=digest,
        log="log",
        log_digest=log,
        money=money,
        tiers=tiers,
        result=result,
        members=outcomes,
    )


BEFORE = {"ann": ("blue", 10), "bob": ("silver", 20), "cy": ("gold", 30), "di": ("blue", 40)}
AFTER = {"ann": ("gold", 15), "bob": ("top", 5), "cy": ("gold", 30), "di": ("blue", 41)}


def test_each_figure_stands_beside_its_other_with_the_difference() -> None:
    found = compare(_run(OLD, BEFORE), _run(NEW, AFTER))
    (cost,) = found.figures
    assert (cost.before, cost.after, cost.difference) == (Decimal(100), Decimal(91), Decimal(-9))
    tiers = {each.figure: (each.before, each.after, each.difference) for each in found.members_by_tier}
    assert {name: [value and int(value) for value in each] for name, each in tiers.items()} == {
        "blue": [2, 1, -1],
        "silver": [1, None, None],
        "gold": [1, 2, 1],
        "top": [None, 1, None],
    }


def test_members_by_change_of_tier_where_a_tier_took_the_place_of_another() -> None:
    found = compare(_run(OLD, BEFORE), _run(NEW, AFTER))
    changes = {(each.before, each.after): (each.members, each.direction) for each in found.tiers}
    assert changes == {
        ("blue", "blue"): (1, "same"),
        ("blue", "gold"): (1, "higher"),
        ("silver", "top"): (1, "same"),
        ("gold", "gold"): (1, "same"),
    }


def test_who_gains_and_who_loses_and_by_how_much() -> None:
    points = compare(_run(OLD, BEFORE), _run(NEW, AFTER)).points
    assert points is not None
    assert (points.gaining, points.losing, points.same) == (2, 1, 1)
    assert (points.points_gained, points.points_lost, points.mean) == (6, 15, Decimal("-2.25"))
    assert points.quantiles == {5: -15, 25: -15, 50: 0, 75: 1, 95: 5}
    assert [(each.customer, each.difference) for each in points.largest_gains] == [("ann", 5), ("di", 1)]
    assert [(each.customer, each.difference) for each in points.largest_losses] == [("bob", -15)]


def test_no_more_than_ten_are_named_on_either_side() -> None:
    many = {f"m{number:02}": ("blue", 100) for number in range(40)}
    other = {name: ("blue", 100 + place - 20) for place, name in enumerate(many)}
    points = compare(_run(OLD, many), _run(OLD, other)).points
    assert points is not None
    assert [each.difference for each in points.largest_gains] == list(range(19, 9, -1))
    assert [each.difference for each in points.largest_losses] == list(range(-20, -10))


def test_runs_over_different_logs_have_their_figures_compared_and_not_their_members() -> None:
    found = compare(_run(OLD, BEFORE), _run(NEW, AFTER, log="b", money="USD"))
    assert (found.same_log, found.tiers, found.points) == (False, (), None)
    assert len(found.figures) == 1
    assert "different logs" in found.notes[1]
    assert "amounts of money cannot be compared" in found.notes[0]


def test_a_run_without_members_has_its_figures_compared() -> None:
    found = compare(_run(OLD, None), _run(NEW, AFTER))
    assert (found.same_log, found.points) == (True, None)
