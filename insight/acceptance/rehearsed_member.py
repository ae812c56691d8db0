"""A scripted member on an isolated ledger, served by the live program's own statements and reviews."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.acceptance.scenarios import (
    Had,
    Outcome,
    ScenarioResult,
    Step,
    compared,
    joins_at,
    obstacle,
    reward_of,
    run_scenario,
    steps,
    untried,
    within_reach,
)
from domain.definition.acceptance import Scenario
from domain.definition.conditions import UnratableEvent
from domain.definition.document import Definition, digest
from domain.definition.rewards import Benefit, Reward
from domain.members import tiers
from domain.members.benefits import of_change, on_joining
from domain.members.tier_review import next_review, review
from domain.points import earning, expiry
from ledger import Balance, Capture, Confirm, Earn, Hold, Ledger, PostingResult, Reschedule
from ledger.errors import LedgerFault, Stale
from ledger.rehearsal import rehearsal
from services.members import member_review
from services.points.earn_requests import earn_for_bonus, earn_for_event, seen_under_caps

_PARTICIPANT = "scripted"
_REVISION = 1
"""The rehearsed definition has no revision yet: it is played as if it were the first."""


class _Refused(Exception):
    """The ledger refuses a step of the script."""


async def rehearse(engine: AsyncEngine, definition: Definition, scenario: Scenario) -> ScenarioResult:
    """Play the scenario by the rules alone, and again on a ledger that is always undone; it fails if the two differ.

    A database that cannot be reached is no result: its error is raised.
    """
    result = run_scenario(definition, scenario)
    try:
        async with rehearsal(engine) as ledger:
            return compared(result, await _play(ledger, definition, scenario))
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None:
            raise
        return untried(result, str(error.orig))
    except ValidationError as error:
        return untried(result, error.errors()[0]["msg"])
    except (_Refused, UnratableEvent, Stale, LedgerFault) as error:
        return untried(result, str(error))


async def _play(ledger: Ledger, definition: Definition, scenario: Scenario) -> Outcome:
    member = RehearsedMember(ledger, definition, joins_at(definition, scenario), scenario.tier)
    await member.join(given=scenario.tier is None)
    at = member.joined_at
    for number, step in enumerate(steps(definition, scenario)):
        await member.advance(step.at)
        await member.do(number, step)
        at = step.at
    points = (await member.balance()).available
    return Outcome(
        points=points,
        tier=member.tier_status.tier,
        redeemed=tuple(each.reward for each in member.had),
        refused=tuple(member.refused),
        may_redeem=within_reach(definition, at, tier=member.tier_status.tier, points=points, had=member.had),
    )


class RehearsedMember:
    """One member: points and counters are in the ledger alone, and the tier is reviewed as a member's workflow does it."""

    def __init__(self, ledger: Ledger, definition: Definition, at: datetime, tier: str | None) -> None:
        self.definition = definition
        self.joined_at = at
        above = tier is not None and tier != definition.base_tier.id
        self.tier_status = tiers.placed(definition, tier, at, at) if tier and above else tiers.joined(definition, at)
        self.had: list[Had] = []
        self.refused: list[str] = []
        self._ledger = ledger
        # Never the real program: its members' requests must not wait for the rehearsal's accounts.
        self.program = f"rehearsal-{sha256(digest(definition).encode()).hexdigest()[:32]}"
        self._currency = definition.currency.code
        self._stays = [(self.tier_status.tier, at)]
        self._next_review_at: datetime | None = None

    @property
    def participant(self) -> str:
        return _PARTICIPANT

    @property
    def tier(self) -> str:
        return self.tier_status.tier

    @property
    def tier_until(self) -> datetime | None:
        return self.tier_status.until

    async def join(self, *, given: bool) -> None:
        """Begin the member; with `given`, give the benefits of joining (a member who begins in a tier gets none)."""
        if given:
            await self._give(on_joining(self.definition), self.joined_at)
        self._next_review_at = next_review(self.definition, self.tier_status, self._stays, self.joined_at)

    async def balance(self) -> Balance:
        """Read the member's balance from the ledger."""
        return await self._ledger.balance(self.program, _PARTICIPANT, self._currency)

    async def advance(self, to: datetime) -> None:
        """Let time pass: lots expire and the tier is reviewed, each at its own instant, in order."""
        while True:
            lots = (await self.balance()).lots
            expires = min((lot.expires_at for lot in lots if lot.expires_at is not None), default=None)
            if expires is not None and expires <= to and (self._next_review_at is None or expires <= self._next_review_at):
                await self._ledger.expire_due(self.program, expires)
            elif self._next_review_at is not None and self._next_review_at <= to:
                await self._review(self._next_review_at)
            else:
                return

    async def do(self, number: int, step: Step) -> None:
        """Do the step of the script: post its event, or redeem its reward."""
        if isinstance(step.does, earning.Event):
            await self._post(f"event/{number}", step.does, step.at, confirmed=step.confirmed)
        else:
            await self._redeem(f"redemption/{number}", reward_of(self.definition, step.does.redeem), step.at)

    async def _post(self, key: str, event: earning.Event, at: datetime, *, confirmed: bool) -> None:
        capped = earning.capped(self.definition, event.type, at, self.joined_at)
        (seen,) = await seen_under_caps(self._ledger, self.program, [(self.participant, capped)])
        earn = earn_for_event(self.definition, _REVISION, self, event, key=key, at=at, seen=seen)
        if not earn.activity:
            return
        _posted(await self._ledger.earn(earn))
        if earn.pending and confirmed:
            _posted(await self._ledger.confirm(Confirm(**self._request(f"{key}/confirmed", at), earn=key)))
        await self._review(at)

    async def _redeem(self, key: str, reward: Reward, at: datetime) -> None:
        """Redeem a reward as a redemption does: hold the price, then capture the hold."""
        points = (await self.balance()).available
        reason = obstacle(self.definition, reward, at, tier=self.tier_status.tier, points=points, had=self.had)
        if reason is not None:
            self.refused.append(reason)
            return
        until = at + timedelta(days=1)
        _posted(await self._ledger.hold(Hold(**self._request(key, at), points=reward.points, expires_at=until)))
        _posted(await self._ledger.capture(Capture(**self._request(f"{key}/fulfilled", at), hold=key)))
        self.had.append(Had(reward.id, at))

    async def _review(self, at: datetime) -> None:
        definition, before = self.definition, self.tier_status
        sums = await member_review.sums(self._ledger, self.program, self.participant, definition, at, self.joined_at)
        done = review(definition, before, sums, self._stays, at, self.joined_at)
        self.tier_status = done.standing
        if self.tier_status.tier != before.tier:
            self._stays.append((self.tier_status.tier, at))
        if done.reschedules_lots:
            expires_at = expiry.lot_expiry(definition, self.tier_status.tier, at)
            key = f"tier/{self.tier_status.tier}/{at.isoformat()}"
            await self._ledger.reschedule(Reschedule(**self._request(key, at), expires_at=expires_at))
        for milestone, window in done.milestones:
            await self._bonus(f"milestone/{milestone.id}/{window.isoformat()}", milestone.points, at)
        await self._give(of_change(definition, done.outcome.change, self.tier_status.tier), at)
        self._next_review_at = next_review(definition, self.tier_status, self._stays, at)

    async def _give(self, benefits: Iterable[Benefit], at: datetime) -> None:
        for benefit in benefits:
            await self._bonus(f"benefit/{benefit.id}/{self.tier_status.tier}/{at.isoformat()}", benefit.points or 0, at)

    async def _bonus(self, key: str, points: int, at: datetime) -> None:
        """Give points once for the key: every later review finds a reached milestone again."""
        if points:
            earn = earn_for_bonus(self.definition, self, points, key=key, at=at, details={}, fingerprint=key)
            if await self._ledger.answered(Earn, self.program, self.participant, key, key) is None:
                _posted(await self._ledger.earn(earn))

    def _request(self, key: str, at: datetime) -> dict[str, Any]:
        """Return the fields that every request to the ledger has."""
        return {
            "program": self.program,
            "participant": _PARTICIPANT,
            "currency": self._currency,
            "key": key,
            "effective_at": at,
        }


def _posted(answer: PostingResult) -> None:
    if answer.outcome != "posted":
        raise _Refused(answer.detail or f"the ledger refuses a {answer.kind} of {answer.points} points")
