"""What is under way when a program ends: a wave that is paused, a redemption that is held, a partner's file that is late."""

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.testing import WorkflowEnvironment

from domain import ids
from domain.programs.wind_down import STEPS
from ledger import Hold
from tests.program_steps import (
    MINIMUM_TIME,
    ask_for_the_end,
    buy,
    enrol,
    forward,
    forward_until,
    handle,
    launch,
    now_of,
    sample_definition,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, done, stage_reached, timer_started

FEW: dict[str, Any] = {"id": "few", "share": 20, "minimum_time": "P30D"}
ALL: dict[str, Any] = {"id": "all", "share": 100, "minimum_time": "P30D"}
PARTNER = {"id": "records", "name": "A record shop", "events": ["purchase"], "agreement": "7"}
NOTICE, DELAY, WINDOW = timedelta(days=14), timedelta(days=10), timedelta(days=90)
END = {"notice": "P14D", "late_files": "P10D", "redeem_window": "P90D", "remainder": "forfeit"}


async def _end(stack: Stack, program: str) -> dict[str, datetime]:
    """Have the end approved and announced; until when the program's doors are open."""
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    found = await stack.get(f"/programs/{program}/wind-down")
    return {name: datetime.fromisoformat(found[name]) for name in ("earning_until", "late_until", "redeeming_until")}


async def test_the_end_of_a_program_on_hold_stops_the_wave_that_waits(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("heldwave")
    await launch(stack, sample_definition(program, waves=[FEW, ALL]))
    response = await stack.post(f"/programs/{program}/holds", {"reason": "two tills"}, person="demo-operations")
    assert response.status_code == 201
    await done(stack.temporal, ids.rollout(program, 1), "Paused")
    await forward(temporal_env, handle(stack, ids.rollout(program, 1)), MINIMUM_TIME)
    await _end(stack, program)
    result = await handle(stack, ids.rollout(program, 1)).result()
    assert result == {"waves": ["few"], "stopped": "the program ends", "halted": False}
    assert [wave["wave"] for wave in (await stack.get(f"/programs/{program}"))["waves"]] == ["few"]


async def test_a_redemption_that_nobody_settles_times_out_and_its_points_are_settled_with_the_rest(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    definition = sample_definition(program_id("heldpoints"), wind_down=END)
    program = definition.program
    await launch(stack, definition)
    member = await enrol(stack, program, "ann")
    await buy(stack, definition, "ann", 50, await now_of(temporal_env, member))
    closing_dates, wind_down = await _end(stack, program), handle(stack, ids.wind_down(program))
    until = closing_dates["redeeming_until"] + timedelta(hours=3)
    asked: dict[str, Any] = {
        "program": program,
        "participant": "ann",
        "currency": "NOTES",
        "effective_at": closing_dates["late_until"],
    }
    await stack.ledger.hold(Hold(**asked, key="held", points=100, expires_at=until))
    await forward_until(temporal_env, wind_down, closing_dates["redeeming_until"])
    await done(stack.temporal, wind_down.id, "Settle what is held")
    last = (await stack.get(f"/programs/{program}/wind-down"))["steps"][STEPS.index("last_redemption")]
    assert (last["state"], "times out at" in last["told"]) == ("under_way", True)
    assert (await stack.ledger.balance(program, "ann", "NOTES")).held == 100

    await forward_until(temporal_env, wind_down, until)
    assert (await wind_down.result())["settled"] == 500
    assert (await stack.ledger.balance(program, "ann", "NOTES")).held == 0
    assert (await stack.ledger.check(program)).clean


async def test_a_partners_file_that_is_late_still_counts_and_stands_in_their_final_statement(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    """What happened before earning stopped comes after it has: as long as late files are taken."""
    definition = sample_definition(program_id("latefile"), partners=[PARTNER], wind_down=END)
    program = definition.program
    await launch(stack, definition)
    await enrol(stack, program, "ann")
    closing_dates, wind_down = await _end(stack, program), handle(stack, ids.wind_down(program))
    await forward_until(temporal_env, wind_down, closing_dates["earning_until"])
    await done(stack.temporal, wind_down.id, "Points no longer expire")

    happened = datetime.now(UTC)
    events = [
        {
            "key": f"{program}-{number}",
            "participant": "ann",
            "type": "purchase",
            "amount": 10,
            "occurred_at": happened.isoformat(),
        }
        | ({"pending": True} if number == 2 else {})
        for number in range(3)
    ]
    batch = (await stack.post(f"/programs/{program}/events", {"events": events}, person="demo-shop")).json()
    assert (batch["posted"], batch["refused"]) == (3, 0), batch
    await forward_until(temporal_env, wind_down, closing_dates["late_until"])
    await done(stack.temporal, wind_down.id, "Late files are closed")
    balance = await stack.ledger.balance(program, "ann", "NOTES")
    assert (balance.posted, balance.pending) == (300, 0), "what was pending has matured"
    assert not any(lot.expires_at for lot in balance.lots), "what came late does not expire either"

    await forward_until(temporal_env, wind_down, closing_dates["redeeming_until"])
    assert (await wind_down.result())["settled"] == 300
    await stage_reached(stack, program, "closed")
    steps = (await stack.get(f"/programs/{program}/wind-down"))["steps"]
    (statement,) = steps[STEPS.index("statements")]["figures"]["partners"]["records"]["events"]
    assert (statement["events"], statement["points"]) == (3, 300)
