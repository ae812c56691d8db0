"""WindDown: the doors close in their order, and the program closes only with its books at zero."""

from datetime import datetime, timedelta
from unittest.mock import ANY

from sqlalchemy import text
from temporalio.testing import WorkflowEnvironment

from domain import ids
from ledger import Earn
from runtime.database import create_engine
from tests.program_steps import ask_for_the_end, buy, enrol, forward, handle, launch, now_of, sample_definition, shown
from tests.stack import Stack, program_id
from tests.waiting import approve, done, stage_reached, timer_started
from tests.workflows.conftest import Histories

NOTICE, REDEEM_WINDOW = timedelta(days=14), timedelta(days=90)


async def change_balance(stack: Stack, program: str, points: int) -> None:
    """What the application itself can not do: change a balance past the journal, as the owner of the tables."""
    owning = create_engine(stack.engine.url.render_as_string(hide_password=False), pool_size=1, role=None)
    statement = "UPDATE ledger.account SET posted = posted + :points WHERE program = :program AND kind = 'participant'"
    async with owning.begin() as connection:
        await connection.execute(text(statement), {"points": points, "program": program})
    await owning.dispose()


async def test_the_doors_close_in_their_order(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("doors")
    ending = sample_definition(program)
    await launch(stack, ending)
    member = await enrol(stack, program, "ann")
    await buy(stack, ending, "ann", 50, await now_of(temporal_env, member))
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    wind_down = handle(stack, ids.wind_down(program))
    await timer_started(stack.temporal, wind_down.id)

    joining = {"participant": "late", "agreement": "1997-01"}
    late = await stack.post(f"/programs/{program}/members", joining, person="demo-shop")
    assert (late.status_code, late.json()["code"]) == (409, "enrolment_closed")
    purchase = {"type": "purchase", "occurred_at": (await now_of(temporal_env, wind_down)).isoformat(), "amount": 10}
    still = await stack.post(f"/programs/{program}/members/ann/events", purchase, person="demo-shop")
    assert still.status_code == 201, still.text
    summary = await shown(stack.temporal, ids.lifecycle(program))
    assert "Notice: members may still earn and redeem" in summary
    assert "## CD Club: wind down" in summary

    record = await stack.get(f"/programs/{program}")
    closing_dates = [
        datetime.fromisoformat(record[f"{capability}_until"]) for capability in ("enrolment", "earning", "redeeming")
    ]
    assert [closing_dates[1] - closing_dates[0], closing_dates[2] - closing_dates[1]] == [NOTICE, REDEEM_WINDOW]
    assert all(lot.expires_at for lot in (await stack.ledger.balance(program, "ann", "NOTES")).lots)
    await forward(temporal_env, wind_down, NOTICE)
    await done(stack.temporal, wind_down.id, "Points no longer expire")
    assert not any(lot.expires_at for lot in (await stack.ledger.balance(program, "ann", "NOTES")).lots)
    await forward(temporal_env, wind_down, REDEEM_WINDOW)
    assert await wind_down.result() == {"settled": 600, "members": 1, "data_until": ANY}
    await stage_reached(stack, program, "closed")
    assert (await stack.get(f"/programs/{program}"))["product_status"] == "Obsolete"


async def test_a_program_whose_books_are_not_at_zero_waits_until_they_are(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("books")
    ending = sample_definition(program)
    await launch(stack, ending)
    member = await enrol(stack, program, "ann")
    await buy(stack, ending, "ann", 50, await now_of(temporal_env, member))
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    wind_down = handle(stack, ids.wind_down(program))
    await timer_started(stack.temporal, wind_down.id)
    await change_balance(stack, program, 7)
    await forward(temporal_env, wind_down, NOTICE + REDEEM_WINDOW)
    await done(stack.temporal, wind_down.id, "Trial balance")
    summary = await shown(stack.temporal, wind_down.id)
    assert "The books are not at zero" in summary
    assert "ann: " in summary
    assert "send the signal `nudge`" in summary

    await wind_down.signal("nudge")
    await done(stack.temporal, wind_down.id, "Trial balance", times=2)
    assert (await stack.get(f"/programs/{program}"))["stage"] == "wind_down"
    await change_balance(stack, program, -7)
    at = await now_of(temporal_env, wind_down)
    await stack.ledger.earn(Earn(program=program, participant="ann", currency="NOTES", key="late", points=30, effective_at=at))
    await wind_down.signal("nudge")
    assert await wind_down.result() == {"settled": 530, "members": 1, "data_until": ANY}
    await done(stack.temporal, wind_down.id, "Settle what came at the last moment", times=4)
    assert (await handle(stack, ids.lifecycle(program)).result())["stage"] == "closed"
    await histories.keep(stack.temporal, wind_down.id, "WindDown-books-corrected")
