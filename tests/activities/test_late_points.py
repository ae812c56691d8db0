"""Points that came while the memberships ended do not keep a program from closing."""

from datetime import UTC, datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.wind_down import WindDownActivities
from ledger import Earn
from store import programs
from tests.house import House, example, first_revision, program_id

AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


async def test_points_that_came_after_the_remainder_was_forfeited_are_forfeited_with_the_trial_balance(house: House) -> None:
    program = program_id("late")
    async with house.engine.begin() as connection:
        await programs.register(connection, first_revision(example("cd-club.yaml", program), AT))
        await programs.announce_end(connection, program, AT, AT, AT + timedelta(days=90))
    late = Earn(program=program, participant="ann", currency="NOTES", key="late", points=503, effective_at=AT)
    await house.ledger.earn(late)
    activities = WindDownActivities(house.engine, house.ledger, house.temporal)

    balance = await ActivityEnvironment().run(activities.trial_balance, program)

    assert (balance.zero, balance.told) == (True, "zero")
    (totals,) = await house.ledger.totals(program)
    assert (totals.forfeited, totals.outstanding) == (503, 0)
