"""The end of a program, step by step: the case, who is told, doors, late files, what is left, statements, books, memberships.

Each step is kept with its date, what it did and how often it was tried (`store/programs/wind_down.py`). All of it can be done
again: by the key of the step in the ledger, or because what is written is the same.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.queues import ActivityGroup
from activities.refusals import in_words
from domain import ids
from domain.definition.document import Definition
from domain.definition.jurisdictions import PROFILES
from domain.ids import BULK_QUEUE
from domain.message_names import END_MEMBERSHIP
from domain.model import Message
from domain.money import exponent
from domain.points.errors import BalanceLimit
from domain.programs import wind_down as rules
from domain.programs.errors import NotLaunched
from domain.programs.wind_down import Dates, Impact, Step
from insight.evaluation import holdout_comparison
from ledger import Cancel, Confirm, Ledger
from ledger.outflow import OutflowKind, Settlement
from services.accounting.bookkeeping import Bookkeeping
from services.accounting.errors import PointsOutstanding
from store.evaluation import evaluations
from store.members import members
from store.programs import announcements, programs, wind_down
from store.programs.announcements import END
from store.retention import interventions
from store.rewards import redemptions
from store.rollout import holdout

_PAGE = 200
_HOLDERS_AT_ONCE = 5000
_AT_ONCE = 16
"""How many memberships end at the same time: enough to keep a worker busy, few enough to leave room for others."""
_BOOKKEEPER = "wind-down"
"""Who is written down as having ended the books."""
_KINDS: dict[str, OutflowKind] = {"forfeit": "forfeit", "cash_out": "cash_out", "convert": "convert_out"}
_TOLD = {"forfeit": "forfeited", "cash_out": "paid out", "convert": "converted"}


class EndCase(Message):
    """The wish to end a program, to be weighed at an instant: what it would mean."""

    program: str
    reason: str
    requested_by: str
    at: datetime


class EndImpact(Message):
    """What the end of a program means, in a sentence."""

    told: str


class Announcement(Message):
    """A program's end with all its dates: the step that announces it."""

    program: str
    dates: Dates


class EndStep(Message):
    """Work of a step of the wind-down at an instant; `key` makes it happen once, `over` says that the step ends with it."""

    program: str
    step: Step
    key: str
    at: datetime
    over: bool = True


class Reminder(Message):
    """The so manieth reminder to those who still have points, and until when they can redeem them."""

    program: str
    number: int
    redeeming_until: datetime
    at: datetime


class Remainder(Message):
    points: int
    participants: int


class Matured(Message):
    earns: int


class Holds(Message):
    """When the last hold of a redemption under way times out; None where nothing is held."""

    open_until: datetime | None


class Ended(Message):
    members: int


class TrialBalance(Message):
    """Whether the books close at zero, and what does not, in words."""

    zero: bool
    told: str


class Released(Message):
    """Whether the books have ended, with nothing owed; what keeps them open, in words."""

    ended: bool
    told: str


class DataKept(Message):
    """Until when members' data is kept; None: for good."""

    until: datetime | None


