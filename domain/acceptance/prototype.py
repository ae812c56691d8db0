"""The result of a prototype: its figures in total and by month, its assumptions, and whether its criteria hold.

Formulas (sources: IFRS 15 B39-B42 for the deferred revenue, and the trade's operating figures for the rest):
`cost` is the cost of the burned points and the expected cost of the outstanding ones: cost per point x (burned +
outstanding x expected redemption rate). `management_liability` is the second part of it. `liability` is the value to
members of the outstanding points that are expected to be redeemed: value per point x outstanding x expected redemption
rate. `deferred_revenue` is the part of the revenue that belongs to points and is not yet earned.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from domain.definition.acceptance import Criterion
from domain.definition.document import Definition
from domain.model import Message, Value
from domain.money import in_units

Assumption = Literal["burn_share", "expected_redemption_rate", "cost_per_point"]
ASSUMPTIONS: tuple[Assumption, ...] = ("burn_share", "expected_redemption_rate", "cost_per_point")
SWING = Decimal("0.2")
"""The fraction by which each assumption is moved up and down for the sensitivity."""
BURN_MODEL = (
    "Each member redeems up to the burn share of all points ever earned, in whole rewards of the cheapest that their tier may "
    "have, as soon as that share and the balance suffice."
)
_SIXTH_DECIMAL = Decimal("0.000001")
_EXACT = Context(prec=80)
_LARGEST = 1_000_000
"""Bytes of packed members, so that an answer stays below Temporal's limit for a payload."""


class Totals(Value):
    """The totals of a group of members at an instant: whole points, revenue in units of money."""

    members: int
    above_first_tier: int
    issued: int
    burned: int
    expired: int
    revenue: Decimal

    @property
    def outstanding(self) -> int:
        return self.issued - self.burned - self.expired


class CriterionResult(Value):
    """A figure compared with its bounds; a figure that could not be computed (None) does not pass."""

    figure: str
    value: Decimal | None
    at_least: Decimal | None
    at_most: Decimal | None
    passed: bool


class Month(Value):
    """A month of the program's zone (`1997-01`): its changes, and the totals at its end.

    `cost` is the month's part of the whole cost: its burned points, and the change in the expected cost of the outstanding
    ones; it is negative if more points expired than were earned.
    """

    month: str
    transactions: int
    revenue: Decimal
    members: int
    members_by_tier: dict[str, int]
    points_issued: int
    points_burned: int
    points_expired: int
    points_outstanding: int
    liability: Decimal
    management_liability: Decimal
    cost: Decimal
    cost_per_member: Decimal
    cost_share_of_revenue: Decimal | None


class Sensitivity(Value):
    """An assumption moved one way: the figures that change, and the criteria that newly pass or fail."""

    assumption: Assumption
    change: Decimal
    value: Decimal
    figures: dict[str, Decimal]
    now_passing: tuple[str, ...]
    now_failing: tuple[str, ...]


