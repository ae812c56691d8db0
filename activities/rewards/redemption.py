"""The steps of a redemption: the points are held, the reward is handed out, the hold is captured or voided."""

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.queues import ActivityGroup
from activities.refusals import in_words
from activities.rewards.providers import Fulfilment, Order, ProviderUnclear, RewardProviders
from domain import ids
from domain.errors import TenureError
from domain.ids import MEMBERS_QUEUE
from domain.model import Message
from domain.programs.availability import closed_for
from domain.programs.errors import NotLaunched
from domain.rewards.errors import REFUSALS, InsufficientPoints
from domain.rewards.redemption import RedemptionOrder
from ledger import Capture, Hold, Ledger, Void, outbox
from store.programs import programs
from store.rewards import availability, redemptions


class Held(Message):
    """Whether the points are held; where they are not, why, and what is available."""

    held: bool
    available: int = 0
    why: str = ""


class Settling(Message):
    """How a redemption ends."""

    order: RedemptionOrder
    state: Literal["fulfilled", "voided"]
    reference: str = ""
    why: str = ""
    at: datetime


class RedemptionActivities(ActivityGroup):
    QUEUE = MEMBERS_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger, providers: RewardProviders) -> None:
        self._engine = engine
        self._ledger = ledger
        self._providers = providers

    @activity.defn
    async def hold_points(self, order: RedemptionOrder) -> Held:
        """Take a piece of the reward and hold its price, so that nothing else can spend either meanwhile.

        A piece that nobody pays for, or that is not handed out, goes back: what is refused or voided counts against no limit.
        """
        unavailable = await self._take(order)
        if unavailable is not None:
            return Held(held=False, why=unavailable.detail)
        answer = await self._ledger.hold(
            Hold(
                program=order.program,
                participant=order.participant,
                currency=order.currency,
                key=order.hold_key,
                points=order.reward.points,
                effective_at=order.asked_at,
                expires_at=order.hold_until,
                details={"reward": order.reward.id, "redemption": order.id},
            )
        )
        held = answer.outcome == "posted"
        reason = "" if held else answer.detail or "There are not enough points."
        if held:
            await self._keep(order, "held")
        else:
            await self._keep(order, "refused", why=reason, refusal=InsufficientPoints.code, settled_at=order.asked_at)
        return Held(held=held, available=answer.balance)

    @activity.defn
    async def fulfil_reward(self, order: RedemptionOrder) -> Fulfilment:
        """Have the reward's provider hand it out; tried again while the provider is unclear."""
        return await self._providers.of(order.reward).fulfil(_as_order(order))

    @activity.defn
    async def cancel_reward(self, order: RedemptionOrder) -> Fulfilment:
        """Make sure that a reward whose fate is unclear is not handed out; `delivered` where it was and stays so."""
        try:
            return await self._providers.of(order.reward).cancel(_as_order(order))
        except ProviderUnclear as error:
            raise ApplicationError(str(error), type="provider_unclear") from error

    @activity.defn
    async def settle_redemption(self, settling: Settling) -> None:
        """Capture the hold of a reward that was handed out, void the other; and keep how it ended."""
        order = settling.order
        request = Void(
            program=order.program,
            participant=order.participant,
            currency=order.currency,
            key=f"{order.id}/{settling.state}",
            hold=order.hold_key,
            effective_at=settling.at,
            details={"reward": order.reward.id, "redemption": order.id},
        )
        if settling.state == "fulfilled":
            answer = await self._ledger.capture(Capture.model_validate(request.model_dump()))
        else:
            answer = await self._ledger.void(request)
        reason = settling.why if answer.outcome == "posted" else f"{settling.why} {answer.detail or ''}".strip()
        await self._keep(order, settling.state, reference=settling.reference or None, why=reason, settled_at=settling.at)

    async def _take(self, order: RedemptionOrder) -> TenureError | None:
        """Take a piece of the reward for this redemption, or keep that there is none for it; the same answer on repetition."""
        reward = order.reward
        async with self._engine.begin() as connection:
            in_force = await programs.in_force_at(connection, order.program, order.asked_at)
            if in_force is None:
                raise in_words(NotLaunched, f"{order.program} was not in force.")
            zone = in_force.definition.zone
            # Two at once must not both find the last piece free; whoever needs both locks takes them in this order.
            if reward.per_member is not None:
                await redemptions.lock(connection, order.program, reward.id, order.participant)
            if reward.stock is not None:
                await redemptions.lock(connection, order.program, reward.id)
            before = await redemptions.find(connection, order.id)
            if before is not None:
                return _found_then(before)
            found = await availability.unavailable(connection, order.program, order.participant, reward, order.asked_at, zone)
            refused = {"refusal": found.code, "why": found.detail, "settled_at": order.asked_at} if found else {}
            await redemptions.keep(connection, _record(order, "refused" if found else "held", **refused))
        return found

    async def _keep(self, order: RedemptionOrder, state: redemptions.State, **ending: Any) -> None:
        async with self._engine.begin() as connection:
            await redemptions.keep(connection, _record(order, state, **ending))
            program = await programs.find(connection, order.program)
            settled_at: datetime | None = ending.get("settled_at")
            # From the last day of redeeming on, the end of the program may wait for this very hold. The clock may be ahead of
            # the instant at which the settling began.
            if settled_at and closed_for(program, "settling", max(settled_at, datetime.now(UTC))) is not None:
                await outbox.put(connection, [ids.wind_down(order.program)])


def _record(order: RedemptionOrder, state: redemptions.State, **ending: Any) -> redemptions.RedemptionRecord:
    return redemptions.RedemptionRecord(
        id=order.id,
        program=order.program,
        participant=order.participant,
        reward=order.reward.id,
        points=order.reward.points,
        state=state,
        asked_at=order.asked_at,
        **ending,
    )


def _found_then(record: redemptions.RedemptionRecord) -> TenureError | None:
    """Why there was no piece of the reward for a redemption, when that was asked for the first time."""
    if record.refusal is None or record.refusal == InsufficientPoints.code:
        return None
    return REFUSALS[record.refusal](record.why)


def _as_order(order: RedemptionOrder) -> Order:
    return Order(
        redemption=order.id.replace("/", "-"), program=order.program, participant=order.participant, reward=order.reward
    )
