"""What becomes of a transaction later: it is taken back, or a pending earn is settled, or what lapsed is given back."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.corrections import Account, Asked, Points, Reason, asks
from api.errors import ReinstatementNotOffered, ReinstatementTooLate, TransactionUnknown
from api.statements import TransactionNumber
from domain import ids
from domain.model import Value
from ledger import Cancel, Confirm, Entered, Reinstate, Reverse

router = APIRouter(prefix="/programs/{program}/members/{participant}/transactions/{number}", tags=["corrections"])


class ReversalIn(Value):
    """Why a transaction is taken back: some points of it, or (without `points`) all that is left of it."""

    reason: Reason
    points: Points | None = None


class NothingIn(Value):
    """The address says it all."""


Settler = Annotated[Asked, asks("settle pending points")]


@router.post("/reversal", status_code=201)
async def reverse(number: TransactionNumber, wish: ReversalIn, asked: Annotated[Asked, asks("correct points")]) -> JSONResponse:
    """Take back a burn, a redemption or an earn, or some points of it.

    Of an earn, what is spent already is dealt with as the definition's `clawback` says; the tier is looked at again.
    """
    original, said = await _entered(asked, number), f"reversal {number} {wish.model_dump_json()}"

    async def reversal(account: Account) -> Reverse:
        clawback = account.definition.clawback
        gives_back = account.definition.expiry.reinstate_within is not None
        return Reverse(
            **asked.common(account, original.currency, said),
            of=original.key,
            points=wish.points,
            shortfall=clawback.shortfall,
            lowest_allowed=clawback.lowest_balance,
            # A lot that has lapsed while its points were spent: they lapse at once, unless the program gives back what lapsed.
            reinstate_until=account.expiry() if gives_back else None,
            nudge=(ids.member(asked.program, asked.participant),),
            details={"reason": wish.reason, "author": asked.person.id},
        )

    return await asked.settled(Reverse, said, reversal, asked.services.ledger.reverse, of=(original.key, number))


@router.post("/confirmation", status_code=201)
async def confirm(number: TransactionNumber, asked: Settler, wish: NothingIn | None = None) -> JSONResponse:
    """Post the points of a pending earn; they were earned, and they count, as of when it took effect."""
    original, said = await _entered(asked, number), f"confirmation {number}"

    async def confirmation(account: Account) -> Confirm:
        return Confirm(**asked.common(account, original.currency, said), earn=original.key)

    return await asked.settled(Confirm, said, confirmation, asked.services.ledger.confirm, of=(original.key, number))


@router.post("/cancellation", status_code=201)
async def cancel(number: TransactionNumber, asked: Settler, wish: NothingIn | None = None) -> JSONResponse:
    """Drop the points of a pending earn."""
    original, said = await _entered(asked, number), f"cancellation {number}"

    async def cancellation(account: Account) -> Cancel:
        return Cancel(**asked.common(account, original.currency, said), earn=original.key)

    return await asked.settled(Cancel, said, cancellation, asked.services.ledger.cancel, of=(original.key, number))


@router.post("/reinstatement", status_code=201)
async def reinstate(
    number: TransactionNumber, asked: Annotated[Asked, asks("correct points")], wish: NothingIn | None = None
) -> JSONResponse:
    """Give back what lapsed by one expiry, within the time that the definition allows; it lapses as if it were earned now."""
    lapse, said = await _entered(asked, number), f"reinstatement {number}"

    async def reinstatement(account: Account) -> Reinstate:
        if lapse.kind == "expire":
            _check_window(asked.program, account, lapse)
        return Reinstate(**asked.common(account, lapse.currency, said), of=lapse.key, expires_at=account.expiry())

    return await asked.settled(Reinstate, said, reinstatement, asked.services.ledger.reinstate, of=(lapse.key, number))


def _check_window(program: str, account: Account, lapse: Entered) -> None:
    """Raises ReinstatementNotOffered, ReinstatementTooLate."""
    within = account.definition.expiry.reinstate_within
    if within is None:
        raise ReinstatementNotOffered(program)
    until = within.after(lapse.effective_at, account.definition.zone)
    if account.now > until:
        raise ReinstatementTooLate(lapse.effective_at, until)


async def _entered(asked: Asked, number: int) -> Entered:
    """How the ledger knows the transaction. Raises TransactionUnknown, and what account() raises of program and member."""
    found = await asked.services.ledger.entered(asked.program, asked.participant, number)
    if found is None:
        await asked.account()
        raise TransactionUnknown(number, asked.participant)
    return found
