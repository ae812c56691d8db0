"""Redemptions: a member wants a reward; their points are held, the reward is handed out, the points are spent or back."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, assert_never

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from temporalio.client import WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.acceptance import readiness
from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.errors_server import ServiceUnavailable
from api.http.idempotency import Key, StoredResponse, idempotent
from api.http.openapi import links, raises, together
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import in_time
from domain import ids
from domain.definition.rewards import Reward, VoucherFulfilment
from domain.errors_input import KeyReused
from domain.identity.person import Person
from domain.ids import Name
from domain.members.errors import MemberGone
from domain.model import Value
from domain.programs.errors_holds import ProgramHalted, ProgramOnHold
from domain.rewards.errors import (
    REFUSALS,
    InsufficientPoints,
    NoSuchStock,
    RedeemingClosed,
    RedemptionUnknown,
    RewardLimitReached,
    RewardNotHandedOut,
    RewardNotOffered,
    RewardOutOfStock,
    RewardUnknown,
    TierTooLow,
)
from domain.rewards.redemption import RedemptionOrder
from services.programs.availability import require_open
from store.members import members
from store.programs import programs
from store.rewards import availability, redemptions
from store.rewards.redemptions import RedemptionRecord
from workflows.attributes import of_member
from workflows.rewards.redemption import Redemption

router = APIRouter(prefix="/programs/{program}", tags=["redemptions"], route_class=RetryReadRoute)

_MARGIN = timedelta(minutes=10)
"""How much longer than the reward's own time a hold lasts, so that a worker that was away can still settle it."""
_CODES_AT_ONCE = 10_000


class RedemptionIn(Value):
    """The reward that a member wants."""

    reward: Name


class StockIn(Value):
    """Codes to hand out, each once."""

    codes: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")], ...],
        Field(min_length=1, max_length=_CODES_AT_ONCE),
    ]


class StockAdded(Value):
    """How many codes were new, and how many of the reward are left now."""

    reward: str
    added: int
    free: int


class Stock(Value):
    """How many codes of a reward are left."""

    reward: str
    free: int


_OF_MEMBER = {"program": "$response.body#/program", "participant": "$response.body#/participant"}
_NOT_REDEEMED = (
    *(MemberGone, RedeemingClosed, ProgramOnHold, ProgramHalted, RewardUnknown, TierTooLow, InsufficientPoints),
    *(RewardNotOffered, RewardOutOfStock, RewardLimitReached, RewardNotHandedOut),
)


@router.post(
    "/members/{participant}/redemptions",
    status_code=201,
    response_model=RedemptionRecord,
    responses=together(
        {202: {"model": RedemptionRecord, "description": "Under way; ask at Location what becomes of it."}},
        links(201, list_redemptions=_OF_MEMBER, show_balance=_OF_MEMBER),
        raises(*_NOT_REDEEMED),
    ),
)
async def redeem_reward(
    program: str,
    participant: str,
    body: RedemptionIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("serve members"))],
) -> JSONResponse:
    """Redeem points for a reward: 201 once it is handed out, 202 while its provider takes its time."""
    redemption = ids.redemption(person.id, key)
    location = f"/programs/{program}/members/{participant}/redemptions/{redemption.rpartition('/')[2]}"

    async def act() -> StoredResponse:
        async with services.engine.connect() as connection:
            record = await redemptions.find(connection, redemption)
        if record is not None and (record.program, record.participant, record.reward) != (program, participant, body.reward):
            raise KeyReused(key)
        if record is None or record.settled_at is None:
            order = await _order(services, redemption, program, participant, body, begun=record is not None)
            if record is None:
                await _check_availability(services, order)
            await _have_settled(services, order)
            async with services.engine.connect() as connection:
                record = await redemptions.find(connection, redemption)
        if record is None:
            raise ServiceUnavailable("The redemption's workflow")
        return _answer(record, location)

    return await idempotent(request, services, person, key, act)


@router.get("/members/{participant}/redemptions", dependencies=[Depends(require("read members"))])
async def list_redemptions(program: str, participant: str, services: WithServices, paged: Paged) -> Page[RedemptionRecord]:
    """A member's redemptions, newest first."""
    after = paged.after(datetime, str)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        await members.find(connection, program, participant)
        found = await redemptions.of_member(connection, program, participant, after, paged.one_more)
    return paged.page(found, lambda record: (record.asked_at, record.id))


