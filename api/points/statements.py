"""What a member has and how it came to that: the balance, and the statement of account as of any instant."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, AwareDatetime, Field

from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.errors import ZoneMissing
from api.http.openapi import raises
from api.http.read_retry import RetryReadRoute
from api.points.currencies import currency_of, definition_now
from domain.model import CAN_BE_KEPT
from domain.points.errors import CurrencyUnknown, OutOfTime
from ledger import Balance, Statement
from store.members import members

router = APIRouter(
    prefix="/programs/{program}/members/{participant}",
    tags=["members"],
    route_class=RetryReadRoute,
    dependencies=[Depends(require("read members"))],
)

_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours the clock of who asks may run."""


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("it is no instant of the years 1 to 9999 in UTC; write one that is") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Currency = Annotated[str, Field(max_length=200), CAN_BE_KEPT]


class BalanceOut(Balance):
    """What a member has of a currency."""

    program: str
    participant: str
    currency: str


@router.get("/balance", responses=raises(CurrencyUnknown))
async def show_balance(program: str, participant: str, services: WithServices, currency: Currency | None = None) -> BalanceOut:
    """What a member has: posted, held, available, and every lot with the instant at which it expires."""
    code = await _currency(services, program, participant, currency)
    balance = await services.ledger.balance(program, participant, code)
    return BalanceOut(program=program, participant=participant, currency=code, **balance.model_dump())


@router.get("/statement", responses=raises(CurrencyUnknown, OutOfTime, ZoneMissing))
async def show_statement(
    program: str,
    participant: str,
    services: WithServices,
    since: Instant | None = None,
    until: Instant | None = None,
    as_of: Instant | None = None,
    currency: Currency | None = None,
) -> Statement:
    """What there was, what came and went after `since` and up to `until`, what there is; as it was known at `as_of`.

    Each lot is shown with the expiry that it has now, also as of a past instant: how an expiry moved before is not kept.
    """
    code = await _currency(services, program, participant, currency)
    _check_window(since, until, as_of, datetime.now(UTC))
    return await services.ledger.statement(program, participant, code, since, until, as_of)


async def _currency(services: Services, program: str, participant: str, code: str | None) -> str:
    """The currency that is asked about, of a member who is or was one. Raises CurrencyUnknown and what is unknown else."""
    async with services.engine.connect() as connection:
        definition = await definition_now(connection, program)
        await members.find(connection, program, participant)
    return currency_of(definition, code, field="query.currency")


def _check_window(since: datetime | None, until: datetime | None, as_of: datetime | None, now: datetime) -> None:
    """Raise OutOfTime where the window ends before it begins, or tells of what cannot be known yet."""
    if as_of is not None and as_of > now + _CLOCKS_DIFFER:
        raise OutOfTime(
            f"What will be known at {as_of.isoformat()} is not known yet.",
            remedy="Ask as of an instant that has come, or leave as_of out for all that is known.",
            field="query.as_of",
        )
    if since is not None and since > (until or now + _CLOCKS_DIFFER):
        text = f"the end, {until.isoformat()}" if until else "now"
        raise OutOfTime(
            f"The statement would begin at {since.isoformat()}, which is after {text}.",
            remedy="Let since be before until; without until, the statement goes up to now.",
            field="query.since",
        )
