"""The prototype: a definition simulated over a log of purchases, by the rules that the live program uses.

Every customer of the log joins at their first purchase and is played alone, up to the log's last purchase: earning, tiers and
expiry are the live program's own functions, nothing is drawn at random, and the same log always gives the same figures.

Redemption is a model, since a log of purchases has none: of all the points that a member has ever earned they redeem the
definition's `burn_share`, in whole rewards of the cheapest that their tier may have, each as soon as that share suffices for it
and the balance has it. So nobody redeems more than the share, and what is too little for a reward stays, or lapses.
Not simulated: offers to silent members, members who leave, and purchases that the program itself brings about.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from pydantic import AwareDatetime

from domain.definition import Criterion, Definition
from domain.earning import Event
from domain.model import Value
from domain.money import in_units
from domain.playback import PlayedMember

_SIXTH_DECIMAL = Decimal("0.000001")


class UnusableLog(ValueError):
    """The transaction log cannot be simulated: it is empty, or a purchase in it is no purchase."""


class Purchase(NamedTuple):
    """One row of a transaction log: who, when (aware), and how much, in units of the program's money."""

    customer: str
    at: datetime
    amount: Decimal


class CriterionResult(Value):
    """A figure held against its bounds; a figure that could not be computed (None) does not pass."""

    figure: str
    value: Decimal | None
    at_least: Decimal | None
    at_most: Decimal | None
    passed: bool


class PrototypeResult(Value):
    """What the simulation came to.

    Figures by the names of `Criterion.figure`: points whole, `cost` in units of money, shares as fractions of 1. `cost` is what
    the burned points cost, and what those still outstanding are expected to. With no revenue to divide by,
    `cost_share_of_revenue` is left out.
    """

    figures: dict[str, Decimal]
    members_by_tier: dict[str, int]
    criteria: tuple[CriterionResult, ...]
    passed: bool
    transactions: int
    period_start: AwareDatetime
    period_end: AwareDatetime


def simulate(definition: Definition, purchases: Iterable[Purchase]) -> PrototypeResult:
    """Play the definition over the purchases, in whatever order they come.

    A purchase is an event of the type that the definition's first rule with a rate names.
    Raises UnusableLog for an empty log, an instant without a zone, or an amount that is negative or finer than a smallest unit.
    """
    by_customer: defaultdict[str, list[Purchase]] = defaultdict(list)
    for purchase in purchases:
        if purchase.at.tzinfo is None:
            raise UnusableLog(f"the purchase of {purchase.customer} at {purchase.at} has no time zone; give an aware instant")
        by_customer[purchase.customer].append(purchase)
    if not by_customer:
        raise UnusableLog("the log holds no purchases; name a log that has some")
    start = min(purchase.at for bought in by_customer.values() for purchase in bought)
    end = max(purchase.at for bought in by_customer.values() for purchase in bought)
    members = [_play(definition, bought, end) for bought in by_customer.values()]
    revenue = sum((purchase.amount for bought in by_customer.values() for purchase in bought), Decimal(0))
    figures = _figures(definition, members, revenue)
    criteria = tuple(_judge(criterion, figures) for criterion in definition.prototype.criteria)
    by_tier = Counter(member.standing.tier for member in members)
    return PrototypeResult(
        figures=figures,
        members_by_tier={tier.id: by_tier[tier.id] for tier in definition.tiers},
        criteria=criteria,
        passed=all(result.passed for result in criteria),
        transactions=sum(map(len, by_customer.values())),
        period_start=start,
        period_end=end,
    )


def _play(definition: Definition, bought: list[Purchase], end: datetime) -> PlayedMember:
    bought.sort(key=lambda purchase: purchase.at)
    event = next((rule.event for rule in definition.earning if rule.rate is not None), definition.earning[0].event)
    member = PlayedMember(definition, bought[0].at)
    for purchase in bought:
        try:
            member.post(Event(type=event, amount=purchase.amount), purchase.at)
        except ValueError as error:
            raise UnusableLog(
                f"the purchase of {purchase.customer} at {purchase.at} cannot be rated ({purchase.amount} {definition.money}); "
                f"correct the log: {error}"
            ) from error
        _redeem(definition, member)
    member.advance(end)
    return member


def _redeem(definition: Definition, member: PlayedMember) -> None:
    rank = definition.tier_rank(member.standing.tier)
    open_to_member = (r.points for r in definition.rewards if r.from_tier is None or definition.tier_rank(r.from_tier) <= rank)
    cheapest = min(open_to_member, default=None)
    if cheapest is None:
        return
    share = int((definition.prototype.burn_share * member.issued).to_integral_value(ROUND_FLOOR))
    rewards = min(share - member.burned, member.balance) // cheapest
    if rewards > 0:
        member.burn(rewards * cheapest)


def _figures(definition: Definition, members: list[PlayedMember], revenue: Decimal) -> dict[str, Decimal]:
    currency = definition.currency
    issued, burned, expired = (sum(getattr(m, name) for m in members) for name in ("issued", "burned", "expired"))
    outstanding = sum(member.balance for member in members)
    above = sum(member.standing.tier != definition.base_tier.id for member in members)
    cost = currency.cost_per_point * (burned + outstanding * currency.expected_redemption_rate)
    figures = {
        "members": Decimal(len(members)),
        "points_issued": Decimal(issued),
        "points_burned": Decimal(burned),
        "points_expired": Decimal(expired),
        "points_outstanding": Decimal(outstanding),
        "points_per_member": (Decimal(issued) / len(members)).quantize(_SIXTH_DECIMAL),
        "cost": in_units(definition.money, cost),
        "share_above_first_tier": (Decimal(above) / len(members)).quantize(_SIXTH_DECIMAL),
    }
    if revenue:
        figures["cost_share_of_revenue"] = (cost / revenue).quantize(_SIXTH_DECIMAL)
    return figures


def _judge(criterion: Criterion, figures: dict[str, Decimal]) -> CriterionResult:
    value = figures.get(criterion.figure)
    passed = (
        value is not None
        and (criterion.at_least is None or value >= criterion.at_least)
        and (criterion.at_most is None or value <= criterion.at_most)
    )
    return CriterionResult(
        figure=criterion.figure, value=value, at_least=criterion.at_least, at_most=criterion.at_most, passed=passed
    )
