"""Holds as a program's lifecycle sees to them: what stands, whose points keep their time, and how the program goes on.

A stop is written by the API, at once (`store/programs/holds.py` says why). To go on is no matter of seconds, and has an order:
first the points get their time back, then the doors open. So that is the lifecycle's work.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup, bulk
from activities.refusals import refusal
from domain.audit.chain import Fact
from domain.ids import PROGRAMS_QUEUE
from domain.programs import holds as rules
from domain.programs.availability import has_stopped_earning
from domain.programs.hold_refusals import refuse_lifting
from domain.programs.holds import ActiveHolds, Lifted, Lifting, ProgramHold
from ledger import Ledger
from store.audit import trail
from store.programs import holds, programs


class HoldActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    @activity.defn
    async def standing_holds(self, program: str) -> ActiveHolds:
        """What is stopped now, by whom and why."""
        async with self._engine.connect() as connection:
            return ActiveHolds(holds=rules.active(await holds.of_program(connection, program)))

    @activity.defn
    @bulk
    async def keep_points(self, program: str) -> None:
        """While nothing can be redeemed, no point expires: the time of all lots stands still from when that began."""
        async with self._engine.connect() as connection:
            active = rules.active(await holds.of_program(connection, program))
        begun = [hold.since for hold in active if "redeeming" in hold.stops]
        if begun:
            await self._ledger.suspend_expiry(program, min(begun))

    @activity.defn
    @bulk
    async def lift_hold(self, lifting: Lifting) -> Lifted:
        """End what is lifted next, and say who did. Where members can redeem again, their points have got their time back."""
        async with self._engine.connect() as connection:
            record = await programs.find(connection, lifting.program)
            done = await holds.lifted_by_key(connection, lifting.program, lifting.key)
        if done is not None:
            return Lifted(hold=done, standing=rules.active(record.holds))
        hold = rules.next_lifted(record.holds)
        refused = refuse_lifting(record.holds, lifting.program, lifting.by, record.owner)
        if hold is None or refused is not None:
            assert refused is not None
            raise refusal(refused)
        others = [each for each in rules.active(record.holds) if each.id != hold.id]
        if "redeeming" in hold.stops and not any("redeeming" in each.stops for each in others):
            await self._give_time_back(record, lifting.at)
        async with self._engine.begin() as connection:
            await holds.lock(connection, lifting.program)
            lifted = await holds.lift(connection, hold, lifting.by, lifting.reason, lifting.at, lifting.key)
            await trail.append(connection, _fact(lifted, lifting))
        return Lifted(hold=lifted, standing=tuple(others))

    async def _give_time_back(self, record: programs.ProgramRecord, at: datetime) -> None:
        if has_stopped_earning(record, at):
            await self._ledger.forget_suspended(record.id)  # the program ends, and no point expires by age any more
        else:
            await self._ledger.resume_expiry(record.id, at)


def _fact(lifted: ProgramHold, lifting: Lifting) -> Fact:
    """That somebody has let a program go on, for the audit trail."""
    return Fact(
        program=lifting.program,
        at=lifting.at,
        action="hold_lifted" if lifted.kind == "hold" else "halt_lifted",
        actor=lifting.by,
        about=f"hold/{lifted.id}",
        key=f"hold_lifted/{lifted.id}",
        details={"stops": lifted.stops, "since": lifted.since, "reason": lifting.reason},
    )
