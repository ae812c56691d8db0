"""The end of a program: doors close in their order, what is left is forfeited, memberships end, and the books are checked."""

import asyncio
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain import ids
from domain.model import Message
from ledger import Ledger
from store import members, programs

_PAGE = 200
_AT_ONCE = 16
"""How many memberships end at the same time: enough to keep a worker busy, few enough to leave room for others."""


class Announcement(Message):
    """The instants from which nobody joins, nothing is earned, and nothing is redeemed any more."""

    program: str
    enrolment_until: datetime
    earning_until: datetime
    redeeming_until: datetime


class EndStep(Message):
    """A step of the wind-down at an instant; `key` makes it happen once."""

    program: str
    key: str
    at: datetime


class Remainder(Message):
    points: int
    participants: int


class Holds(Message):
    """When the last hold of a redemption under way times out; None where nothing is held."""

    open_until: datetime | None


class Ended(Message):
    members: int


class TrialBalance(Message):
    """Whether the books close at zero, and what does not, in words."""

    zero: bool
    told: str


class WindDownActivities:
    def __init__(self, engine: AsyncEngine, ledger: Ledger, client: Client) -> None:
        self._engine = engine
        self._ledger = ledger
        self._client = client

    @activity.defn
    async def announce_end(self, announcement: Announcement) -> None:
        """Write from when on the program's doors are closed."""
        async with self._engine.begin() as connection:
            await programs.announce_end(
                connection,
                announcement.program,
                announcement.enrolment_until,
                announcement.earning_until,
                announcement.redeeming_until,
            )

    @activity.defn
    async def suspend_expiry(self, step: EndStep) -> None:
        """In the redeem-only window no point lapses by age any more."""
        await self._ledger.stop_expiry(step.program, step.key, step.at)

    @activity.defn
    async def settle_holds(self, step: EndStep) -> Holds:
        """Time out the holds that are past their time; redemptions under way keep theirs."""
        await self._ledger.expire_holds(step.program, step.at)
        return Holds(open_until=await self._ledger.last_hold(step.program))

    @activity.defn
    async def forfeit_remainder(self, step: EndStep) -> Remainder:
        """What nobody redeemed is forfeited, one entry per lot."""
        swept = await self._ledger.forfeit_remainder(step.program, step.key, step.at)
        return Remainder(points=swept.points, participants=swept.participants)

    @activity.defn
    async def end_memberships(self, step: EndStep) -> Ended:
        """Have every member's workflow end, page by page; a retry goes on with those who are still active."""
        ended, after = 0, ""
        while page := await self._page(step.program, after):
            for start in range(0, len(page), _AT_ONCE):
                await asyncio.gather(*(self._end(step, participant) for participant in page[start : start + _AT_ONCE]))
                ended += len(page[start : start + _AT_ONCE])
                activity.heartbeat(ended)
            after = page[-1]
        return Ended(members=ended)

    @activity.defn
    async def trial_balance(self, program: str) -> TrialBalance:
        """The books may close when the ledger has no drift and owes no points."""
        report = await self._ledger.check(program)
        owed = [total for total in await self._ledger.totals(program) if total.outstanding]
        told = [
            f"{drift.participant}: {drift.what}, expected {drift.expected}, found {drift.found}" for drift in report.drifts[:5]
        ]
        told += [f"{total.outstanding} {total.currency} are still outstanding" for total in owed]
        return TrialBalance(zero=report.clean and not owed, told="; ".join(told) or "zero")

    async def _page(self, program: str, after: str) -> list[str]:
        async with self._engine.connect() as connection:
            return list(await members.active_after(connection, program, after, _PAGE))

    async def _end(self, step: EndStep, participant: str) -> None:
        handle = self._client.get_workflow_handle(ids.member(step.program, participant))
        try:
            await handle.execute_update("end", step.at, id=step.key)
        except WorkflowUpdateFailedError as error:
            raise ApplicationError(f"{participant}'s membership did not end: {error.cause}") from error
        except RPCError as error:
            # The workflow may have ended in between, as one does whose member has just left; where it was terminated, the
            # member is still written as active.
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            async with self._engine.begin() as connection:
                await members.close(connection, step.program, participant, "ended", step.at)
