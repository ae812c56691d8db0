"""The program definition: everything a product owner decides about a program, as one immutable document.

The document is written as YAML (`domain/definition_file.py` reads it and finds every fault with its line).
Periods are ISO 8601 durations; points are whole numbers; money is written in its unit (12.50) and computed in its smallest one.
"""

import hashlib
import json
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from domain.ids import Name, ProgramId
from domain.model import CAN_BE_KEPT, Value
from domain.period import Period

Text = Annotated[str, Field(min_length=1, max_length=2000), CAN_BE_KEPT]
Points = Annotated[int, Field(ge=1, le=2**53, strict=True)]
Number = Annotated[Decimal, Field(max_digits=24, decimal_places=9)]
"""Any finite number that is written out: its digits are bounded, so that no figure can fill the memory."""
PositiveDecimal = Annotated[Number, Field(gt=0)]
Amount = Annotated[Number, Field(ge=0, le=10**12)]
"""Money in its unit (12.50)."""
Rate = Annotated[Number, Field(gt=0, le=10**6)]
"""Points per unit of money; bounded, so that no event can earn more points than the ledger's integers hold."""
Share = Annotated[Number, Field(gt=0, le=100)]
"""A percentage above 0 and up to 100."""
Fraction = Annotated[Number, Field(ge=0, le=1)]


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())  # walks the zone files, so once is enough


def _known_zone(name: str) -> str:
    if name not in _zone_names():
        raise ValueError(f"{name!r} is not a time zone of the IANA list; write for instance Europe/London")
    return name


def _positive(period: Period) -> Period:
    if not period:
        raise ValueError("the period is zero; write a length of time, for instance P30D")
    return period


CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,11}$")]
"""The short name of a currency of points (AVIOS)."""
ZoneName = Annotated[str, AfterValidator(_known_zone)]
Length = Annotated[Period, AfterValidator(_positive)]
Role = Literal["product_owner", "finance", "legal", "marketing", "operations", "member_service", "analyst", "operator"]
Consequence = Literal["continue", "alert", "propose_amendment", "propose_end"]
Kpi = Literal[
    "active_rate",
    "churn_rate",
    "member_redemption_rate",
    "point_redemption_rate",
    "burn_earn_ratio",
    "points_outstanding",
    "management_liability",
]


class Objective(Value):
    """What the program must achieve: a KPI, a target and the time it may take from launch."""

    name: Text
    kpi: Kpi
    at_least: Number | None = None
    at_most: Number | None = None
    within: Length


class Risk(Value):
    """What could go wrong, and the answer to it."""

    risk: Text
    answer: Text


class Agreement(Value):
    """What a member accepts on joining; the version and the time of acceptance are kept."""

    version: Text
    address: Text | None = None


class PointsCurrency(Value):
    """The program's currency, and what a point is worth and costs in the program's money."""

    code: CurrencyCode
    name: Text
    value_per_point: PositiveDecimal
    cost_per_point: PositiveDecimal
    expected_redemption_rate: Fraction


class Conversion(Value):
    """Points of one of the program's currencies into another: so many for each (`rate`), rounded down."""

    from_currency: CurrencyCode
    to_currency: CurrencyCode
    rate: Rate
    lapses_after: Length | None = None


class Clawback(Value):
    """What a return does where the points of the purchase are spent: nothing (`refuse`), take the member's other lots and
    refuse the rest, let the balance go `negative` down to `lowest_balance`, or let the program bear the `loss`.
    """

    shortfall: Literal["refuse", "other_lots", "negative", "loss"] = "other_lots"
    lowest_balance: Annotated[int, Field(ge=-(2**53), le=0, strict=True)] = 0


class Counter(Value):
    """What qualifies for a tier, summed over a member's events: points earned by rules, money spent, or events."""

    id: Name
    counts: Literal["points", "amount", "events"]


class Threshold(Value):
    """At least so much on a counter within the window (points, units of money, or events)."""

    counter: Name
    at_least: PositiveDecimal


class Qualification(Value):
    """Met when all of `all`, or any of `any`, is met; exactly one of the two is written."""

    all: tuple[Threshold, ...] | None = None
    any: tuple[Threshold, ...] | None = None

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        return self.all or self.any or ()


