"""Scenarios: a scripted member runs through the rules, and must end with the expected points, tier and rewards."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.acceptance.playback import PlayedMember
from domain.definition.acceptance import Scenario, ScenarioEvent, ScenarioRedemption
from domain.definition.document import Definition
from domain.definition.rewards import Reward
from domain.model import Value
from domain.points.earning import Event
from domain.rewards.availability import limit_reached, limit_since, not_offered, out_of_stock
from domain.window import ORIGIN


class Outcome(Value):
    """The result of a scripted member right after the last event: the balance of points, the tier, and the rewards.

    `redeemed` are the rewards that they got, in order; `refused` are the reasons for the others that they ordered;
    `may_redeem` are those that they could redeem next.
    """

    points: int
    tier: str
    redeemed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    may_redeem: tuple[str, ...] = ()


class ScenarioResult(Outcome):
    """The result of a scripted member by the rules, the expected one, and in `differs` each difference in words.

    `ledger` is the result of the same member on an isolated ledger; None if that was not tried.
    """

    name: str
    passed: bool
    expected_points: int
    expected_tier: str
    expected_redeemed: tuple[str, ...] = ()
    expected_may_redeem: tuple[str, ...] | None = None
    ledger: Outcome | None = None
    differs: tuple[str, ...] = ()


class Step(NamedTuple):
    """An action of a scripted member, and its instant."""

    at: datetime
    does: Event | ScenarioRedemption
    confirmed: bool = True


class Had(NamedTuple):
    """A reward that the member has redeemed, and when."""

    reward: str
    at: datetime


def joins_at(definition: Definition, scenario: Scenario) -> datetime:
    """When the scripted member joins, or comes into their first tier."""
    return scenario.joins.at(definition.zone) if scenario.joins else ORIGIN


def steps(definition: Definition, scenario: Scenario) -> Iterator[Step]:
    """The scripted member's actions, in order of time. Raises ValueError if one comes before the step above it."""
    joins = last = joins_at(definition, scenario)
    for scripted in scenario.events:
        at = scripted.after.after(joins, definition.zone)
        if at < last:
            raise ValueError(f"in {scenario.name!r} an event is before the one above it; write them in order of time")
        last = at
        if isinstance(scripted, ScenarioEvent):
            does = Event(type=scripted.event, amount=scripted.amount, attributes=scripted.attributes)
            yield Step(at, does, scripted.confirmed)
        else:
            yield Step(at, scripted)


def run_scenario(definition: Definition, scenario: Scenario) -> ScenarioResult:
    """Run the scenario's member from joining (in the scenario's tier, else the first) to the last event.

    Raises ValueError for an event before the one above it, or an amount finer than the money's smallest unit, and KeyError
    for a tier or a reward that the definition does not have; `domain.definition.reading.file.cross_check` finds all of them
    beforehand.
    """
    member = PlayedMember(definition, joins_at(definition, scenario), scenario.tier)
    had: list[Had] = []
    refused: list[str] = []
    at = member.joined_at
    for at, does, confirmed in steps(definition, scenario):
        if isinstance(does, Event):
            member.post(does, at, confirmed=confirmed)
            continue
        member.advance(at)
        reward = reward_of(definition, does.redeem)
        reason = obstacle(definition, reward, at, tier=member.tier_status.tier, points=member.balance, had=had)
        if reason is not None:
            refused.append(reason)
        else:
            member.burn(reward.points)
            had.append(Had(reward.id, at))
    ended = Outcome(
        points=member.balance,
        tier=member.tier_status.tier,
        redeemed=tuple(each.reward for each in had),
        refused=tuple(refused),
        may_redeem=within_reach(definition, at, tier=member.tier_status.tier, points=member.balance, had=had),
    )
    return judged(scenario, ended)