@router.get(
    "/members/{participant}/redemptions/{redemption}",
    dependencies=[Depends(require("read members"))],
    responses=raises(RedemptionUnknown),
)
async def show_redemption(
    program: str, participant: str, redemption: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")], services: WithServices
) -> RedemptionRecord:
    """What became of a redemption."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        record = await redemptions.find(connection, f"redemption/{redemption}")
    if record is None or (record.program, record.participant) != (program, participant):
        raise RedemptionUnknown(redemption)
    return record


@router.post(
    "/rewards/{reward}/codes",
    status_code=201,
    response_model=StockAdded,
    responses=together(
        links(201, show_stock={"program": "$request.path.program", "reward": "$response.body#/reward"}),
        raises(RewardUnknown, NoSuchStock),
    ),
)
async def stock_reward(
    program: str,
    reward: str,
    stock: StockIn,
    request: Request,
    services: WithServices,
    key: Key,
    person: Annotated[Person, Depends(require("stock rewards"))],
) -> JSONResponse:
    """Add codes to the stock of a reward that is handed out as codes; those that are there already stay."""

    async def act() -> StoredResponse:
        async with services.engine.begin() as connection:
            await _voucher_reward(services, program, reward)
            added = await redemptions.stock(connection, program, reward, stock.codes)
            free = await redemptions.free_codes(connection, program, reward)
            await readiness.nudge(connection, program)  # a launch may wait for them
        body = StockAdded(reward=reward, added=added, free=free)
        return StoredResponse(201, body.model_dump(mode="json"), f"/programs/{program}/rewards/{reward}/codes")

    return await idempotent(request, services, person, key, act)


@router.get(
    "/rewards/{reward}/codes",
    dependencies=[Depends(require("read programs"))],
    responses=raises(RewardUnknown, NoSuchStock),
)
async def show_stock(program: str, reward: str, services: WithServices) -> Stock:
    """How many codes of a reward are left; the codes themselves are shown to nobody."""
    await _voucher_reward(services, program, reward)
    async with services.engine.connect() as connection:
        return Stock(reward=reward, free=await redemptions.free_codes(connection, program, reward))


async def _order(
    services: Services, redemption: str, program: str, participant: str, body: RedemptionIn, *, begun: bool
) -> RedemptionOrder:
    """The order for a reward at its price of now. Raises the reason why this member cannot have it.

    One that has begun is settled, though redeeming has been stopped meanwhile.
    """
    now = datetime.now(UTC)
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        member = await members.find(connection, program, participant)
        in_force = await programs.in_force_at(connection, program, now)
    if member.status != "active":
        raise MemberGone(participant)
    require_open(record, "settling" if begun else "redeeming", now, in_force=in_force is not None)
    assert in_force is not None
    definition = in_force.definition
    reward = definition.reward(body.reward)
    if reward is None:
        raise RewardUnknown(body.reward, [reward.id for reward in definition.rewards])
    tier = definition.current_tier(member.tier)
    if reward.from_tier is not None and definition.tier_rank(tier) < definition.tier_rank(reward.from_tier):
        raise TierTooLow(tier, reward.from_tier)
    within = reward.fulfil_within.approximate()
    return RedemptionOrder(
        id=redemption,
        program=program,
        participant=participant,
        currency=definition.currency.code,
        reward=reward,
        asked_at=now,
        hold_until=now + 2 * within + _MARGIN,
        fulfil_within_seconds=within.total_seconds(),
    )


async def _check_availability(services: Services, order: RedemptionOrder) -> None:
    """Raise the reason why there is no piece of the reward for the member, which spares a workflow.

    What counts is what the redemption then finds; one that has begun holds its piece already, and is not asked.
    """
    async with services.engine.connect() as connection:
        in_force = await programs.in_force_at(connection, order.program, order.asked_at)
        if in_force is None:
            raise RedeemingClosed(order.program)
        found = await availability.unavailable(
            connection, order.program, order.participant, order.reward, order.asked_at, in_force.definition.zone
        )
    if found is not None:
        raise found


async def _have_settled(services: Services, order: RedemptionOrder) -> None:
    """Have the redemption's workflow run, and wait for its end as long as a caller waits."""
    try:
        handle = await services.temporal.start_workflow(
            Redemption.run,
            order,
            id=order.id,
            task_queue=ids.MEMBERS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary=f"{order.reward.id} for {order.reward.points} points",
            search_attributes=of_member(order.program, order.participant),
        )
        await in_time(handle.result(), "The redemption's workflow", wait_timeout=services.wait_timeout)
    except (ServiceUnavailable, WorkflowAlreadyStartedError):
        return  # what the store knows of it is the answer
    except WorkflowFailureError as error:
        raise ServiceUnavailable("The redemption's workflow") from error


def _answer(record: RedemptionRecord, location: str) -> StoredResponse:
    """The answer to a redemption, by what became of it."""
    match record.state:
        case "held":
            return StoredResponse(202, record.model_dump(mode="json"), location)
        case "fulfilled":
            return StoredResponse(201, record.model_dump(mode="json"), location)
        case "refused":
            raise REFUSALS[record.refusal or InsufficientPoints.code](record.why)
        case "voided":
            raise RewardNotHandedOut(record.why)
        case _:
            assert_never(record.state)


async def _voucher_reward(services: Services, program: str, reward: str) -> Reward:
    """A reward that has a stock of codes, now or by a revision on its way to the launch. Raises RewardUnknown, NoSuchStock."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        latest = (await programs.revisions(connection, program))[-1]
        numbers = {record.revision_in_force or 1} | ({latest.number} if latest.status == "submitted" else set())
        definitions = [await programs.definition(connection, program, number) for number in sorted(numbers)]
    found = [each for definition in definitions if (each := definition.reward(reward)) is not None]
    if not found:
        known = dict.fromkeys(each.id for definition in definitions for each in definition.rewards)
        raise RewardUnknown(reward, list(known))
    of_codes = [each for each in found if isinstance(each.fulfilment, VoucherFulfilment)]
    if not of_codes:
        raise NoSuchStock(reward)
    return of_codes[-1]
