"""Points that came while the memberships ended: the trial balance tells of them, and a step of its own forfeits them."""

from datetime import datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.programs.wind_down import EndStep, WindDownActivities
from ledger import Earn
from store.programs import programs
from tests.anchors import AT
from tests.stack import Stack, example, first_revision, program_id


async def test_the_trial_balance_only_looks_and_what_came_late_is_forfeited_by_a_step_of_its_own(stack: Stack) -> None:
    program = program_id("late")
    async with stack.engine.begin() as connection:
        await programs.register(connection, first_revision(example("cd-club.yaml", program), AT))
        await programs.put_in_force(connection, program, 1, AT)
        await programs.announce_end(connection, program, AT, AT, AT + timedelta(days=90))
    late = Earn(program=program, participant="ann", currency="NOTES", key="late", points=503, effective_at=AT)
    await stack.ledger.earn(late)
    activities, environment = WindDownActivities(stack.engine, stack.ledger, stack.temporal), ActivityEnvironment()

    def step(key: str, at: datetime = AT) -> EndStep:
        return EndStep(program=program, step="books", key=f"{program}/{key}", at=at)

    before = await environment.run(activities.trial_balance, step("1"))
    assert (before.zero, before.told) == (False, "503 NOTES are still outstanding")
    (totals,) = await stack.ledger.totals(program)
    assert (totals.forfeited, totals.outstanding) == (0, 503)

    for _ in range(2):
        remainder = await environment.run(activities.settle_remainder, step("late/1", AT + timedelta(days=90)))
        assert (remainder.points, remainder.participants) == (503, 1)
    balance = await environment.run(activities.trial_balance, step("2"))
    assert (balance.zero, balance.told) == (True, "zero")
    (totals,) = await stack.ledger.totals(program)
    assert (totals.forfeited, totals.outstanding) == (503, 0)