class WindDownActivities(ActivityGroup):
    QUEUE = BULK_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger, client: Client) -> None:
        self._engine = engine
        self._ledger = ledger
        self._client = client
        self._books = Bookkeeping(engine)

    @activity.defn
    async def weigh_end(self, case: EndCase) -> EndImpact:
        """Step 1: what the end would mean for members, partners and the books; kept for whoever decides about it."""
        async with self._engine.connect() as connection:
            definition = await self._definition(connection, case.program, case.at)
            found = await members.counts(connection, case.program)
            invited = await wind_down.waiting_invited(connection, case.program)
        totals = await self._ledger.totals(case.program)
        outstanding = {total.currency: total.outstanding for total in totals}
        unsettled = await self._ledger.unsettled(case.program)
        impact = Impact(
            members=found["status"].get("active", 0),
            invited=invited,
            points=outstanding,
            held=unsettled.held,
            pending=unsettled.pending,
            liability=rules.liability(definition, outstanding),
            money=definition.money,
            partners=tuple(partner.id for partner in definition.partners),
            dates=rules.dates(definition, case.at),
        )
        figures = impact.model_dump(mode="json") | {"reason": case.reason, "requested_by": case.requested_by}
        async with self._engine.begin() as connection:
            await wind_down.restart(connection, case.program)
            await wind_down.begin(connection, case.program, "case", case.at, _attempt())
            await wind_down.note(connection, case.program, "case", impact.summary, figures)
        return EndImpact(told=impact.summary)

    @activity.defn
    async def tell_partners(self, announcement: Announcement) -> None:
        """Step 2: each partner is told of the end, with its dates."""
        dates = announcement.dates
        async with self._step(announcement.program, "partners", dates.announced) as done:
            async with self._engine.begin() as connection:
                definition = await self._definition(connection, announcement.program, dates.announced)
                details = {partner.id: _dates_told(dates) for partner in definition.partners}
                await announcements.record_announcements(
                    connection, announcement.program, END, "partner", "end", dates.announced, details
                )
                await wind_down.plan(connection, announcement.program, rules.step_dates(dates))
                await wind_down.end(connection, announcement.program, "case", dates.announced)
            done(f"{len(details)} partners told; no amendment is taken any more", {"partners": sorted(details)})

    @activity.defn
    async def announce_end(self, announcement: Announcement) -> None:
        """Step 3: write from when on the program's doors are closed, and have members and those invited told."""
        dates, program = announcement.dates, announcement.program
        async with self._step(program, "announcement", dates.announced, over=False) as done:
            async with self._engine.begin() as connection:
                definition = await self._definition(connection, program, dates.announced)
                await programs.announce_end(
                    connection, program, dates.announced, dates.earning_until, dates.redeeming_until, dates.late_until
                )
                details = _dates_told(dates) | {"remainder": definition.wind_down.remainder}
                await announcements.record_member_announcements(connection, program, END, "end", dates.announced, details)
                await announcements.record_invited_announcements(connection, program, END, "end", dates.announced, details)
                found, invited = (
                    await wind_down.active(connection, program),
                    await wind_down.waiting_invited(connection, program),
                )
            facts = [
                {"place": place, "told": fact.description, "source": fact.source}
                for place in definition.jurisdictions
                for fact in PROFILES[place].facts
            ]
            done(
                f"{found} members and {invited} who were invited are told", {"members": found, "invited": invited, "law": facts}
            )

    @activity.defn
    async def suspend_expiry(self, step: EndStep) -> None:
        """Steps 4 and 5 begin: earning has stopped, and in the redeem-only window no point expires by age any more."""
        async with self._engine.begin() as connection:
            await wind_down.end(connection, step.program, "announcement", step.at)
            await wind_down.begin(connection, step.program, "earning", step.at, _attempt())
            await wind_down.note(connection, step.program, "earning", "evaluations and sweeps have stopped", {})
        async with self._step(step.program, "redeeming", step.at, over=False) as done:
            lots = await self._ledger.stop_expiry(step.program, step.key, step.at)
            done(f"{lots} lots no longer expire by age", {"lots": lots})

    @activity.defn
    async def mature_pending(self, step: EndStep) -> Matured:
        """Step 4 ends: late files are closed, and what still waits for a confirmation gets it, without an expiry."""
        async with self._step(step.program, "earning", step.at) as done:
            earns = 0
            while waiting := await self._ledger.open_pending(step.program, _PAGE):
                for each in waiting:
                    request: dict[str, Any] = {
                        "program": step.program,
                        "participant": each.participant,
                        "currency": each.currency,
                        "of_key": each.key,
                    }
                    await self._mature(step, **request)
                earns += len(waiting)
            # What late files and confirmations brought since earning stopped must not expire either.
            await self._ledger.stop_expiry(step.program, f"{step.key}/expiry", step.at)
            done(f"late files are closed; {earns} pending earns matured", {"matured": earns})
        return Matured(earns=earns)

    @activity.defn
    async def remind(self, reminder: Reminder) -> None:
        """Step 5: those who still have points are reminded, page by page."""
        program, kind = reminder.program, f"reminder-{reminder.number}"
        async with self._step(program, "redeeming", reminder.at, over=False) as done:
            reminded, after = 0, ""
            while page := await self._ledger.holders(program, after, _HOLDERS_AT_ONCE):
                details = {
                    each.participant: {"points": each.points, "redeeming_until": reminder.redeeming_until.isoformat()}
                    for each in page
                }
                async with self._engine.begin() as connection:
                    await announcements.record_announcements(connection, program, END, "member", kind, reminder.at, details)
                reminded, after = reminded + len(page), page[-1].participant
            done(f"reminder {reminder.number}: {reminded} members who still have points", {kind: reminded})

    @activity.defn
    async def settle_holds(self, step: EndStep) -> Holds:
        """Step 6: time out the holds that are past their time; redemptions under way keep theirs."""
        async with self._engine.begin() as connection:
            await wind_down.end(connection, step.program, "redeeming", step.at)
        async with self._step(step.program, "last_redemption", step.at, over=False) as done:
            await self._ledger.expire_holds(step.program, step.at)
            open_until = await self._ledger.last_hold(step.program)
            done(
                f"the last hold times out at {open_until:%d %b %Y %H:%M:%S %Z}" if open_until else "nothing is held any more",
                {},
            )
        if open_until is None:
            async with self._engine.begin() as connection:
                await wind_down.end(connection, step.program, "last_redemption", step.at)
        return Holds(open_until=open_until)

    @activity.defn
    async def settle_remainder(self, step: EndStep) -> Remainder:
        """Step 7: what nobody redeemed is forfeited, paid out or converted as the definition says; one move for each lot."""
        async with self._engine.connect() as connection:
            definition = await self._definition(connection, step.program, step.at)
        remainder = definition.wind_down.remainder
        async with self._step(step.program, step.step, step.at, over=step.over) as done:
            swept = await self._ledger.settle_remainder(
                step.program, step.key, step.at, _KINDS[remainder], _becoming(definition)
            )
            if step.step == "remainder" or swept.points:
                text = f"{swept.points} points of {swept.participants} members {_TOLD[remainder]}"
                done(text, {"remainder": remainder, "points": swept.points, "participants": swept.participants})
        return Remainder(points=swept.points, participants=swept.participants)

    @activity.defn
    async def state_partners(self, step: EndStep) -> None:
        """Step 8: each partner's final statement: the events that it sent, what they brought, what was taken back of it."""
        async with self._step(step.program, "statements", step.at) as done:
            async with self._engine.connect() as connection:
                definition = await self._definition(connection, step.program, step.at)
            figures = await self._ledger.by_event(step.program)
            statements: dict[str, dict[str, Any]] = {
                partner.id: {
                    "agreement": partner.agreement,
                    "events": [each.model_dump() for each in figures if each.event in partner.events],
                }
                for partner in definition.partners
            }
            async with self._engine.begin() as connection:
                await announcements.record_announcements(
                    connection, step.program, END, "partner", "final-statement", step.at, statements
                )
            done(f"{len(statements)} partners have their final statement", {"partners": statements})

    @activity.defn
    async def trial_balance(self, step: EndStep) -> TrialBalance:
        """Step 9: the books may close when the ledger has no drift and owes no points."""
        async with self._step(step.program, step.step, step.at, over=False) as done:
            report = await self._ledger.check(step.program)
            totals = await self._ledger.totals(step.program)
            owed = [total for total in totals if total.outstanding]
            lines = [
                f"{drift.participant}: {drift.what}, expected {drift.expected}, found {drift.found}"
                for drift in report.drifts[:5]
            ]
            lines += [f"{total.outstanding} {total.currency} are still outstanding" for total in owed]
            zero = report.clean and not owed
            figures = {"trial_balance": [total.model_dump() for total in totals], "postings_checked": report.postings}
            done("the trial balance is zero" if zero else "; ".join(lines), figures)
        return TrialBalance(zero=zero, told="; ".join(lines) or "zero")

    @activity.defn
    async def release_liability(self, step: EndStep) -> Released:
        """Step 9 ends: the open months of the books are closed, and what is still deferred or provided for is released.

        Points that came since the trial balance keep the books open: they are settled first.
        """
        async with self._step(step.program, "books", step.at, over=False) as done:
            try:
                books = await self._books.close_for_good(step.program, _BOOKKEEPER, step.at)
            except PointsOutstanding as error:
                return Released(ended=False, told=str(error))
            text = f"the trial balance is zero; the books ended with {books.period}, in which {books.revenue} is still earned"
            sums = {"liability": str(books.liability), "revenue": str(books.revenue)}
            done(text, {"books": books.model_dump(mode="json") | sums})
        async with self._engine.begin() as connection:
            await wind_down.end(connection, step.program, "books", step.at)
        return Released(ended=True, told=text)

    @activity.defn
    async def end_memberships(self, step: EndStep) -> Ended:
        """Step 10: have every member's workflow end, page by page; a retry goes on with those who are still active."""
        async with self._step(step.program, "closing", step.at, over=False) as done:
            ended, after = 0, ""
            while page := await self._page(step.program, after):
                for start in range(0, len(page), _AT_ONCE):
                    await asyncio.gather(*(self._end(step, participant) for participant in page[start : start + _AT_ONCE]))
                    ended += len(page[start : start + _AT_ONCE])
                    activity.heartbeat(ended)
                after = page[-1]
            async with self._engine.connect() as connection:
                # Those included whom an attempt before this one has ended.
                found = (await members.counts(connection, step.program))["status"].get("ended", 0)
            done(f"{found} memberships ended", {"memberships_ended": found})
        return Ended(members=found)

    @activity.defn
    async def settle_personal_data(self, step: EndStep) -> DataKept:
        """Step 10: until when what is known about members is kept; None where the definition keeps it."""
        async with self._engine.begin() as connection:
            definition = await self._definition(connection, step.program, step.at)
            policy = definition.wind_down
            until = policy.keep_for.after(step.at, definition.zone) if policy.personal_data == "erase" else None
            await wind_down.keep_data_until(connection, step.program, until)
            laws = [
                {"place": place, "told": fact.description, "source": fact.source}
                for place in definition.jurisdictions
                if (fact := PROFILES[place].erasure) is not None
            ]
            details = {"personal_data": policy.personal_data, "kept_until": until.isoformat() if until else None, "law": laws}
            await wind_down.begin(connection, step.program, "closing", step.at, _attempt())
            await wind_down.note(connection, step.program, "closing", "personal data has its date", details)
        return DataKept(until=until)

    @activity.defn
    async def report_end(self, step: EndStep) -> None:
        """Step 10 ends: the final report, kept with the step, so that it outlives what is erased."""
        async with self._step(step.program, "closing", step.at) as done:
            async with self._engine.connect() as connection:
                record = await programs.find(connection, step.program)
                held_out = await holdout.count_held_out(connection, step.program)
                report: dict[str, Any] = {
                    "members": await members.counts(connection, step.program),
                    "movement": await members.movement(connection, step.program),
                    "interventions": await interventions.counts(connection, step.program),
                    "redemptions": await redemptions.counts(connection, step.program),
                    "notices": await announcements.noticed(connection, step.program, END),
                    "evaluations": len(await evaluations.listed(connection, step.program)),
                }
            report["points"] = [total.model_dump() for total in await self._ledger.totals(step.program)]
            lifetime = await self._ledger.window_figures(step.program, record.started_at, step.at)
            report["lifetime"] = lifetime.model_dump(mode="json")
            # The holdout has done its service: what it has shown is kept, and its people's purchases go with the other data.
            report["holdout"] = None
            if held_out:
                shown = await holdout_comparison.compare(self._engine, step.program, record.started_at, step.at)
                report["holdout"] = shown.model_dump(mode="json")
            ended = report["members"]["status"].get("ended", 0)
            done(f"{ended} memberships ended; the final report is kept", {"report": report})

    @activity.defn
    async def erase_personal_data(self, step: EndStep) -> Ended:
        """After the time for which it was kept: erase what is known about the program's members. The ledger's entries stay."""
        async with self._engine.begin() as connection:
            erased = await wind_down.erase(connection, step.program, step.at)
            text = f"what was known about {erased} members is erased"
            await wind_down.note(connection, step.program, "closing", text, {"erased_at": step.at.isoformat()})
        return Ended(members=erased)

    @asynccontextmanager
    async def _step(self, program: str, step: Step, at: datetime, *, over: bool = True) -> AsyncIterator["_Done"]:
        """Keep that a step is worked on, what it came to, and what went wrong."""
        async with self._engine.begin() as connection:
            await wind_down.begin(connection, program, step, at, _attempt())
        done = _Done()
        try:
            yield done
        except Exception as error:
            async with self._engine.begin() as connection:
                await wind_down.trouble(connection, program, step, f"{type(error).__name__}: {str(error)[:500]}")
            raise
        async with self._engine.begin() as connection:
            if done.summary:
                await wind_down.note(connection, program, step, done.summary, done.figures)
            if over:
                await wind_down.end(connection, program, step, at)

    async def _mature(self, step: EndStep, *, program: str, participant: str, currency: str, of_key: str) -> None:
        """Confirm one pending earn; one that the balance has no room for is dropped."""
        asked: dict[str, Any] = {
            "program": program,
            "participant": participant,
            "currency": currency,
            "earn": of_key,
            "effective_at": step.at,
            "fingerprint": of_key,
            "details": {"why": "the program ends"},
        }
        answer = await self._ledger.confirm(Confirm(**asked, key=f"wind-down/mature/{of_key}"))
        if answer.refusal == BalanceLimit.code:
            await self._ledger.cancel(Cancel(**asked, key=f"wind-down/drop/{of_key}"))

    async def _definition(self, connection: AsyncConnection, program: str, at: datetime) -> Definition:
        """The definition that ends: the one in force."""
        in_force = await programs.in_force_at(connection, program, at)
        if in_force is None:
            raise in_words(NotLaunched, f"Program {program} was never in force.")
        return in_force.definition

    async def _page(self, program: str, after: str) -> list[str]:
        async with self._engine.connect() as connection:
            return list(await members.active_after(connection, program, after, _PAGE))

    async def _end(self, step: EndStep, participant: str) -> None:
        handle = self._client.get_workflow_handle(ids.member(step.program, participant))
        try:
            await handle.execute_update(END_MEMBERSHIP, step.at, id=step.key)
        except WorkflowUpdateFailedError as error:
            raise ApplicationError(f"{participant}'s membership did not end: {error.cause}") from error
        except RPCError as error:
            # The workflow may have ended in between, as one does whose member has just left; where it was terminated, the
            # member is still written as active.
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            async with self._engine.begin() as connection:
                await members.close(connection, step.program, participant, "ended", step.at)


class _Done:
    """What a step came to: in words, and in figures that are kept with it."""

    def __init__(self) -> None:
        self.summary = ""
        self.figures: dict[str, Any] = {}

    def __call__(self, text: str, figures: dict[str, Any]) -> None:
        self.summary, self.figures = text, figures


def _attempt() -> int:
    return activity.info().attempt


def _dates_told(dates: Dates) -> dict[str, str]:
    return {
        "enrolment_until": dates.announced.isoformat(),
        "earning_until": dates.earning_until.isoformat(),
        "late_files_until": dates.late_until.isoformat(),
        "redeeming_until": dates.redeeming_until.isoformat(),
    }


def _becoming(definition: Definition) -> Settlement | None:
    """What the points that are left become: money by its smallest unit, a partner's whole points, or nothing."""
    policy = definition.wind_down
    rates = {code: format(rate, "f") for code, rate in rules.rates(definition).items()}
    if policy.remainder == "cash_out":
        return Settlement(definition.money, rates, exponent(definition.money), half_up=True)
    if policy.remainder == "convert" and policy.into is not None:
        return Settlement(policy.into.partner, rates, 0, half_up=False)
    return None
