"""LedgerSeal: the ledger's Schedule starts it, and it seals what was written."""

from datetime import timedelta

from sqlalchemy import text
from temporalio.client import ScheduleActionExecutionStartWorkflow

from domain import ids
from tests.ledger.requests import an_earn
from tests.program_steps import handle, shown
from tests.stack import Stack, program_id
from tests.waiting import ended
from tests.workflows.conftest import Histories
from worker.schedules import ensure_sealing


async def test_what_the_schedule_starts_seals_what_was_written(stack: Stack, histories: Histories) -> None:
    await ensure_sealing(stack.temporal, timedelta(hours=10))
    await stack.ledger.earn(an_earn("sealed", 100).model_copy(update={"program": program_id("sealed")}))
    schedule = stack.temporal.get_schedule_handle(ids.SEAL_SCHEDULE)
    await schedule.trigger()
    while not (actions := (await schedule.describe()).info.recent_actions):
        pass
    action = actions[-1].action
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    assert action.workflow_id.startswith(f"{ids.SEAL_SCHEDULE}-")
    await ended(stack.temporal, action.workflow_id)

    sealed = await handle(stack, action.workflow_id).result()
    assert sealed["blocks"] >= 1
    assert f"`{sealed['head']}:{sealed['hash']}`" in await shown(stack.temporal, action.workflow_id)
    async with stack.engine.connect() as connection:
        head = (await connection.execute(text("SELECT number, hash FROM ledger.seal ORDER BY number DESC LIMIT 1"))).one()
    assert (head.number, head.hash.hex()) == (sealed["head"], sealed["hash"])
    await histories.keep(stack.temporal, action.workflow_id, "LedgerSeal")
    await schedule.delete()
