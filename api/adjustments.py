"""Points given, taken and moved by people: adjustments, transfers to another member, conversions into another currency."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field

from api.corrections import Account, Asked, CurrencyCode, Points, Reason, asks
from api.currencies import currency_of
from api.errors import ConversionUnknown, InvalidRequest, MemberGone, TransfersNotOffered
from domain.definition import Conversion, Definition
from domain.ids import ParticipantId
from domain.model import Value
from ledger import MAX_POINTS, Adjust, Convert, Transfer
from store import members

router = APIRouter(prefix="/programs/{program}/members/{participant}", tags=["corrections"])


def _not_zero(points: int) -> int:
    if points == 0:
        raise ValueError("0 points change nothing; write how many to give, or with a minus to take")
    return points


class AdjustmentIn(Value):
    """Points given, or (with a minus) taken, and why."""

    points: Annotated[int, Field(ge=-MAX_POINTS, le=MAX_POINTS, strict=True), AfterValidator(_not_zero)]
    reason: Reason
    currency: CurrencyCode | None = None


class TransferIn(Value):
    """Points for another member of the program, by their reference."""

    to: ParticipantId
    points: Points
    currency: CurrencyCode | None = None


class ConversionIn(Value):
    """Points of one currency of the program that are to become points of another."""

    from_currency: CurrencyCode
    to_currency: CurrencyCode
    points: Points


@router.post("/adjustments", status_code=201)
async def adjust(wish: AdjustmentIn, asked: Annotated[Asked, asks("correct points")]) -> JSONResponse:
    """Give or take points by hand. The reason, and who asked for it, are kept; given points lapse as earned ones do."""
    said = f"adjustment {wish.model_dump_json()}"

    async def adjustment(account: Account) -> Adjust:
        return Adjust(
            **asked.common(account, currency_of(account.definition, wish.currency), said),
            points=wish.points,
            reason=wish.reason,
            author=asked.person.id,
            expires_at=account.expiry() if wish.points > 0 else None,
        )

    return await asked.settled(Adjust, said, adjustment, asked.services.ledger.adjust)


@router.post("/transfers", status_code=201)
async def transfer(wish: TransferIn, asked: Annotated[Asked, asks("transfer points")]) -> JSONResponse:
    """Move points to another member, where the program allows that; they keep their expiry."""
    said = f"transfer {wish.model_dump_json()}"

    async def moved(account: Account) -> Transfer:
        if not account.definition.transfers_between_members:
            raise TransfersNotOffered(asked.program)
        if wish.to == asked.participant:
            raise InvalidRequest([{"field": "to", "problem": "the points would stay where they are; name another member"}])
        async with asked.services.engine.connect() as connection:
            if (await members.find(connection, asked.program, wish.to)).status != "active":
                raise MemberGone(wish.to)
        return Transfer(
            **asked.common(account, currency_of(account.definition, wish.currency), said),
            to_participant=wish.to,
            points=wish.points,
        )

    return await asked.settled(Transfer, said, moved, asked.services.ledger.transfer)


@router.post("/conversions", status_code=201)
async def convert(wish: ConversionIn, asked: Annotated[Asked, asks("convert points")]) -> JSONResponse:
    """Turn points into another currency of the program, at the definition's rate, rounded down."""
    said = f"conversion {wish.model_dump_json()}"

    async def converted(account: Account) -> Convert:
        conversion = _conversion(account.definition, wish)
        lapses_after = conversion.lapses_after if account.lapsing else None
        own_expiry = lapses_after.after(account.now, account.definition.zone) if lapses_after is not None else None
        return Convert(
            **asked.common(account, wish.from_currency, said),
            to_currency=wish.to_currency,
            rate=conversion.rate,
            points=wish.points,
            expires_at=own_expiry or account.expiry(),
        )

    return await asked.settled(Convert, said, converted, asked.services.ledger.convert)


def _conversion(definition: Definition, wish: ConversionIn) -> Conversion:
    """The definition's rate for this. Raises CurrencyUnknown, ConversionUnknown."""
    pair = (
        currency_of(definition, wish.from_currency, "from_currency"),
        currency_of(definition, wish.to_currency, "to_currency"),
    )
    for conversion in definition.conversions:
        if (conversion.from_currency, conversion.to_currency) == pair:
            return conversion
    raise ConversionUnknown(*pair, [f"{each.from_currency} into {each.to_currency}" for each in definition.conversions])