class PrototypeResult(Value):
    """The result of a simulation.

    Figures have the names of `Criterion.figure` and of this module's formulas: whole points, money in its units, shares as
    fractions of 1. Without revenue, `cost_share_of_revenue` is left out.
    """

    figures: dict[str, Decimal]
    members_by_tier: dict[str, int]
    criteria: tuple[CriterionResult, ...]
    passed: bool
    transactions: int
    period_start: AwareDatetime
    period_end: AwareDatetime
    burn_model: str = BURN_MODEL
    assumptions: dict[Assumption, Decimal] = {}
    months: tuple[Month, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()


class MemberOutcomes(Value):
    """The results of each member, in columns: tier, and points issued, burned and expired."""

    customer: tuple[str, ...]
    tier: tuple[str, ...]
    issued: tuple[int, ...]
    burned: tuple[int, ...]
    expired: tuple[int, ...]


class LogFault(Value):
    """A kind of faulty row in a log: the number of rows, the first of them by line, and the remedy."""

    kind: str
    rows: int
    lines: tuple[int, ...]
    example: str
    remedy: str


class LogReading(Value):
    """How a log was read: the meaning of its columns, the assumptions, and the rows that were left out."""

    rows: int
    used: int
    columns: dict[str, str]
    notes: tuple[str, ...] = ()
    faults: tuple[LogFault, ...] = ()


class TierOfRun(Value):
    """A tier of a run, which lists them from the lowest; `replaces` is that of the definition."""

    id: str
    name: str
    replaces: tuple[str, ...] = ()


class PrototypeRun(Value):
    """A stored run of a prototype: its definition, its log and its result."""

    format: Literal["tenure-prototype/1"] = "tenure-prototype/1"
    program: str
    name: str
    definition_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    log: str
    log_digest: str
    money: str
    tiers: tuple[TierOfRun, ...]
    reading: LogReading | None = None
    result: PrototypeResult
    members: MemberOutcomes | None = None


class PrototypeOrder(Message):
    """A definition to simulate over a log of the store."""

    definition: Definition
    log: str


class PrototypeAnswer(Message):
    """The answer to an order: the run, or why the log cannot be used. `members` are packed, and without their names."""

    run: PrototypeRun | None = None
    why: str = ""
    members: str = ""

    @property
    def whole(self) -> PrototypeRun | None:
        """The run with its members, each named by their place in the order of the log."""
        if self.run is None or not self.members:
            return self.run
        return self.run.model_copy(update={"members": _unpacked(self.members)})


def answer_of(run: PrototypeRun) -> PrototypeAnswer:
    """A run in a form for workflows: not too large, and without the names of customers, which stay in the store."""
    packed = _packed(run.members) if run.members is not None else ""
    bare = run.model_copy(update={"members": None})
    return PrototypeAnswer(run=bare, members=packed if len(packed) <= _LARGEST else "")


def _packed(members: MemberOutcomes) -> str:
    columns = [members.tier, members.issued, members.burned, members.expired]
    return b64encode(zlib.compress(json.dumps(columns, separators=(",", ":")).encode(), 9)).decode()


def _unpacked(packed: str) -> MemberOutcomes:
    tier, issued, burned, expired = (tuple(column) for column in json.loads(zlib.decompress(b64decode(packed))))
    names = tuple(f"#{number}" for number in range(1, len(tier) + 1))
    return MemberOutcomes(customer=names, tier=tier, issued=issued, burned=burned, expired=expired)


def figures(definition: Definition, totals: Totals) -> dict[str, Decimal]:
    """All figures of these totals; shares and averages are rounded half-even to six decimals, money to its smallest unit."""
    members, money = totals.members, definition.money
    cost = _cost(definition, totals.burned, totals.outstanding)
    found = {
        "members": Decimal(members),
        "points_issued": Decimal(totals.issued),
        "points_burned": Decimal(totals.burned),
        "points_expired": Decimal(totals.expired),
        "points_outstanding": Decimal(totals.outstanding),
        "points_per_member": ratio(Decimal(totals.issued), members),
        "revenue": in_units(money, totals.revenue),
        "cost": in_units(money, cost),
        "cost_per_member": ratio(cost, members),
        "liability": in_units(money, liability(definition, totals.outstanding)),
        "management_liability": in_units(money, _cost(definition, 0, totals.outstanding)),
        "deferred_revenue": in_units(money, deferred_revenue(definition, totals)),
        "share_above_first_tier": ratio(Decimal(totals.above_first_tier), members),
    }
    if totals.revenue:
        found["cost_share_of_revenue"] = ratio(cost, totals.revenue)
    return found


def month(
    definition: Definition,
    name: str,
    before: Totals,
    after: Totals,
    *,
    transactions: int,
    members_by_tier: dict[str, int],
) -> Month:
    """The month between two totals."""
    money = definition.money
    revenue = after.revenue - before.revenue
    cost = _cost(definition, after.burned, after.outstanding) - _cost(definition, before.burned, before.outstanding)
    return Month(
        month=name,
        transactions=transactions,
        revenue=in_units(money, revenue),
        members=after.members,
        members_by_tier=members_by_tier,
        points_issued=after.issued - before.issued,
        points_burned=after.burned - before.burned,
        points_expired=after.expired - before.expired,
        points_outstanding=after.outstanding,
        liability=in_units(money, liability(definition, after.outstanding)),
        management_liability=in_units(money, _cost(definition, 0, after.outstanding)),
        cost=in_units(money, cost),
        cost_per_member=ratio(cost, after.members or 1),
        cost_share_of_revenue=ratio(cost, revenue) if revenue else None,
    )


def liability(definition: Definition, outstanding: int) -> Decimal:
    """The value to members of the outstanding points that are expected to be redeemed, exact, in units of money."""
    currency = definition.currency
    return _product(Decimal(outstanding), currency.value_per_point, currency.expected_redemption_rate)


def deferred_revenue(definition: Definition, totals: Totals) -> Decimal:
    """The part of the revenue that belongs to points and is not yet earned, in units of money (IFRS 15 B39-B42, example 52).

    The stand-alone price of the issued points is points x value x expected redemption rate; the revenue is split by the
    stand-alone prices of goods and points, and the points' part is earned in the proportion of points redeemed to points
    expected to be redeemed.
    """
    currency = definition.currency
    alone = _product(Decimal(totals.issued), currency.value_per_point, currency.expected_redemption_rate)
    expected = _product(Decimal(totals.issued), currency.expected_redemption_rate)
    if not expected or not totals.revenue:
        return Decimal(0)
    allocated = _EXACT.divide(_product(totals.revenue, alone), totals.revenue + alone)
    earned = _EXACT.divide(_product(allocated, Decimal(totals.burned)), expected)
    return max(allocated - earned, Decimal(0))


def judged(criteria: Sequence[Criterion], of: dict[str, Decimal]) -> tuple[CriterionResult, ...]:
    """Each criterion compared with these figures."""
    return tuple(_judge(criterion, of) for criterion in criteria)


def assumed(definition: Definition, assumption: Assumption) -> Decimal:
    """The value of an assumption in the definition."""
    if assumption == "burn_share":
        return definition.prototype.burn_share
    found: Decimal = getattr(definition.currency, assumption)
    return found


def assuming(definition: Definition, assumption: Assumption, value: Decimal) -> Definition:
    """The definition with another value for an assumption."""
    if assumption == "burn_share":
        return definition.model_copy(update={"prototype": definition.prototype.model_copy(update={assumption: value})})
    return definition.model_copy(update={"currency": definition.currency.model_copy(update={assumption: value})})


def swung(definition: Definition, assumption: Assumption, change: Decimal) -> Decimal:
    """The assumption moved by a fraction of itself; shares stay within 1."""
    value = _product(assumed(definition, assumption), 1 + change)
    return value if assumption == "cost_per_point" else min(value, Decimal(1))


def sensitivity(
    definition: Definition, assumption: Assumption, change: Decimal, base: PrototypeResult, totals: Totals
) -> Sensitivity:
    """The effect of moving one assumption on a result; `totals` are those of the moved assumption."""
    value = swung(definition, assumption, change)
    then = figures(assuming(definition, assumption, value), totals)
    passing = {each.figure for each in judged(definition.prototype.criteria, then) if each.passed}
    passed = {each.figure for each in base.criteria if each.passed}
    return Sensitivity(
        assumption=assumption,
        change=change,
        value=value,
        figures={name: figure for name, figure in then.items() if figure != base.figures.get(name)},
        now_passing=tuple(sorted(passing - passed)),
        now_failing=tuple(sorted(passed - passing)),
    )


def ratio(part: Decimal, whole: Decimal | int) -> Decimal:
    """A quotient to six decimals."""
    return _EXACT.divide(part, Decimal(whole)).quantize(_SIXTH_DECIMAL, ROUND_HALF_EVEN, _EXACT)


def _cost(definition: Definition, burned: int, outstanding: int) -> Decimal:
    currency = definition.currency
    expected = _product(Decimal(outstanding), currency.expected_redemption_rate)
    return _product(currency.cost_per_point, _EXACT.add(Decimal(burned), expected))


def _product(*factors: Decimal) -> Decimal:
    result = Decimal(1)
    for factor in factors:
        result = _EXACT.multiply(result, factor)
    return result


def _judge(criterion: Criterion, of: dict[str, Decimal]) -> CriterionResult:
    value = of.get(criterion.figure)
    passed = (
        value is not None
        and (criterion.at_least is None or value >= criterion.at_least)
        and (criterion.at_most is None or value <= criterion.at_most)
    )
    return CriterionResult(
        figure=criterion.figure, value=value, at_least=criterion.at_least, at_most=criterion.at_most, passed=passed
    )