class Tier(Value):
    """A level of membership. The first is everyone's and has no `reach`; `keep` is `reach` unless written."""

    id: Name
    name: Text
    reach: Qualification | None = None
    keep: Qualification | None = None
    valid_for: Length | None = None


class EarningRule(Value):
    """Points for an event: `rate` points per unit of money (by tier where written), rounded once, or a flat number."""

    id: Name
    event: Name
    rate: Rate | None = None
    tier_rates: dict[Name, Rate] = {}
    points: Points | None = None
    rounding: Literal["down", "half_up", "half_even", "up"] = "down"
    minimum_amount: Amount = Decimal(0)


class TillFulfilment(Value):
    """Whoever redeems gives the reward at once."""

    kind: Literal["till"]


class VoucherFulfilment(Value):
    """A code from the reward's stock."""

    kind: Literal["voucher_codes"]


class HttpFulfilment(Value):
    """A service of the company's own, asked over HTTP at this address."""

    kind: Literal["http"]
    address: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)]


Fulfilment = Annotated[TillFulfilment | VoucherFulfilment | HttpFulfilment, Field(discriminator="kind")]


class Reward(Value):
    """What points buy, and who hands it out, within which time; after that the points are given back."""

    id: Name
    name: Text
    points: Points
    from_tier: Name | None = None
    fulfilment: Fulfilment = TillFulfilment(kind="till")
    fulfil_within: Length = Period.parse("PT1H")


class Expiry(Value):
    """When points lapse: never, a period after they were earned, or a period after the member's last activity.

    `unless_active_every` (with `after_earning`): while the gaps between a member's activities are no longer than this, the
    clock of their lots stands still. Points of members in `exempt_tiers` do not lapse. What has lapsed can be given back for as
    long as `reinstate_within` says, and lapses anew as if it were earned then.
    """

    kind: Literal["never", "after_earning", "inactivity"] = "never"
    after: Length | None = None
    unless_active_every: Length | None = None
    exempt_tiers: tuple[Name, ...] = ()
    sweep_every: Length = Period.parse("P1D")
    reinstate_within: Length | None = None


class GateRule(Value):
    """So many people of one role must approve."""

    role: Role
    count: Annotated[int, Field(ge=1, le=20)] = 1


class GatePolicy(Value):
    """Who must approve, and until when; the owner, the submitter and everybody who edited the revision are left out."""

    rules: Annotated[tuple[GateRule, ...], Field(min_length=1)]
    deadline: Length = Period.parse("P14D")


class Gates(Value):
    """The gates of a program's life: the concept, the launch of a tested revision, and the end."""

    strategy: GatePolicy
    launch: GatePolicy
    wind_down: GatePolicy


class Criterion(Value):
    """A bound on one figure of the prototype."""

    figure: Literal[
        "members",
        "points_issued",
        "points_burned",
        "points_expired",
        "points_outstanding",
        "points_per_member",
        "cost",
        "cost_share_of_revenue",
        "share_above_first_tier",
    ]
    at_least: Number | None = None
    at_most: Number | None = None


class Prototype(Value):
    """The simulation of the definition over a transaction log.

    Members redeem `burn_share` of what they earn, in whole rewards (`insight/prototype.py` says how); the criteria bound the
    figures.
    """

    transactions: Name
    burn_share: Fraction = Decimal("0.5")
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]


class ScenarioEvent(Value):
    """An event of a scripted member, so long after they joined."""

    event: Name
    amount: Amount = Decimal(0)
    after: Period = Period()


class Expectation(Value):
    """What a scripted member must end with."""

    points: Annotated[int, Field(ge=0, strict=True)]
    tier: Name


class Scenario(Value):
    """Given a member of a tier and these events, expect these points and this tier."""

    name: Text
    tier: Name | None = None
    events: Annotated[tuple[ScenarioEvent, ...], Field(min_length=1)]
    expect: Expectation


class ScenarioPhase(Value):
    id: Name
    kind: Literal["scenario"]
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)]


class SignOffPhase(Value):
    id: Name
    kind: Literal["sign_off"]
    gate: GatePolicy


TestPhase = Annotated[ScenarioPhase | SignOffPhase, Field(discriminator="kind")]


