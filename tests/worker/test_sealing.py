"""The Schedule that seals the ledger: it is there after a worker's start, once, and with the interval that is set."""

from datetime import timedelta

from temporalio.client import ScheduleOverlapPolicy

from domain import ids
from tests.house import House
from worker.sealing import ensure_sealing, keep_sealing


async def test_a_worker_has_the_schedule_there_and_a_changed_interval_changes_it(house: House) -> None:
    schedule = house.temporal.get_schedule_handle(ids.SEAL_SCHEDULE)
    for every in (timedelta(hours=10), timedelta(hours=10), timedelta(hours=11)):
        await keep_sealing(house.temporal, every)
        found = (await schedule.describe()).schedule
        assert [interval.every for interval in found.spec.intervals] == [every]
        assert found.policy.overlap == ScheduleOverlapPolicy.SKIP
    await schedule.pause()
    await ensure_sealing(house.temporal, timedelta(hours=12))
    assert (await schedule.describe()).schedule.state.paused
    await schedule.delete()
