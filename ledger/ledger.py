"""The ledger's public interface; each call is its own database transaction."""

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
from ledger.journal import Recorded
from ledger.outflow import OutflowKind, Settlement
from ledger.requests import Burn, Earn, Forfeit, PostingResult, Request, Reschedule, Swept, fingerprint_hash
from ledger.requests_corrections import Adjust, Cancel, Confirm, Reinstate, Reverse
from ledger.requests_exchanges import Convert, Transfer
from ledger.requests_holds import Capture, Hold, Void
from ledger.seal import Head, Sealed, VerifyReport
from ledger.statement import Statement


class Ledger:
    """The points of all programs. Requests are idempotent by (program, key): a repeated request gets the same answer.

    Raises KeyConflict if a key comes again with another request. A refusal is an `Answer`, not an error.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._system = SystemAccounts(engine)
        self._coalescer = Coalescer(self.earn_many)

    async def earn(self, request: Earn) -> PostingResult:
        """Post one earn or bonus; requests of concurrent callers go out together as one statement. Raises Stale."""
        return await self._coalescer.earn(request)

    async def earn_many(self, requests: Sequence[Earn]) -> list[PostingResult | TenureError]:
        """Post many requests at once; each has its answer or its error at its place, and harms no other."""
        return await earn.earn_many(self._engine, self._system, requests)

    async def burn(self, request: Burn) -> PostingResult:
        """Spend points. Points due by then expire first. Refusals: `insufficient_points`."""
        return await burn.burn(self._engine, self._system, request)

    async def hold(self, request: Hold) -> PostingResult:
        """Hold points for a redemption under way. Refusals: `insufficient_points`."""
        return await hold.hold(self._engine, request)

    async def capture(self, request: Capture) -> PostingResult:
        """Spend the points of a hold, or some of them, which releases the rest.

        Refusals: `unknown_hold`, `hold_captured`, `hold_voided`, `hold_timed_out`, `exceeds_hold`.
        """
        return await hold.capture(self._engine, self._system, request)

    async def void(self, request: Void) -> PostingResult:
        """Release the points of a hold. Refusals: `unknown_hold`, `hold_captured`, `hold_voided`, `hold_timed_out`."""
        return await hold.void(self._engine, request)

    async def expire_holds(self, program: str, as_of: datetime) -> Swept:
        """Time out a program's holds that are due at the instant; accounts in use now are left to the next sweep."""
        return await time_out.expire_holds(self._engine, program, as_of)

    async def last_hold(self, program: str) -> datetime | None:
        """Return the instant at which the last of a program's open holds times out; None if there is none."""
        return await time_out.last_hold(self._engine, program)

    async def confirm(self, request: Confirm) -> PostingResult:
        """Post a pending earn.

        Refusals: `unknown_earn`, `not_pending`, `earn_confirmed`, `earn_cancelled`, `balance_limit`.
        """
        return await pending.confirm(self._engine, self._system, request)

    async def cancel(self, request: Cancel) -> PostingResult:
        """Drop a pending earn. Refusals: `unknown_earn`, `not_pending`, `earn_confirmed`, `earn_cancelled`."""
        return await pending.cancel(self._engine, request)

    async def reverse(self, request: Reverse) -> PostingResult:
        """Take back a burn, a capture or an earn, or some points of it.

        Refusals: `unknown_transaction`, `not_reversible`, `reversal_of_reversal`, `exceeds_original`, `earn_pending`,
        `earn_cancelled`, `balance_limit`, `insufficient_points`, `below_lowest_allowed`.
        """
        return await reverse.reverse(self._engine, self._system, request)

    async def reinstate(self, request: Reinstate) -> PostingResult:
        """Give back expired points. Refusals: `unknown_expiry`, `nothing_to_reinstate`, `balance_limit`."""
        return await reinstate.reinstate(self._engine, self._system, request)

    async def transfer(self, request: Transfer) -> PostingResult:
        """Give points to another member. Refusals: `insufficient_points`, `balance_limit`."""
        return await transfer.transfer(self._engine, self._system, request)

    async def adjust(self, request: Adjust) -> PostingResult:
        """Give or take points by hand. Refusals: `insufficient_points`, `balance_limit`."""
        return await adjust.adjust(self._engine, self._system, request)

    async def convert(self, request: Convert) -> PostingResult:
        """Convert points to another currency. Refusals: `insufficient_points`, `converts_to_nothing`, `balance_limit`."""
        return await convert.convert(self._engine, self._system, request)

    async def answered(
        self, kind: type[Request], program: str, participant: str, key: str, fingerprint: str
    ) -> PostingResult | None:
        """Return the stored answer to the request of this key and fingerprint; None if there is none. Raises KeyConflict."""
        async with self._engine.connect() as connection:
            row = (await journal.stored(connection, program, [key])).get(key)
        if row is None:
            return None
        return journal.answer_again(row, fingerprint_hash(kind, participant, fingerprint))

    async def transaction(self, program: str, participant: str, txn_id: int) -> PostingResult | None:
        """Return the answer of a member's transaction; None if the member has no such transaction."""
        recorded = await self.recorded(program, participant, txn_id)
        return recorded.answer if recorded is not None else None

    async def recorded(self, program: str, participant: str, txn_id: int) -> Recorded | None:
        """Return a member's transaction with the key and currency by which further requests name it; None if there is none."""
        async with self._engine.connect() as connection:
            return await journal.transaction(connection, program, participant, txn_id)

    async def forfeit(self, request: Forfeit) -> PostingResult:
        """Take all points that no hold keeps from one member. Points due by then expire first."""
        return await forfeit.forfeit(self._engine, self._system, request)

    async def reschedule(self, request: Reschedule) -> PostingResult:
        """Give all open lots of a member a new expiry. Points due by then expire first; `details.lots` counts the lots."""
        return await expire.reschedule(self._engine, self._system, request)

    async def expire_due(self, program: str, as_of: datetime) -> Swept:
        """Expire a program's points that are due; accounts in use now are left to the next sweep."""
        return await expire.expire_due(self._engine, program, as_of)

    async def stop_expiry(self, program: str, key: str, at: datetime) -> int:
        """Take the expiry from all open lots of a program from `at` on; return the number of lots."""
        return await expire.stop_expiry(self._engine, program, key, at)

    async def suspend_expiry(self, program: str, since: datetime) -> int:
        """Suspend the expiry of open lots from `since` on, while members cannot redeem; return the number of lots."""
        return await suspend.suspend_expiry(self._engine, program, since)

    async def resume_expiry(self, program: str, at: datetime) -> int:
        """Resume the expiry of suspended lots, later by the time of suspension; return the number of lots."""
        return await suspend.resume_expiry(self._engine, program, at)

    async def forget_suspended(self, program: str) -> int:
        """Leave suspended lots without an expiry for ever; return the number of lots."""
        return await suspend.forget_suspended(self._engine, program)

    async def forfeit_remainder(self, program: str, key: str, at: datetime) -> Swept:
        """Forfeit the remainder of every member of a program that ends."""
        return await forfeit.forfeit_remainder(self._engine, program, key, at)

    async def settle_remainder(
        self, program: str, key: str, at: datetime, kind: OutflowKind = "forfeit", settlement: Settlement | None = None
    ) -> Swept:
        """Settle the remainder as the program's end says: `forfeit`, `cash_out` or `convert_out`; debts are written off."""
        return await forfeit.settle_remainder(self._engine, self._system, program, key, at, kind, settlement)

    async def unsettled(self, program: str) -> ending.Unsettled:
        """Return a program's points held for redemptions under way, and its points that wait for their confirmation."""
        async with self._engine.connect() as connection:
            return await ending.unsettled(connection, program)

    async def open_pending(self, program: str, limit: int) -> list[ending.OpenPending]:
        """Return earns of a program that wait for their confirmation, the oldest first, at most `limit`."""
        async with self._engine.connect() as connection:
            return await ending.open_pending(connection, program, limit)

    async def holders(self, program: str, after: str, limit: int) -> list[ending.Holder]:
        """Return the next members of a program with points, in the order of their references, with their points."""
        async with self._engine.connect() as connection:
            return await ending.holders(connection, program, after, limit)

    async def by_event(self, program: str) -> list[ending.EventFigures]:
        """Return, for each type of event of a program, the number of events, the points posted and the points reversed."""
        async with self._engine.connect() as connection:
            return await ending.by_event(connection, program)

    async def payouts(self, program: str, after: int, limit: int) -> list[ending.Payout]:
        """Return the next payouts for the remainder at a program's end, in the order of their transactions."""
        async with self._engine.connect() as connection:
            return await ending.payouts(connection, program, after, limit)

    async def balance(self, program: str, participant: str, currency: str) -> read.Balance:
        """Return a member's balance with the open lots; zeros for a member who never had points."""
        async with self._engine.connect() as connection:
            return await read.balance(connection, program, participant, currency)

    async def counters(self, program: str, participant: str, since: datetime, until: datetime) -> dict[str, int]:
        """Return the sums of a member's counters in (since, until], in each counter's smallest unit."""
        async with self._engine.connect() as connection:
            return await read.counters(connection, program, participant, since, until)

    async def counted(self, program: str, asked: Sequence[tuple[str, str, datetime, datetime]]) -> list[int]:
        """Return the sums of the counters of many members, each (participant, counter, since, until) at its place."""
        async with self._engine.connect() as connection:
            return await read.counted(connection, program, asked)

    async def last_activity(self, program: str, participant: str) -> datetime | None:
        """Return the instant of the member's last activity; None if there is none."""
        async with self._engine.connect() as connection:
            return await read.last_activity(connection, program, participant)

    async def totals(self, program: str) -> tuple[read.Totals, ...]:
        """Return issued, burned, expired, outstanding points and so on by currency, derived from the postings."""
        async with self._engine.connect() as connection:
            return await read.totals(connection, program)

    async def window_figures(
        self, program: str, since: datetime, until: datetime, currency: str | None = None
    ) -> figures.WindowFigures:
        """Return the figures of (since, until], by effective instant, in one of the program's currencies or in all."""
        return await figures.window_figures(self._engine, program, since, until, currency)

    async def last_activities(self, program: str, as_of: datetime) -> dict[str, datetime]:
        """Return each member's last activity up to an instant."""
        return await history.last_activities(self._engine, program, as_of)

    async def active_months(self, program: str, zone: str, as_of: datetime) -> list[history.ActiveMonth]:
        """Return the numbers of active, new, reactivated and stopped members in each month up to an instant."""
        return await history.active_months(self._engine, program, zone, as_of)

    async def months_of_points(self, program: str, zone: str, as_of: datetime) -> list[history.MonthOfPoints]:
        """Return a program's points issued, burned, expired and forfeited in each month up to an instant, by currency."""
        return await history.months_of_points(self._engine, program, zone, as_of)

    async def lapsing(self, program: str, zone: str, as_of: datetime) -> list[history.Lapsing]:
        """Return the points left in lots at an instant, by the month in which they expire and by currency."""
        return await history.lapsing(self._engine, program, zone, as_of)

    async def unsent(self, program: str, before: datetime, as_of: datetime) -> list[history.Nudge]:
        """Return the nudges of a program that were written by `before` and not sent by `as_of`."""
        return await history.unsent(self._engine, program, before, as_of)

    async def check(self, program: str | None = None) -> check.CheckReport:
        """Reconcile a program, or (None) the whole ledger."""
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
        """Return the opening balance, the entries in (since, until] and the closing balance, as known at `as_of`."""
        return await statement.statement(self._engine, program, participant, currency, since, until, as_of)

    async def seal(self, wait_timeout: timedelta = timedelta(seconds=5)) -> Sealed:
        """Seal the rows written since the last block, after waiting up to `wait_timeout` for open writers. Safe to repeat."""
        return await seal.seal(self._engine, wait_timeout)

    async def verify(self, noted: Head | None = None, *, after: Head | None = None, blocks: int | None = None) -> VerifyReport:
        """Verify that every sealed row is unchanged; `noted` is a head of the chain that was kept elsewhere.

        A long chain can be verified page by page: `blocks` blocks from `after` on, which is the `next` of the page before.
        """
        return await seal.verify(self._engine, noted, after, blocks)
