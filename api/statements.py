"""What a member's account says: the balance, the statement of a time, and single transactions."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime

from api.currencies import currency_of
from api.errors import OutOfTime, TransactionUnknown
from api.people import may
from api.reading import ReadAgain
from api.services import Services, WithServices
from api.transactions import shown
from store import members, programs

router = APIRouter(
    prefix="/programs/{program}/members/{participant}",
    tags=["members"],
    route_class=ReadAgain,
    dependencies=[Depends(may("read members"))],
)

TransactionNumber = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/balance")
async def show_balance(program: str, participant: str, services: WithServices, currency: str | None = None) -> dict[str, Any]:
    """What a member has: posted, held, available, and every lot with the instant at which it lapses."""
    code = await _currency(services, program, participant, currency)
    balance = await services.ledger.balance(program, participant, code)
    return {"program": program, "participant": participant, "currency": code} | balance.model_dump(mode="json")


@router.get("/statement")
async def show_statement(
    program: str,
    participant: str,
    services: WithServices,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    as_of: AwareDatetime | None = None,
    currency: str | None = None,
) -> dict[str, Any]:
    """What there was, what came and went in (since, until] and why, and what there is, with every lot and its expiry.

    With `as_of`, only what had been recorded by then; the expiries are those that the lots have now.
    """
    code = await _currency(services, program, participant, currency)
    since, until, as_of = _instant(since, "since"), _instant(until, "until"), _instant(as_of, "as_of")
    if since is not None and until is not None and since > until:
        raise OutOfTime(
            f"The time would begin ({since.isoformat()}) after its end ({until.isoformat()}).",
            remedy="Let `since` be the earlier of the two.",
            field="since",
        )
    if as_of is not None and as_of > datetime.now(UTC):
        raise OutOfTime(
            f"Nobody knows yet what will be known at {as_of.isoformat()}.",
            remedy="Leave `as_of` out for all that is known now.",
            field="as_of",
        )
    statement = await services.ledger.statement(program, participant, code, since, until, as_of)
    return statement.model_dump(mode="json")


@router.get("/transactions/{number}")
async def show_transaction(program: str, participant: str, number: TransactionNumber, services: WithServices) -> dict[str, Any]:
    """One transaction of a member's points, as it was answered."""
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        await members.find(connection, program, participant)
    answer = await services.ledger.transaction(program, participant, number)
    if answer is None:
        raise TransactionUnknown(number, participant)
    return shown(answer)


async def _currency(services: Services, program: str, participant: str, asked: str | None) -> str:
    """The currency to show, of a member who is known. Raises CurrencyUnknown."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        await members.find(connection, program, participant)
        definition = await programs.definition(connection, program, record.revision_in_force or 1)
    return currency_of(definition, asked)


def _instant(given: datetime | None, field: str) -> datetime | None:
    """The instant in UTC. Raises OutOfTime where no calendar has it."""
    try:
        return given.astimezone(UTC) if given is not None else None
    except OverflowError as error:
        raise OutOfTime(f"{field} is out of range.", remedy="Write a year from 1 to 9999 in UTC.", field=field) from error
