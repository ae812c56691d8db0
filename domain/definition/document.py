"""The program definition: all decisions of a product owner about a program, as one immutable document.

The document is YAML (`domain/definition/reading/file.py` reads it and finds every fault with its line). Its parts are the
modules beside this one, each named after its subject: tiers, earning, rewards, joining, gates, acceptance, rollout, wind-down.
Periods are ISO 8601 durations; points are whole numbers; money is written in its unit (12.50) and computed in its smallest one.
"""

import hashlib
import json
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.definition.acceptance import Prototype, TestPhase
from domain.definition.amendments import Amendments
from domain.definition.earning import EarningRule, Expiry, Milestone
from domain.definition.evaluation import Evaluation
from domain.definition.gates import Gates
from domain.definition.interactions import Interaction
from domain.definition.joining import Agreement, Joining
from domain.definition.jurisdictions import Jurisdiction
from domain.definition.objectives import Objective, Risk
from domain.definition.partners import Partner
from domain.definition.readiness import Readiness
from domain.definition.retention import Retention
from domain.definition.rewards import Benefit, Reward
from domain.definition.rollout import Guardrail, Holdout, Wave
from domain.definition.tiers import Counter, Downgrade, Tier
from domain.definition.values import CurrencyCode, Fraction, Length, Part, PositiveDecimal, Rate, Text, ZoneName
from domain.definition.wind_down import WindDown
from domain.ids import ProgramId
from domain.model import Value
from domain.period import Period
from domain.window import Cycle, Moment, Window


class PointsCurrency(Part):
    """The program's currency, with the value and the cost of a point in the program's money."""

    code: CurrencyCode
    """Its short name (AVIOS)."""
    name: Text
    """The name that members read."""
    value_per_point: PositiveDecimal
    """The value of a point to a member, in units of money."""
    cost_per_point: PositiveDecimal
    """The cost of a redeemed point to the company, in units of money."""
    expected_redemption_rate: Fraction
    """The expected share of all points that will ever be redeemed."""


class Conversion(Part):
    """A conversion between two of the program's currencies: `rate` points for each point, rounded down."""

    from_currency: CurrencyCode
    """The code of the currency that the member gives."""
    to_currency: CurrencyCode
    """The code of the currency that the member gets."""
    rate: Rate
    """The points that the member gets for each point given."""
    lapses_after: Length | None = None
    """The time after which the new points expire; without it, they do not expire."""


class Clawback(Part):
    """The effect of a return if the points of the purchase are spent: nothing (`refuse`), take the member's other lots and
    refuse the rest, let the balance go `negative` down to `lowest_balance`, or let the program bear the `loss`.
    """

    shortfall: Literal["refuse", "other_lots", "negative", "loss"] = "other_lots"
    """How the missing points are made up."""
    lowest_balance: Annotated[int, Field(ge=-(2**53), le=0, strict=True)] = 0
    """With `negative`: the lowest balance, 0 or below."""


