"""Long lives with skipped time: a program judged every month and amended again and again, and one of its members, for years.

The server suggests to continue as new after fewer events than a real one does, so that the lives have the runs that they would
have; what is carried from run to run is all that the workflows know.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHistory
from temporalio.testing import WorkflowEnvironment

from domain import ids
from domain.definition.document import Definition
from store.audit import trail
from store.evaluation import evaluations
from tests.conftest import Databases, _time_skipping, _whole_stack
from tests.histories.reading import replayer
from tests.program_steps import buy, enrol, forward, handle, now_of, operate, pass_all_gates, revise, sample_definition
from tests.stack import Stack, program_id
from tests.waiting import approve, done, runs_of, worked_on
from workflows.evaluation.program_evaluation import ProgramEvaluation

SUGGESTED = 120
"""Events after which this server suggests to continue as new; a real one suggests it after 4,096."""
BURST = 200
"""Events that a run may still add before it comes to where it continues as new: an amendment's, at most."""
HARD_LIMIT = 10_240
"""Events from which on a server warns."""
MONTH = timedelta(days=30, hours=12)


@pytest.fixture(scope="module")
async def aging(
    database: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stack, WorkflowEnvironment]]:
    """A whole Tenure over a server that suggests to continue as new early, though not at every turn."""
    suggest = {"limit.historyCount.suggestContinueAsNew": str(SUGGESTED)}
    async with (
        _time_skipping(tmp_path_factory.getbasetemp(), **suggest) as environment,
        _whole_stack(database, environment, tmp_path_factory.mktemp("people")) as stack,
    ):
        yield stack, environment


@pytest.mark.parametrize(
    ("years", "amendments"), [(1, 2), pytest.param(10, 20, marks=pytest.mark.long)], ids=["a year", "ten years"]
)
async def test_a_program_and_its_member_live_for_years_in_runs_that_stay_short(
    aging: tuple[Stack, WorkflowEnvironment], years: int, amendments: int
) -> None:
    stack, environment = aging
    program, months = program_id("aged"), 12 * years
    definition = sample_definition(program)
    await operate(stack, environment, definition)
    lifecycle, member = handle(stack, ids.lifecycle(program)), await enrol(stack, program, "ann")
    began = await now_of(environment, lifecycle)
    for month in range(1, months + 1):
        await forward(environment, lifecycle, MONTH)
        await forward(environment, member, MONTH)
        await buy(stack, definition, "ann", 30, await now_of(environment, member))
        await member.signal("nudge")
        await _evaluate(stack, program, await now_of(environment, lifecycle))
        await done(stack.temporal, lifecycle.id, "Look at the newest verdict", times=month)
        if month * amendments % months < amendments:
            await _amend(stack, sample_definition(program, summary=f"As of month {month}."), 1 + month * amendments // months)

    assert await now_of(environment, lifecycle) - began >= months * MONTH
    found = await stack.get(f"/programs/{program}")
    assert (found["stage"], found["revision_in_force"]) == ("operation", amendments + 1)
    statuses = [revision["status"] for revision in found["revisions"]]
    assert statuses == ["superseded"] * amendments + ["in_force"]
    since = [datetime.fromisoformat(revision["effective_from"]) for revision in found["revisions"]]
    assert since == sorted(since) and since[-1] - since[0] > (months - 1) * MONTH
    async with stack.engine.connect() as connection:
        assert len(await evaluations.listed(connection, program)) == months
    joined = await stack.get(f"/programs/{program}/members/ann", "demo-shop")
    assert (joined["status"], joined["tier"]) == ("active", "collector"), "180 dollars in six months"
    assert (await stack.ledger.check(program)).clean
    assert (await trail.verify(stack.engine, program)).sound

    await worked_on(stack.temporal, lifecycle.id)
    state = await lifecycle.query("state")
    assert (state["in_force"]["number"], state["submitted"]) == (amendments + 1, None), "what is carried is what is written"
    runs = await runs_of(stack.temporal, lifecycle.id)
    assert len(runs) > years, "it has continued as new, and gone on from where it stood"
    lived = await runs_of(stack.temporal, member.id)
    assert len(lived) > years
    every = runs + lived
    for parent in runs:
        for child in _children_of(parent):
            every += await _family_of(stack.temporal, child)
    longest = max(len(history.events) for history in every)
    assert longest < min(SUGGESTED + BURST, HARD_LIMIT), longest
    for history in (runs[0], runs[len(runs) // 2], runs[-1], lived[0], lived[-1]):
        await replayer().replay_workflow(history)


async def _evaluate(stack: Stack, program: str, at: datetime) -> None:
    """An evaluation as of an instant of the program's own time, as its Schedule begins one."""
    await stack.temporal.execute_workflow(
        ProgramEvaluation.run, args=[program, at], id=ids.evaluation_at(program, at), task_queue=ids.PROGRAMS_QUEUE
    )


async def _amend(stack: Stack, definition: Definition, number: int) -> None:
    """An amendment through its gates, until it is in force: every other one minor, which the launch gate alone decides."""
    if number % 2:
        amendment = await revise(stack, definition)
        await approve(stack, f"{amendment}/gate/launch/1", "demo-finance", "demo-legal")
    else:
        await pass_all_gates(stack, await revise(stack, definition, weight="substantial"))
    await done(stack.temporal, ids.lifecycle(definition.program), f"Revision {number} is in force")
    await done(stack.temporal, ids.lifecycle(definition.program), f"Have the members looked at whom revision {number} concerns")


async def _family_of(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """A part of a program's life, and all its own parts."""
    found = await runs_of(client, workflow_id)
    for history in list(found):
        for child in _children_of(history):
            found += await _family_of(client, child)
    return found


def _children_of(history: WorkflowHistory) -> list[str]:
    started: list[Any] = [event.child_workflow_execution_started_event_attributes for event in history.events]
    return [each.workflow_execution.workflow_id for each in started if each.workflow_execution.workflow_id]
