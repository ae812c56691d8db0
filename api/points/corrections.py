"""Corrections: points given or taken by hand, and what takes back, settles or gives back an earlier transaction."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field, StringConstraints

from api.http.openapi import raises, together
from api.points.currencies import currency_of
from api.points.member_request import (
    Currency,
    MemberContext,
    MemberRequest,
    Points,
    idempotent_result,
    member_context,
    member_request,
)
from api.points.transactions import MOVED, TransactionOut, posted, refusal
from domain import ids
from domain.members.errors import MemberGone
from domain.model import CAN_BE_KEPT, Value
from domain.points.errors import BalanceLimit, CurrencyUnknown, NoReinstatement, ReinstatementTooLate, TransactionUnknown
from domain.points.errors_ledger import (
    BelowLowestAllowed,
    EarnCancelled,
    EarnConfirmed,
    EarnPending,
    ExceedsOriginal,
    NothingToReinstate,
    NotPending,
    NotReversible,
    ReversalOfReversal,
    UnknownEarn,
    UnknownExpiry,
    UnknownTransaction,
)
from domain.rewards.errors import InsufficientPoints
from ledger import MAX_POINTS, Adjust, Cancel, Confirm, PostingResult, Recorded, Reinstate, Reverse
from store.members import members
from store.programs import programs

router = APIRouter(prefix="/programs/{program}/members/{participant}", tags=["points"])


def _not_zero(points: int) -> int:
    if points == 0:
        raise ValueError("0 points change nothing; write how many to give, or with a minus how many to take")
    return points


Change = Annotated[int, Field(ge=-MAX_POINTS, le=MAX_POINTS, strict=True), AfterValidator(_not_zero)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), CAN_BE_KEPT]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
_NO_REVERSAL = (
    *(UnknownTransaction, ReversalOfReversal, NotReversible, ExceedsOriginal, EarnPending, EarnCancelled),
    *(BelowLowestAllowed, InsufficientPoints),
)
_NO_SETTLEMENT = (UnknownEarn, NotPending, EarnConfirmed, EarnCancelled)
_NOT_BACK = (NoReinstatement, ReinstatementTooLate, UnknownExpiry, NothingToReinstate)
_Settlement = TypeVar("_Settlement", Confirm, Cancel)


class AdjustmentIn(Value):
    """Points to give, or with a minus to take, and why."""

    points: Change
    reason: Reason
    currency: Currency | None = None


class ReversalIn(Value):
    """What is taken back of a transaction (all that is left of it, unless told), and why."""

    points: Points | None = None
    reason: Reason


class SettlementIn(Value):
    """Why, where there is something to say."""

    reason: Reason | None = None


Correcting = Annotated[MemberRequest, Depends(member_request("correct points"))]
Confirming = Annotated[MemberRequest, Depends(member_request("confirm points"))]


@router.post(
    "/adjustments",
    status_code=201,
    response_model=TransactionOut,
    responses=together(MOVED, raises(BalanceLimit, CurrencyUnknown, MemberGone, InsufficientPoints)),
)
async def adjust_points(adjustment: AdjustmentIn, by: Correcting) -> JSONResponse:
    """Give or take points by hand; who asks is the author. What is given expires as if it were earned now."""
    said = adjustment.model_dump_json()

    async def ask() -> PostingResult:
        context = await member_context(by)
        request = context.request(currency_of(context.definition, adjustment.currency), said)
        return await by.services.ledger.adjust(
            Adjust(
                **request,
                points=adjustment.points,
                reason=adjustment.reason,
                author=by.person.id,
                expires_at=context.expiry() if adjustment.points > 0 else None,
            )
        )

    return _posted(by, await idempotent_result(by, Adjust, said, ask))


@router.post(
    "/transactions/{number}/reversal",
    status_code=201,
    response_model=TransactionOut,
    responses=together(MOVED, raises(TransactionUnknown, MemberGone, BalanceLimit, *_NO_REVERSAL)),
)
async def reverse_transaction(number: Number, reversal: ReversalIn, by: Correcting) -> JSONResponse:
    """Take back a burn, a capture or an earn, or some points of it.

    The points of a burn return to their lots; those of a lot that is past due expire again. Where those of an earn are spent,
    the definition's `clawback` says what happens. The member's tier is looked at again.
    """
    original, said = await _original(by, number), f"{number}\n{reversal.model_dump_json()}"

    async def ask() -> PostingResult:
        context = await member_context(by)
        if original.answer.kind in ("earn", "bonus", "confirm"):
            context.check_late_files()
        clawback = context.definition.clawback
        return await by.services.ledger.reverse(
            Reverse(
                **context.request(original.currency, said, reversal.reason),
                of=original.key,
                points=reversal.points,
                shortfall=clawback.shortfall,
                lowest_allowed=clawback.lowest_balance,
                nudge=(ids.member(by.program, by.participant),),
            )
        )

    return _posted(by, await idempotent_result(by, Reverse, said, ask), number, original)


@router.post(
    "/transactions/{number}/confirmation",
    status_code=201,
    response_model=TransactionOut,
    responses=together(MOVED, raises(TransactionUnknown, MemberGone, BalanceLimit, *_NO_SETTLEMENT)),
)
async def confirm_earn(number: Number, by: Confirming, settlement: SettlementIn = SettlementIn()) -> JSONResponse:
    """Post a pending earn: its points are there, and count, from when it was earned on."""
    return await _settle(by, number, settlement, Confirm, by.services.ledger.confirm)


@router.post(
    "/transactions/{number}/cancellation",
    status_code=201,
    response_model=TransactionOut,
    responses=together(MOVED, raises(TransactionUnknown, MemberGone, *_NO_SETTLEMENT)),
)
async def cancel_earn(number: Number, by: Confirming, settlement: SettlementIn = SettlementIn()) -> JSONResponse:
    """Drop a pending earn: its points never come."""
    return await _settle(by, number, settlement, Cancel, by.services.ledger.cancel)


@router.post(
    "/transactions/{number}/reinstatement",
    status_code=201,
    response_model=TransactionOut,
    responses=together(MOVED, raises(TransactionUnknown, MemberGone, BalanceLimit, *_NOT_BACK)),
)
async def reinstate_points(number: Number, by: Correcting, settlement: SettlementIn = SettlementIn()) -> JSONResponse:
    """Give back what an expiry took, within the definition's time for that; it expires anew as if it were earned now."""
    original, said = await _original(by, number), f"{number}\n{settlement.model_dump_json()}"

    async def ask() -> PostingResult:
        context = await member_context(by)
        if original.answer.kind == "expire":
            _check_reinstatement(context, original.answer.effective_at)
        request = context.request(original.currency, said, settlement.reason)
        return await by.services.ledger.reinstate(Reinstate(**request, of=original.key, expires_at=context.expiry()))

    return _posted(by, await idempotent_result(by, Reinstate, said, ask), number, original)