class Definition(Part):
    """A whole loyalty program."""

    format: Literal["tenure/1"]
    """The version of this language."""
    program: ProgramId
    """The program's short name; it never changes."""
    name: Text
    """The name that members read."""
    summary: Text
    """The program in a sentence or two."""
    participants: Literal["customers", "partners"] = "customers"
    """Who takes part: customers who buy, or partners (sellers, agents) who sell."""
    time_zone: ZoneName
    """The time zone in which the program's days begin, by its IANA name."""
    money: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """The program's money, by its ISO 4217 code."""
    jurisdictions: tuple[Jurisdiction, ...] = ()
    """The places under whose law the program falls; their legal minimums hold for its end."""
    agreement: Agreement
    """The agreement that members accept."""
    joining: Joining = Joining()
    """The conditions for joining."""
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    """The objectives of the program."""
    risks: tuple[Risk, ...] = ()
    """The risks of the program."""
    currency: PointsCurrency
    """The points that members earn."""
    other_currencies: tuple[PointsCurrency, ...] = ()
    """Further currencies of the program, reached by conversion."""
    conversions: tuple[Conversion, ...] = ()
    """The conversions between currencies."""
    transfers_between_members: bool = False
    """Whether a member may give points to another."""
    clawback: Clawback = Clawback()
    """How a return takes back points that are spent."""
    counters: tuple[Counter, ...] = ()
    """The sums from which tiers and milestones are computed."""
    qualification_window: Window = Window(Period.parse("P12M"))
    """The window of counters: a period back from now, a program year, the member's own years, or a lifetime."""
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    """The levels of membership, from the lowest to the highest."""
    downgrade: Downgrade = Downgrade()
    """The fall of a member who does not keep their tier."""
    transition: Literal["keep_until_end", "grandfather", "at_once"] = "keep_until_end"
    """The rule for members of a tier whose conditions this revision changes.

    `keep_until_end`: they hold it until its validity ends, and are then reviewed by the new conditions. `grandfather`: they
    keep it, by the old conditions, until they rise or miss those; members who reach it later are reviewed by the new ones.
    `at_once`: all affected members are reviewed as soon as the revision comes into force.
    """
    earning: Annotated[tuple[EarningRule, ...], Field(min_length=1)]
    """The rules by which events bring points; all rules that take an event add up."""
    milestones: tuple[Milestone, ...] = ()
    """Points for reaching a figure, once in each window."""
    rewards: Annotated[tuple[Reward, ...], Field(min_length=1)]
    """The rewards that points buy."""
    benefits: tuple[Benefit, ...] = ()
    """The benefits that members get without asking, on joining or with a tier."""
    expiry: Expiry = Expiry()
    """When points expire."""
    partners: tuple[Partner, ...] = ()
    """The companies that take part."""
    interactions: tuple[Interaction, ...] = ()
    """The messages to members, and their occasions."""
    gates: Gates
    """The people who must approve the concept, the launch and the end."""
    prototype: Prototype
    """The simulation before the launch."""
    test_phases: Annotated[tuple[TestPhase, ...], Field(min_length=1)]
    """The phases that must pass before the launch, in this order."""
    readiness: Readiness = Readiness()
    """The readiness needed before the launch."""
    waves: Annotated[tuple[Wave, ...], Field(min_length=1)]
    """The steps of the launch."""
    holdout: Holdout | None = None
    """The members who stay out of the program to its end, for comparison."""
    guardrails: tuple[Guardrail, ...] = ()
    """The KPIs that are checked while waves are open, and the consequence of a failure."""
    evaluation: Evaluation
    """How the program is evaluated in operation."""
    retention: Retention | None = None
    """The offer to silent members."""
    wind_down: WindDown = WindDown()
    """How the program ends."""
    amendments: Amendments = Amendments()
    """How the program is amended."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def base_tier(self) -> Tier:
        return self.tiers[0]

    def tier(self, tier_id: str) -> Tier:
        """The tier by its id. Raises KeyError if the definition has no such tier."""
        for tier in self.tiers:
            if tier.id == tier_id:
                return tier
        raise KeyError(tier_id)

    def current_tier(self, tier_id: str) -> str:
        """The id of the tier that replaces this one; the id itself if none does."""
        return next((tier.id for tier in self.tiers if tier_id in tier.replaces), tier_id)

    def tier_rank(self, tier_id: str) -> int:
        """0 for the first tier, 1 for the next, and so on. Raises KeyError if the definition has no such tier."""
        for rank, tier in enumerate(self.tiers):
            if tier.id == tier_id:
                return rank
        raise KeyError(tier_id)

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
    """The SHA-256 of the canonical JSON, as hex; a vote is for this digest."""
    return hashlib.sha256(canonical_json(definition).encode()).hexdigest()


def scaled(definition: Definition, factor: float) -> Definition:
    """The same program `factor` times faster: every period and window is divided by the factor.

    Dates move towards the day on which scripted members join, so that their distance from it shrinks by the same factor. The
    jurisdictions are dropped, because no law binds a rehearsal. Nothing else changes. Raises ValueError for a factor below a
    thousandth, and for one so large that a period would become zero.
    """
    if not 0.001 <= factor < float("inf"):
        raise ValueError(f"a program cannot be played {factor} times faster; give a factor from 0.001 up")
    played = _scale(definition, factor, definition.zone)
    assert isinstance(played, Definition)
    return played.model_copy(update={"jurisdictions": ()})


def _scale(part: Any, factor: float, zone: ZoneInfo) -> Any:
    if isinstance(part, Period):
        return part.scaled(factor)
    if isinstance(part, (Window, Cycle, Moment)):
        return part.scaled(factor, zone)
    if isinstance(part, Value):
        return type(part)(**{name: _scale(getattr(part, name), factor, zone) for name in type(part).model_fields})
    if isinstance(part, tuple):
        return tuple(_scale(value, factor, zone) for value in part)
    return part
