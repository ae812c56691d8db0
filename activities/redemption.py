"""The steps of a redemption: the points are held, the reward is handed out, the hold is captured or voided."""

from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.rewards import Fulfilment, Order, ProviderUnclear, RewardProviders
from domain import ids
from domain.model import Message
from domain.redemption import RedemptionOrder
from ledger import Capture, Hold, Ledger, Void, outbox
from store import programs, redemptions


class Held(Message):
    """Whether the points are held; where they are not, what is available."""

    held: bool
    available: int = 0


class Settling(Message):
    """How a redemption ends."""

    order: RedemptionOrder
    state: Literal["fulfilled", "voided"]
    reference: str = ""
    why: str = ""
    at: datetime


class RedemptionActivities:
    def __init__(self, engine: AsyncEngine, ledger: Ledger, providers: RewardProviders) -> None:
        self._engine = engine
        self._ledger = ledger
        self._providers = providers

    @activity.defn
    async def hold_points(self, order: RedemptionOrder) -> Held:
        """Hold the price of the reward, so that nothing else can spend it meanwhile."""
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
        why = "" if held else answer.detail or "There are not enough points."
        await self._keep(order, "held" if held else "refused", None, why, None if held else order.asked_at)
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
        why = settling.why if answer.outcome == "posted" else f"{settling.why} {answer.detail or ''}".strip()
        await self._keep(order, settling.state, settling.reference or None, why, settling.at)

    async def _keep(
        self, order: RedemptionOrder, state: redemptions.State, reference: str | None, why: str, settled_at: datetime | None
    ) -> None:
        record = redemptions.RedemptionRecord(
            id=order.id,
            program=order.program,
            participant=order.participant,
            reward=order.reward.id,
            points=order.reward.points,
            state=state,
            reference=reference,
            why=why,
            asked_at=order.asked_at,
            settled_at=settled_at,
        )
        async with self._engine.begin() as connection:
            await redemptions.keep(connection, record)
            program = await programs.find(connection, order.program)
            if settled_at is not None and program.redeeming_until is not None:
                await outbox.put(connection, [ids.wind_down(order.program)])  # which may wait for this very hold


def _as_order(order: RedemptionOrder) -> Order:
    return Order(
        redemption=order.id.replace("/", "-"), program=order.program, participant=order.participant, reward=order.reward
    )
