"""Compares two runs of a prototype: each figure with its difference, and the members who gain and lose."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from domain.acceptance.prototype import MemberOutcomes, Month, PrototypeRun, TierOfRun, ratio
from domain.model import Value

_LARGEST = 10
QUANTILES: tuple[int, ...] = (5, 25, 50, 75, 95)


class FigureDifference(Value):
    """A figure of both runs; None where a run could not compute it."""

    figure: str
    before: Decimal | None
    after: Decimal | None
    difference: Decimal | None


class TierChange(Value):
    """The number of members who are in tier `before` in the first run and in tier `after` in the second."""

    before: str
    after: str
    members: int
    direction: Literal["higher", "lower", "same"]


class MemberDifference(Value):
    """The points issued to one member in both runs, and their tiers."""

    customer: str
    points_before: int
    points_after: int
    difference: int
    tier_before: str
    tier_after: str


class PointsDifference(Value):
    """The members who are issued more, fewer or as many points, the points in all, and the largest differences.

    `quantiles`: for a percentage of all members, the difference that theirs do not exceed.
    """

    gaining: int
    losing: int
    same: int
    points_gained: int
    points_lost: int
    mean: Decimal
    quantiles: dict[int, int]
    largest_gains: tuple[MemberDifference, ...]
    largest_losses: tuple[MemberDifference, ...]


class MonthDifference(Value):
    """A month of both runs: points issued, points outstanding and liability."""

    month: str
    issued_before: int
    issued_after: int
    outstanding_before: int
    outstanding_after: int
    liability_before: Decimal
    liability_after: Decimal


class Comparison(Value):
    """The differences of the second run from the first. Members are left out if the logs differ, or a run has no members."""

    before: str
    after: str
    same_log: bool
    figures: tuple[FigureDifference, ...]
    members_by_tier: tuple[FigureDifference, ...]
    months: tuple[MonthDifference, ...]
    tiers: tuple[TierChange, ...] = ()
    points: PointsDifference | None = None
    notes: tuple[str, ...] = ()


def compare(before: PrototypeRun, after: PrototypeRun) -> Comparison:
    """Compare two runs."""
    notes = []
    if before.money != after.money:
        notes.append(f"The first run is in {before.money}, the second in {after.money}: amounts of money cannot be compared.")
    same_log = before.log_digest == after.log_digest
    if not same_log:
        notes.append("The runs are over different logs: their members are not compared one by one.")
    names = dict.fromkeys([*before.result.figures, *after.result.figures])
    tiers = dict.fromkeys([*before.result.members_by_tier, *after.result.members_by_tier])
    found = Comparison(
        before=_title(before),
        after=_title(after),
        same_log=same_log,
        figures=tuple(_figure(name, before.result.figures.get(name), after.result.figures.get(name)) for name in names),
        members_by_tier=tuple(
            _figure(tier, _decimal(before.result.members_by_tier.get(tier)), _decimal(after.result.members_by_tier.get(tier)))
            for tier in tiers
        ),
        months=_months(before.result.months, after.result.months),
        notes=tuple(notes),
    )
    if not same_log or before.members is None or after.members is None:
        return found
    pairs = _pairs(before.members, after.members)
    return found.model_copy(
        update={"tiers": _tiers(before, after, pairs), "points": _points(before.members, after.members, pairs)}
    )


def _title(run: PrototypeRun) -> str:
    return f"{run.name} ({run.definition_digest[:12]})"


def _decimal(many: int | None) -> Decimal | None:
    return None if many is None else Decimal(many)


def _figure(name: str, before: Decimal | None, after: Decimal | None) -> FigureDifference:
    difference = None if before is None or after is None else after - before
    return FigureDifference(figure=name, before=before, after=after, difference=difference)


def _months(before: Sequence[Month], after: Sequence[Month]) -> tuple[MonthDifference, ...]:
    second = {month.month: month for month in after}
    return tuple(
        MonthDifference(
            month=first.month,
            issued_before=first.points_issued,
            issued_after=second[first.month].points_issued,
            outstanding_before=first.points_outstanding,
            outstanding_after=second[first.month].points_outstanding,
            liability_before=first.liability,
            liability_after=second[first.month].liability,
        )
        for first in before
        if first.month in second
    )


def _pairs(before: MemberOutcomes, after: MemberOutcomes) -> list[tuple[int, int]]:
    """The places of each member who is in both runs, in the columns of the first and of the second."""
    if before.customer == after.customer:
        return [(place, place) for place in range(len(before.customer))]
    places = {customer: place for place, customer in enumerate(after.customer)}
    return [(place, places[customer]) for place, customer in enumerate(before.customer) if customer in places]


def _tiers(before: PrototypeRun, after: PrototypeRun, pairs: list[tuple[int, int]]) -> tuple[TierChange, ...]:
    """Members by change of tier; a tier of the first run has the rank of the same tier in the second, or of its replacement."""
    assert before.members is not None
    assert after.members is not None
    was, became = before.members.tier, after.members.tier
    counted = Counter((was[first], became[second]) for first, second in pairs)
    ranks = {tier.id: rank for rank, tier in enumerate(after.tiers)}
    first_ranks = {tier.id: rank for rank, tier in enumerate(before.tiers)}
    made = [
        TierChange(
            before=old, after=new, members=many, direction=_direction(_rank(old, after.tiers, ranks, first_ranks), ranks[new])
        )
        for (old, new), many in counted.items()
    ]
    return tuple(sorted(made, key=lambda each: (first_ranks[each.before], ranks[each.after])))


def _rank(tier: str, tiers: tuple[TierOfRun, ...], ranks: dict[str, int], own: dict[str, int]) -> int:
    current = next((each.id for each in tiers if tier in each.replaces), tier)
    return ranks.get(current, own[tier])


def _direction(before: int, after: int) -> Literal["higher", "lower", "same"]:
    return "same" if before == after else "higher" if after > before else "lower"


def _points(before: MemberOutcomes, after: MemberOutcomes, pairs: list[tuple[int, int]]) -> PointsDifference | None:
    if not pairs:
        return None
    differences = [after.issued[second] - before.issued[first] for first, second in pairs]
    gains = [each for each in differences if each > 0]
    losses = [-each for each in differences if each < 0]
    order = sorted(range(len(pairs)), key=lambda place: (differences[place], before.customer[pairs[place][0]]))
    ordered = [differences[place] for place in order]

    def shown(place: int) -> MemberDifference:
        first, second = pairs[place]
        return MemberDifference(
            customer=before.customer[first],
            points_before=before.issued[first],
            points_after=after.issued[second],
            difference=differences[place],
            tier_before=before.tier[first],
            tier_after=after.tier[second],
        )

    return PointsDifference(
        gaining=len(gains),
        losing=len(losses),
        same=len(pairs) - len(gains) - len(losses),
        points_gained=sum(gains),
        points_lost=sum(losses),
        mean=ratio(Decimal(sum(differences)), len(pairs)),
        quantiles={percent: ordered[max(-(-percent * len(ordered) // 100) - 1, 0)] for percent in QUANTILES},
        largest_gains=tuple(shown(place) for place in reversed(order[-_LARGEST:]) if differences[place] > 0),
        largest_losses=tuple(shown(place) for place in order[:_LARGEST] if differences[place] < 0),
    )
