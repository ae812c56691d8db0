"""The program definition: everything a product owner decides about a program, as one immutable document.

The document is written as YAML (`domain/definition/reading/file.py` reads it and finds every fault with its line); its
parts are the modules beside this one: tiers, earning, rewards, partners, life, acceptance, readiness and rollout.
Periods are ISO 8601 durations; points are whole numbers; money is written in its unit (12.50) and computed in its smallest one.
"""

import hashlib
import json
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from domain.definition.acceptance import (
    TestPhase,
)
from domain.definition.earning import EarningRule, Expiry, Milestone
from domain.definition.jurisdictions import Jurisdiction
from domain.definition.life import (
    Amendments,
    Evaluation,
    Gates,
    Objective,
    Prototype,
    Retention,
    Risk,
    WindDown,
)
from domain.definition.partners import Agreement, Interaction, Joining, Partner
from domain.definition.readiness import Readiness
from domain.definition.rewards import Benefit, Reward
from domain.definition.rollout import Guardrail, Holdout, Wave
from domain.definition.tiers import Counter, Downgrade, Tier
from domain.definition.values import (
    CurrencyCode,
    Fraction,
    Length,
    Part,
    PositiveDecimal,
    Rate,
    Text,
    ZoneName,
)
from domain.ids import ProgramId
from domain.model import Value
from domain.period import Period
from domain.window import Cycle, Moment, Window


class PointsCurrency(Part):
    """The program's currency, and what a point is worth and costs in the program's money."""

    code: CurrencyCode
    """Its short name (AVIOS)."""
    name: Text
    """The name that members read."""
    value_per_point: PositiveDecimal
    """What a point is worth to a member, in units of money."""
    cost_per_point: PositiveDecimal
    """What a redeemed point costs the company, in units of money."""
    expected_redemption_rate: Fraction
    """The share of all points that will ever be redeemed, as far as is known."""


class Conversion(Part):
    """Points of one of the program's currencies into another: so many for each (`rate`), rounded down."""

    from_currency: CurrencyCode
    """The code of the currency that is given."""
    to_currency: CurrencyCode
    """The code of the currency that arrives."""
    rate: Rate
    """How many arrive for each that is given."""
    lapses_after: Length | None = None
    """How long the points that arrive live; without it, they do not lapse."""


class Clawback(Part):
    """What a return does where the points of the purchase are spent: nothing (`refuse`), take the member's other lots and
    refuse the rest, let the balance go `negative` down to `lowest_balance`, or let the program bear the `loss`.
    """

    shortfall: Literal["refuse", "other_lots", "negative", "loss"] = "other_lots"
    """What is done about the points that are no longer there."""
    lowest_balance: Annotated[int, Field(ge=-(2**53), le=0, strict=True)] = 0
    """With `negative`: how far the balance may go below nothing."""


class Definition(Part):
    """A loyalty program, whole."""

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
    """Where the program's days begin, as the IANA list names it."""
    money: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """The program's money, by its code of ISO 4217."""
    jurisdictions: tuple[Jurisdiction, ...] = ()
    """Whose law the program falls under; the floors of those places then hold for its end."""
    agreement: Agreement
    """What members accept."""
    joining: Joining = Joining()
    """Who may join."""
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)]
    """What the program is for."""
    risks: tuple[Risk, ...] = ()
    """What could go wrong."""
    currency: PointsCurrency
    """The points that members earn."""
    other_currencies: tuple[PointsCurrency, ...] = ()
    """Further currencies of the program, reached by conversion."""
    conversions: tuple[Conversion, ...] = ()
    """Which currency can be converted into which."""
    transfers_between_members: bool = False
    """Whether a member may give points to another."""
    clawback: Clawback = Clawback()
    """What a return does to points that are spent."""
    counters: tuple[Counter, ...] = ()
    """What is counted towards tiers and milestones."""
    qualification_window: Window = Window(Period.parse("P12M"))
    """What counters are summed over: the last so long, a program year, the member's own years, or their lifetime."""
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    """The levels of membership, from the lowest to the highest."""
    downgrade: Downgrade = Downgrade()
    """What becomes of who does not keep their tier."""
    transition: Literal["keep_until_end", "grandfather", "at_once"] = "keep_until_end"
    """What becomes of a tier whose conditions this revision changes: its members keep it to its end, by its old ones, or not.

    `keep_until_end`: they hold it until its validity ends, and are then judged by the new conditions. `grandfather`: who holds
    it keeps it, with the old conditions for staying, until they rise, or lose it by those; who comes into it later is judged by
    the new ones. `at_once`: all whom the revision concerns are looked at as soon as it comes into force.
    """
    earning: Annotated[tuple[EarningRule, ...], Field(min_length=1)]
    """What brings points; all rules that take an event add up."""
    milestones: tuple[Milestone, ...] = ()
    """Points for reaching a figure, once in each window."""
    rewards: Annotated[tuple[Reward, ...], Field(min_length=1)]
    """What points buy."""
    benefits: tuple[Benefit, ...] = ()
    """What joining or a tier brings by itself."""
    expiry: Expiry = Expiry()
    """When points lapse."""
    partners: tuple[Partner, ...] = ()
    """The companies that take part."""
    interactions: tuple[Interaction, ...] = ()
    """What is said to members, and when."""
    gates: Gates
    """Who must approve what."""
    prototype: Prototype
    """The simulation before anything is promised."""
    test_phases: Annotated[tuple[TestPhase, ...], Field(min_length=1)]
    """What must pass before the launch, in this order."""
    readiness: Readiness = Readiness()
    """What must be ready before the launch."""
    waves: Annotated[tuple[Wave, ...], Field(min_length=1)]
    """The steps of the launch."""
    holdout: Holdout | None = None
    """Who is kept out of the program to its end, for comparison."""
    guardrails: tuple[Guardrail, ...] = ()
    """What is watched while the waves open, and what follows where it goes wrong."""
    evaluation: Evaluation
    """How the program is judged while it runs."""
    retention: Retention | None = None
    """What is done about members who fall silent."""
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
        """The tier by its id. Raises KeyError where the definition has none."""
        for tier in self.tiers:
            if tier.id == tier_id:
                return tier
        raise KeyError(tier_id)

    def current_tier(self, tier_id: str) -> str:
        """The id of the tier that has taken the place of this one; the id itself where none has."""
        return next((tier.id for tier in self.tiers if tier_id in tier.replaces), tier_id)

    def tier_rank(self, tier_id: str) -> int:
        """0 for the first tier, 1 for the next, and so on. Raises KeyError where the definition has none."""
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
    """The SHA-256 of the canonical JSON, as hex: what a vote approves."""
    return hashlib.sha256(canonical_json(definition).encode()).hexdigest()


def scaled(definition: Definition, factor: float) -> Definition:
    """The same program played `factor` times faster: every period and window of it divided by the factor.

    Dates move towards the day on which scripted members join, so that what lay so far from it still does; and no law binds what
    is only played. Nothing else is changed. Raises ValueError for a factor below a thousandth, and for one so large that a
    period would come to nothing.
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
