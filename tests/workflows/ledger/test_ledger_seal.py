"""LedgerSeal: the ledger's Schedule starts it, and it seals what was written."""

from datetime import timedelta

from sqlalchemy import text
from temporalio.client import ScheduleActionExecutionStartWorkflow

from domain import ids
from tests.house import House, program_id
from tests.ledger.asks import an_earn
from tests.lives import handle, shown
from tests.waiting import ended
from tests.workflows.conftest import Histories
from worker.schedules import ensure_sealing


async def test_what_the_schedule_starts_seals_what_was_written(house: House, histories: Histories) -> None:
    await ensure_sealing(house.temporal, timedelta(hours=10))
    await house.ledger.earn(an_earn("sealed", 100).model_copy(update={"program": program_id("sealed")}))
    schedule = house.temporal.get_schedule_handle(ids.SEAL_SCHEDULE)
    await schedule.trigger()
    while not (actions := (await schedule.describe()).info.recent_actions):
        pass
    action = actions[-1].action
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    assert action.workflow_id.startswith(f"{ids.SEAL_SCHEDULE}-")
    await ended(house.temporal, action.workflow_id)

    sealed = await handle(house, action.workflow_id).result()
    assert sealed["blocks"] >= 1
    assert f"`{sealed['head']}:{sealed['hash']}`" in await shown(house.temporal, action.workflow_id)
    async with house.engine.connect() as connection:
        head = (await connection.execute(text("SELECT number, hash FROM ledger.seal ORDER BY number DESC LIMIT 1"))).one()
    assert (head.number, head.hash.hex()) == (sealed["head"], sealed["hash"])
    await histories.keep(house.temporal, action.workflow_id, "LedgerSeal")
    await schedule.delete()
