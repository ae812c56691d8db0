"""The ledger's public face: everything that can be asked of it, each call a database transaction of its own."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.errors import TenureError
from ledger import (
    adjust,
    burn,
    check,
    convert,
    earn,
    ending,
    expire,
    figures,
    forfeit,
    history,
    hold,
    journal,
    pending,
    read,
    reinstate,
    reverse,
    seal,
    statement,
    suspend,
    time_out,
    transfer,
)
from ledger.accounts import SystemAccounts
from ledger.coalescer import Coalescer
from ledger.drain import Becoming, Leaving
from ledger.journal import Recorded
from ledger.requests import Answer, Burn, Earn, Forfeit, Request, Reschedule, Swept, fingerprint_hash
from ledger.requests_corrections import Adjust, Cancel, Confirm, Reinstate, Reverse
from ledger.requests_exchanges import Convert, Transfer
from ledger.requests_holds import Capture, Hold, Void
from ledger.seal import Head, Sealed, VerifyReport
from ledger.statement import Statement


class Ledger:
    """The points of all programs. Requests are idempotent by (program, key): sent again, they get the same answer.

    Raises KeyConflict where a key comes again with another request. A refusal is an `Answer`, not an error.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._system = SystemAccounts(engine)
        self._coalescer = Coalescer(self.earn_many)

    async def earn(self, request: Earn) -> Answer:
        """Post one earn or bonus; what concurrent callers ask for meanwhile goes out as one statement."""
        return await self._coalescer.earn(request)

    async def earn_many(self, requests: Sequence[Earn]) -> list[Answer | TenureError]:
        """Post many at once, by the same statement; each gets its answer or its error at its place, and harms no other."""
        return await earn.earn_many(self._engine, self._system, requests)

    async def burn(self, request: Burn) -> Answer:
        """Spend points, or answer why not (`insufficient_points`). What is due by then lapses first."""
        return await burn.burn(self._engine, self._system, request)

    async def hold(self, request: Hold) -> Answer:
        """Keep points for a redemption under way, or answer why not (`insufficient_points`)."""
        return await hold.hold(self._engine, request)

    async def capture(self, request: Capture) -> Answer:
        """Spend what a hold keeps, or some of it and let the rest go.

        Refusals: `unknown_hold`, `hold_captured`, `hold_voided`, `hold_timed_out`, `exceeds_hold`.
        """
        return await hold.capture(self._engine, self._system, request)

    async def void(self, request: Void) -> Answer:
        """Let go of what a hold keeps. Refusals: `unknown_hold`, `hold_captured`, `hold_voided`, `hold_timed_out`."""
        return await hold.void(self._engine, request)

    async def expire_holds(self, program: str, as_of: datetime) -> Swept:
        """Time out what is held beyond the instant in a program; accounts in use now are left to the next sweep."""
        return await time_out.expire_holds(self._engine, program, as_of)

    async def last_hold(self, program: str) -> datetime | None:
        """When the last of a program's open holds times out; None where nothing is held."""
        return await time_out.last_hold(self._engine, program)

    async def confirm(self, request: Confirm) -> Answer:
        """Post a pending earn.

        Refusals: `unknown_earn`, `not_pending`, `earn_confirmed`, `earn_cancelled`, `balance_limit`.
        """
        return await pending.confirm(self._engine, self._system, request)

    async def cancel(self, request: Cancel) -> Answer:
        """Drop a pending earn. Refusals: `unknown_earn`, `not_pending`, `earn_confirmed`, `earn_cancelled`."""
        return await pending.cancel(self._engine, request)

    async def reverse(self, request: Reverse) -> Answer:
        """Take back a burn, a capture or an earn, or some points of it.

        Refusals: `unknown_transaction`, `not_reversible`, `reversal_of_reversal`, `exceeds_original`, `earn_pending`,
        `earn_cancelled`, `balance_limit`, `insufficient_points`, `below_lowest_allowed`.
        """
        return await reverse.reverse(self._engine, self._system, request)

    async def reinstate(self, request: Reinstate) -> Answer:
        """Give back what lapsed. Refusals: `unknown_expiry`, `nothing_to_reinstate`, `balance_limit`."""
        return await reinstate.reinstate(self._engine, self._system, request)

    async def transfer(self, request: Transfer) -> Answer:
        """Give points to another member. Refusals: `insufficient_points`, `balance_limit`."""
        return await transfer.transfer(self._engine, self._system, request)

    async def adjust(self, request: Adjust) -> Answer:
        """Give or take points by hand. Refusals: `insufficient_points`, `balance_limit`."""
        return await adjust.adjust(self._engine, self._system, request)

    async def convert(self, request: Convert) -> Answer:
        """Turn points into another currency. Refusals: `insufficient_points`, `converts_to_nothing`, `balance_limit`."""
        return await convert.convert(self._engine, self._system, request)

    async def answered(self, kind: type[Request], program: str, participant: str, key: str, fingerprint: str) -> Answer | None:
        """The answer that the request of this key and fingerprint got; None if it never came. Raises KeyConflict."""
        async with self._engine.connect() as connection:
            row = (await journal.stored(connection, program, [key])).get(key)
        if row is None:
            return None
        return journal.answer_again(row, fingerprint_hash(kind, participant, fingerprint))

    async def transaction(self, program: str, participant: str, txn_id: int) -> Answer | None:
        """A transaction of a member, as it was answered; None if the member has no such one."""
        recorded = await self.recorded(program, participant, txn_id)
        return recorded.answer if recorded is not None else None

    async def recorded(self, program: str, participant: str, txn_id: int) -> Recorded | None:
        """The same with its key and its currency, by which further requests name it."""
        async with self._engine.connect() as connection:
            return await journal.transaction(connection, program, participant, txn_id)

    async def forfeit(self, request: Forfeit) -> Answer:
        """Take everything left of one member. What is due by then lapses first."""
        return await forfeit.forfeit(self._engine, self._system, request)

    async def reschedule(self, request: Reschedule) -> Answer:
        """Give every open lot of one member a new expiry. What is due by then lapses first; `details.lots` says how many."""
        return await expire.reschedule(self._engine, self._system, request)

    async def expire_due(self, program: str, as_of: datetime) -> Swept:
        """Let lapse what is due in a program; accounts in use at this moment are left to the next sweep."""
        return await expire.expire_due(self._engine, program, as_of)

    async def stop_expiry(self, program: str, key: str, at: datetime) -> int:
        """From `at` on nothing in the program lapses any more; how many open lots that concerns."""
        return await expire.stop_expiry(self._engine, program, key, at)

    async def suspend_expiry(self, program: str, since: datetime) -> int:
        """Nothing lapses while nothing can be redeemed: the time of open lots stands still from `since` on; how many lots."""
        return await suspend.suspend_expiry(self._engine, program, since)

    async def resume_expiry(self, program: str, at: datetime) -> int:
        """Time goes on: lots lapse as much later as it stood still; how many lots."""
        return await suspend.resume_expiry(self._engine, program, at)

    async def forget_suspended(self, program: str) -> int:
        """Lots whose time stands still never lapse by age any more; how many lots."""
        return await suspend.forget_suspended(self._engine, program)

    async def forfeit_remainder(self, program: str, key: str, at: datetime) -> Swept:
        """Take everything left of every member of a program that ends."""
        return await forfeit.forfeit_remainder(self._engine, program, key, at)

    async def settle_remainder(
        self, program: str, key: str, at: datetime, kind: Leaving = "forfeit", becoming: Becoming | None = None
    ) -> Swept:
        """The same by what a program's end says: `forfeit`, `cash_out` or `convert_out`; what members owe is written off."""
        return await forfeit.settle_remainder(self._engine, self._system, program, key, at, kind, becoming)

    async def unsettled(self, program: str) -> ending.Unsettled:
        """How many points of a program are held for redemptions under way, and how many wait for their confirmation."""
        async with self._engine.connect() as connection:
            return await ending.unsettled(connection, program)

    async def open_pending(self, program: str, limit: int) -> list[ending.OpenPending]:
        """Earns of a program that still wait for their confirmation, the oldest first."""
        async with self._engine.connect() as connection:
            return await ending.open_pending(connection, program, limit)

    async def holders(self, program: str, after: str, limit: int) -> list[ending.Holder]:
        """The next members of a program who have points, by their references, with what they have."""
        async with self._engine.connect() as connection:
            return await ending.holders(connection, program, after, limit)

    async def by_event(self, program: str) -> list[ending.EventFigures]:
        """How many events of each type brought how many points in a program, less what was taken back."""
        async with self._engine.connect() as connection:
            return await ending.by_event(connection, program)

    async def payouts(self, program: str, after: int, limit: int) -> list[ending.Payout]:
        """The next of what members get for the points that were left at the end, in the order of their transactions."""
        async with self._engine.connect() as connection:
            return await ending.payouts(connection, program, after, limit)

    async def balance(self, program: str, participant: str, currency: str) -> read.Balance:
        """What a member has, with the open lots; zeros for one who never had any."""
        async with self._engine.connect() as connection:
            return await read.balance(connection, program, participant, currency)

    async def counters(self, program: str, participant: str, since: datetime, until: datetime) -> dict[str, int]:
        """The sums of a member's counters in (since, until], in each counter's smallest unit."""
        async with self._engine.connect() as connection:
            return await read.counters(connection, program, participant, since, until)

    async def counted(self, program: str, asked: Sequence[tuple[str, str, datetime, datetime]]) -> list[int]:
        """The sums of the counters of many members, each (participant, counter, since, until) at its place."""
        async with self._engine.connect() as connection:
            return await read.counted(connection, program, asked)

    async def last_activity(self, program: str, participant: str) -> datetime | None:
        """When the member was last active; None if never."""
        async with self._engine.connect() as connection:
            return await read.last_activity(connection, program, participant)

    async def totals(self, program: str) -> tuple[read.Totals, ...]:
        """Issued, burned, expired, outstanding points and so on by currency, derived from the postings."""
        async with self._engine.connect() as connection:
            return await read.totals(connection, program)

    async def window_figures(
        self, program: str, since: datetime, until: datetime, currency: str | None = None
    ) -> figures.WindowFigures:
        """What happened in (since, until], by when it took effect, in one of the program's currencies or in all."""
        return await figures.window_figures(self._engine, program, since, until, currency)

    async def last_activities(self, program: str, as_of: datetime) -> dict[str, datetime]:
        """When each member of a program was last active by an instant."""
        return await history.last_activities(self._engine, program, as_of)

    async def active_months(self, program: str, zone: str, as_of: datetime) -> list[history.ActiveMonth]:
        """How many members were active in each month up to an instant: new, again, and not in the next."""
        return await history.active_months(self._engine, program, zone, as_of)

    async def months_of_points(self, program: str, zone: str, as_of: datetime) -> list[history.MonthOfPoints]:
        """What each month up to an instant did to a program's points, by currency."""
        return await history.months_of_points(self._engine, program, zone, as_of)

    async def lapsing(self, program: str, zone: str, as_of: datetime) -> list[history.Lapsing]:
        """What remained at an instant, by the month in which it lapses and by currency."""
        return await history.lapsing(self._engine, program, zone, as_of)

    async def unsent(self, program: str, before: datetime, as_of: datetime) -> list[history.Nudge]:
        """The nudges of a program that were written before one instant and not sent by another."""
        return await history.unsent(self._engine, program, before, as_of)

    async def check(self, program: str | None = None) -> check.CheckReport:
        """The reconciliation of a program, or of the whole ledger."""
        return await check.check(self._engine, program)

    async def statement(
        self,
        program: str,
        participant: str,
        currency: str,
        since: datetime | None,
        until: datetime | None,
        as_of: datetime | None = None,
    ) -> Statement:
        """What there was, what came and went in (since, until], and what there is; as it was known at `as_of`."""
        return await statement.statement(self._engine, program, participant, currency, since, until, as_of)

    async def seal(self, patience: timedelta = timedelta(seconds=5)) -> Sealed:
        """Seal what was written since the last block, waiting so long for who is writing now; to do it again does no harm."""
        return await seal.seal(self._engine, patience)

    async def verify(self, noted: Head | None = None, *, after: Head | None = None, blocks: int | None = None) -> VerifyReport:
        """Whether every sealed row is what was sealed; `noted` is a head of the chain that was kept somewhere else.

        A long chain can be verified page by page: so many `blocks`, from `after` on, which is the `next` of the page before.
        """
        return await seal.verify(self._engine, noted, after, blocks)
