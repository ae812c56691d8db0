"""Points that go elsewhere: to another member, or into another currency of the program."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from api.http.openapi import raises, together
from api.points.currencies import currency_of
from api.points.member_request import Currency, MemberRequest, Points, idempotent_result, member_context, member_request
from api.points.transactions import MOVED, TransactionOut, posted
from domain.definition.document import Conversion, Definition
from domain.errors_input import InvalidRequest
from domain.ids import ParticipantId
from domain.members.errors import MemberGone, MemberUnknown
from domain.model import Value
from domain.points.errors import BalanceLimit, ConversionUnknown, CurrencyUnknown, RecipientNotActive, TransfersNotAllowed
from domain.points.errors_ledger import ConvertsToNothing
from domain.programs.errors_holds import ProgramHalted, ProgramOnHold
from domain.rewards.errors import InsufficientPoints, RedeemingClosed
from ledger import Convert, PostingResult, Transfer
from store.members import members

router = APIRouter(prefix="/programs/{program}/members/{participant}", tags=["points"])


class TransferIn(Value):
    """Points for another member."""

    to: ParticipantId
    points: Points
    currency: Currency | None = None


class ConversionIn(Value):
    """Points of one currency that become points of another, at the definition's rate."""

    from_currency: Currency
    to_currency: Currency
    points: Points


_ALWAYS = (RedeemingClosed, ProgramOnHold, ProgramHalted, CurrencyUnknown, MemberGone, BalanceLimit, InsufficientPoints)
Transferring = Annotated[MemberRequest, Depends(member_request("transfer points"))]
Converting = Annotated[MemberRequest, Depends(member_request("convert points"))]


@router.post(
    "/transfers",
    status_code=201,
    response_model=TransactionOut,
    responses=together(MOVED, raises(TransfersNotAllowed, RecipientNotActive, *_ALWAYS)),
)
async def transfer_points(giving: TransferIn, by: Transferring) -> JSONResponse:
    """Give points to another member, where the program allows it; they keep their expiry."""
    said = giving.model_dump_json()

    async def ask() -> PostingResult:
        context = await member_context(by)
        if not context.definition.transfers_between_members:
            raise TransfersNotAllowed(by.program)
        context.check_redeeming()
        await _check_recipient(by, giving.to)
        request = context.request(currency_of(context.definition, giving.currency), said)
        return await by.services.ledger.transfer(Transfer(**request, to_participant=giving.to, points=giving.points))

    return posted(by.program, by.participant, await idempotent_result(by, Transfer, said, ask))


@router.post(
    "/conversions",
    status_code=201,
    response_model=TransactionOut,
    responses=together(MOVED, raises(ConversionUnknown, ConvertsToNothing, *_ALWAYS)),
)
async def convert_points(body: ConversionIn, by: Converting) -> JSONResponse:
    """Turn points into another currency at the definition's rate, rounded down; `received` says how many these are."""
    said = body.model_dump_json()

    async def ask() -> PostingResult:
        context = await member_context(by)
        definition = context.definition
        conversion = _conversion(definition, body)
        context.check_redeeming()
        expires_after = conversion.lapses_after
        return await by.services.ledger.convert(
            Convert(
                **context.request(conversion.from_currency, said),
                to_currency=conversion.to_currency,
                rate=conversion.rate,
                points=body.points,
                expires_at=expires_after.after(context.now, definition.zone) if expires_after else context.expiry(),
            )
        )

    return posted(by.program, by.participant, await idempotent_result(by, Convert, said, ask))


async def _check_recipient(by: MemberRequest, to: str) -> None:
    if to == by.participant:
        raise InvalidRequest([{"field": "to", "problem": f"the points would stay with {to!r}; name another member"}])
    try:
        async with by.services.engine.connect() as connection:
            recipient = await members.find(connection, by.program, to)
    except MemberUnknown:
        raise RecipientNotActive(to, by.program) from None
    if recipient.status != "active":
        raise RecipientNotActive(to, by.program)


def _conversion(definition: Definition, body: ConversionIn) -> Conversion:
    ends = (
        currency_of(definition, body.from_currency, field="from_currency"),
        currency_of(definition, body.to_currency, field="to_currency"),
    )
    for conversion in definition.conversions:
        if (conversion.from_currency, conversion.to_currency) == ends:
            return conversion
    raise ConversionUnknown(*ends, [f"{each.from_currency} into {each.to_currency}" for each in definition.conversions])