def judged(scenario: Scenario, ended: Outcome) -> ScenarioResult:
    """The member's result by the rules, compared with the scenario's expectation."""
    expect, rewards = scenario.expect, scenario.expect.rewards
    asked = tuple(each.redeem for each in scenario.events if isinstance(each, ScenarioRedemption))
    redeemed = asked if rewards is None or rewards.redeemed is None else rewards.redeemed
    may_redeem = rewards.may_redeem if rewards is not None else None
    differs = []
    if (ended.points, ended.tier) != (expect.points, expect.tier):
        differs.append(f"expected {expect.points} points and tier {expect.tier}, got {ended.points} and {ended.tier}")
    if ended.redeemed != redeemed:
        reason = f" ({' '.join(ended.refused)})" if ended.refused else ""
        differs.append(f"expected to get {_listed(redeemed)} redeemed, got {_listed(ended.redeemed)}{reason}")
    if may_redeem is not None and set(ended.may_redeem) != set(may_redeem):
        differs.append(f"expected to be able to redeem {_listed(may_redeem)}, is able to redeem {_listed(ended.may_redeem)}")
    return ScenarioResult(
        **ended.model_dump(),
        name=scenario.name,
        passed=not differs,
        expected_points=expect.points,
        expected_tier=expect.tier,
        expected_redeemed=redeemed,
        expected_may_redeem=may_redeem,
        differs=tuple(differs),
    )


def compared(result: ScenarioResult, ledger: Outcome) -> ScenarioResult:
    """The result with that of the same member on a ledger; if they differ, the scenario has failed."""
    differs = list(result.differs)
    if ledger.points != result.points:
        differs.append(f"the rules come to {result.points} points, the ledger to {ledger.points}")
    if ledger.tier != result.tier:
        differs.append(f"the rules come to tier {result.tier}, the ledger's counters to {ledger.tier}")
    if ledger.redeemed != result.redeemed:
        differs.append(f"the rules let {_listed(result.redeemed)} be redeemed, the ledger {_listed(ledger.redeemed)}")
    return result.model_copy(update={"ledger": ledger, "differs": tuple(differs), "passed": not differs})


def untried(result: ScenarioResult, reason: str) -> ScenarioResult:
    """The result of a scenario that the ledger could not carry out: failed, with the reason."""
    return result.model_copy(update={"passed": False, "differs": (*result.differs, f"the ledger could not do it: {reason}")})


def reward_of(definition: Definition, reward_id: str) -> Reward:
    """The reward by its id. Raises KeyError if the definition has no such reward."""
    reward = definition.reward(reward_id)
    if reward is None:
        raise KeyError(reward_id)
    return reward


def obstacle(definition: Definition, reward: Reward, at: datetime, *, tier: str, points: int, had: Sequence[Had]) -> str | None:
    """Why a member cannot redeem the reward at an instant, in a sentence; None if they can. Only their own redemptions count
    against its stock.
    """
    zone = definition.zone
    since = limit_since(reward, at, zone)
    mine = [each.at for each in had if each.reward == reward.id]
    taken = not_offered(reward, at, zone) or out_of_stock(reward, len(mine))
    taken = taken or limit_reached(reward, sum(since is None or each > since for each in mine))
    if taken is not None:
        return taken.detail
    if reward.from_tier is not None and definition.tier_rank(tier) < definition.tier_rank(reward.from_tier):
        return f"The reward {reward.id!r} is for tier {reward.from_tier!r} and above, and the member is {tier!r}."
    if points < reward.points:
        return f"The reward {reward.id!r} costs {reward.points} points, and the member has {points}."
    return None


def within_reach(definition: Definition, at: datetime, *, tier: str, points: int, had: Sequence[Had]) -> tuple[str, ...]:
    """The rewards that a member could redeem at an instant, in the order of the definition."""
    return tuple(
        reward.id
        for reward in definition.rewards
        if obstacle(definition, reward, at, tier=tier, points=points, had=had) is None
    )


def _listed(rewards: Sequence[str]) -> str:
    return ", ".join(rewards) or "nothing"