class Wave(Value):
    """A step of the launch: up to `share` percent of members may join, for at least `minimum_time` before the next."""

    id: Name
    share: Share
    minimum_time: Length
    gate: GatePolicy | None = None


class KpiThreshold(Value):
    """Below or above this figure, the consequence follows."""

    below: Number | None = None
    above: Number | None = None
    consequence: Consequence


class KpiRule(Value):
    kpi: Kpi
    window: Length
    thresholds: Annotated[tuple[KpiThreshold, ...], Field(min_length=1)]


class Evaluation(Value):
    """How often the program is judged, and by what."""

    every: Length
    kpis: Annotated[tuple[KpiRule, ...], Field(min_length=1)]


class Offer(Value):
    """Points given to a silent member, with the words that go with them."""

    points: Points
    message: Text


class Retention(Value):
    """A member with no activity for `silent_after` gets the offer, at most once in `at_most_every`."""

    silent_after: Length
    offer: Offer
    answer_within: Length
    at_most_every: Length


class WindDown(Value):
    """The end: notice, then earning stops, then a window in which points can only be redeemed, then the rest is forfeited."""

    notice: Length = Period.parse("P30D")
    redeem_window: Length = Period.parse("P180D")
    remainder: Literal["forfeit"] = "forfeit"


class Definition(Value):
    """A loyalty program, whole."""

    format: Literal["tenure/1"]
    program: ProgramId
    name: Text
    summary: Text
    participants: Literal["customers", "partners"] = "customers"
    time_zone: ZoneName
    money: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    agreement: Agreement
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    risks: tuple[Risk, ...] = ()
    currency: PointsCurrency
    other_currencies: tuple[PointsCurrency, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    transfers_between_members: bool = False
    clawback: Clawback = Clawback()
    counters: tuple[Counter, ...] = ()
    qualification_window: Length = Period.parse("P12M")
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    earning: Annotated[tuple[EarningRule, ...], Field(min_length=1)]
    rewards: Annotated[tuple[Reward, ...], Field(min_length=1)]
    expiry: Expiry = Expiry()
    gates: Gates
    prototype: Prototype
    test_phases: Annotated[tuple[TestPhase, ...], Field(min_length=1)]
    waves: Annotated[tuple[Wave, ...], Field(min_length=1)]
    evaluation: Evaluation
    retention: Retention | None = None
    wind_down: WindDown = WindDown()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def base_tier(self) -> Tier:
        return self.tiers[0]

    def tier(self, tier_id: str) -> Tier:
        """The tier by its id. Raises KeyError where the definition has none."""
        for tier in self.tiers:
            if tier.id == tier_id:
                return tier
        raise KeyError(tier_id)

    def tier_rank(self, tier_id: str) -> int:
        """0 for the first tier, 1 for the next, and so on."""
        return self.tiers.index(self.tier(tier_id))

    def reward(self, reward_id: str) -> Reward | None:
        return next((reward for reward in self.rewards if reward.id == reward_id), None)


def canonical_json(definition: Definition) -> str:
    """One text for one meaning: sorted keys, no blanks, no defaults (so that a later version's new fields change no digest)."""
    plain = definition.model_dump(exclude_defaults=True)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        text = format(value, "f")  # 1.20 and 1.2 mean the same
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def digest(definition: Definition) -> str:
    """The SHA-256 of the canonical JSON, as hex: what a vote approves."""
    return hashlib.sha256(canonical_json(definition).encode()).hexdigest()


def scaled(definition: Definition, factor: float) -> Definition:
    """The same program played `factor` times faster: every period of it divided by the factor, nothing else changed.

    Raises ValueError for a factor below a thousandth, and for one so large that a period would come to nothing.
    """
    if not 0.001 <= factor < float("inf"):
        raise ValueError(f"a program cannot be played {factor} times faster; give a factor from 0.001 up")
    played = _scale(definition, factor)
    assert isinstance(played, Definition)
    return played


def _scale(part: Any, factor: float) -> Any:
    if isinstance(part, Period):
        return part.scaled(factor)
    if isinstance(part, Value):
        return type(part)(**{name: _scale(getattr(part, name), factor) for name in type(part).model_fields})
    if isinstance(part, tuple):
        return tuple(_scale(value, factor) for value in part)
    return part