def _posted(by: MemberRequest, answer: PostingResult, number: int = 0, original: Recorded | None = None) -> JSONResponse:
    """The answer as a transaction. Raises the refusal, which names an earlier transaction by its number and not by its key."""
    if answer.outcome == "refused" and original is not None:
        text = str(answer.detail).replace(repr(original.key), f"number {number}")
        raise refusal(str(answer.refusal), text[0].upper() + text[1:], kind=original.answer.kind)
    return posted(by.program, by.participant, answer)


async def _settle(
    by: MemberRequest,
    number: int,
    settlement: SettlementIn,
    kind: type[_Settlement],
    settle: Callable[[_Settlement], Awaitable[PostingResult]],
) -> JSONResponse:
    """Have a pending earn settled in one way or the other."""
    original, said = await _original(by, number), f"{number}\n{settlement.model_dump_json()}"

    async def ask() -> PostingResult:
        request = (await member_context(by)).request(original.currency, said, settlement.reason)
        return await settle(kind(**request, earn=original.key))

    return _posted(by, await idempotent_result(by, kind, said, ask), number, original)


async def _original(by: MemberRequest, number: int) -> Recorded:
    """The transaction that a number of the address names. Raises TransactionUnknown and what else is unknown."""
    async with by.services.engine.connect() as connection:
        await programs.find(connection, by.program)
        await members.find(connection, by.program, by.participant)
    found = await by.services.ledger.recorded(by.program, by.participant, number)
    if found is None:
        raise TransactionUnknown(number, by.participant)
    return found


def _check_reinstatement(context: MemberContext, expired_at: datetime) -> None:
    within = context.definition.expiry.reinstate_within
    if within is None:
        raise NoReinstatement(context.by.program)
    until = within.after(expired_at, context.definition.zone)
    if context.now > until:
        raise ReinstatementTooLate(expired_at.isoformat(timespec="seconds"), until.isoformat(timespec="seconds"))
