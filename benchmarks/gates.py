"""The latency of a vote through the API, against a bare update of an empty workflow on the same server; and many votes at once.

The API runs as its own process; the workers and the callers share this one, for the votes as for the bare updates.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from statistics import quantiles

from sqlalchemy import text
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.search_attributes import SEARCH_ATTRIBUTES
from benchmarks.bare_workflow import Bare
from benchmarks.bench import Bench, running
from benchmarks.http import in_force, the_program
from benchmarks.serving import Serving, served
from benchmarks.table import Row
from domain import ids
from domain.definition.document import Definition
from domain.definition.gates import GatePolicy, GateRule
from domain.gates.opening import opening
from domain.gates.state import GateState, Subject
from domain.identity.roles import Role
from worker.embedded.temporal import DYNAMIC_CONFIG, installed_temporal
from worker.hosting import hosted
from workflows.gates.approval_gate import ApprovalGate

ROUNDS, VOTES = 4, 100
GATES, PEOPLE = 200, 20
_DIGEST = "d" * 64
_QUEUE = "bare"
_LOOK_EVERY, _WAIT_TIMEOUT = 0.05, 60.0
_RULES: tuple[Role, ...] = ("finance", "legal")


async def measure() -> list[Row]:
    """Measure the latency of votes one after the other, and 200 gates decided by 20 people in parallel."""
    people: dict[str, tuple[Role, ...]] = {f"voter-{number}": (_RULES[number % 2],) for number in range(PEOPLE)}
    async with running() as bench, _temporal() as client:
        definition = the_program()
        await in_force(bench, definition)
        address = client.service_client.config.target_host
        async with served(bench.server.url, people, address) as serving, _workers(bench, client, serving):
            gates = _gates(client, definition)
            return [*await _latency(bench, client, serving, gates), await _many(bench, serving, gates)]


Gates = Callable[[], Awaitable[WorkflowHandle[ApprovalGate, object]]]


def _gates(client: Client, definition: Definition) -> Gates:
    numbers = count(1)

    async def begun() -> WorkflowHandle[ApprovalGate, object]:
        state = _opening(definition, next(numbers))
        return await client.start_workflow(ApprovalGate.run, state, id=state.id, task_queue=ids.PROGRAMS_QUEUE)

    return begun


def _opening(definition: Definition, number: int) -> GateState:
    now = datetime.now(UTC)
    subject = Subject(kind="revision", program=definition.program, revision=1, title="the launch", digest=_DIGEST)
    policy = GatePolicy(rules=tuple(GateRule(role=role) for role in _RULES))
    gate = ids.gate(ids.lifecycle(definition.program), "launch", number)
    return opening("launch", number, subject, policy, (), now, definition.zone, id_=gate)


async def _latency(bench: Bench, client: Client, serving: Serving, gates: Gates) -> list[Row]:
    """Measure the latency of the first of two votes at open gates, and of bare updates, in turn."""
    bare = await client.start_workflow(Bare.run, id="bare", task_queue=_QUEUE)
    voter = serving.client("voter-0")
    found: dict[str, list[float]] = {"bare": [], "vote": []}
    for round_ in range(ROUNDS + 1):
        ready = await _opened(bench, gates, VOTES)
        for number, gate in enumerate(ready):
            start = time.perf_counter()
            await bare.execute_update(Bare.ask, number)
            middle = time.perf_counter()
            await _vote(voter.post, gate)
            end = time.perf_counter()
            if round_ > 0:  # the first round warms up
                found["bare"].append(middle - start)
                found["vote"].append(end - middle)
    rows = []
    for name, place, most in (("p50", 49, 2.0), ("p99", 98, 3.0)):
        least, value = (quantiles(found[kind], n=100)[place] * 1000 for kind in ("bare", "vote"))
        ratio = value / least
        rows.append(
            Row(
                "gates",
                f"a vote through the API, {name}",
                round(value, 2),
                "ms",
                round(least, 2),
                round(ratio, 2),
                f"ratio <= {most}",
                ratio <= most,
                "HTTP, the signature, the request's row, the local activity that writes vote and audit; floor: a bare update",
            )
        )
    return rows


async def _many(bench: Bench, serving: Serving, gates: Gates) -> Row:
    """Let all people vote at once, two at each gate, one of each role; every vote must count, and only once."""
    ready = await _opened(bench, gates, GATES)
    start = time.perf_counter()

    async def decide(person: str, role_place: int) -> None:
        # Each gate has one voter of each role; every third vote is sent twice, as a network would.
        for number, gate in enumerate(ready):
            if number % (PEOPLE // 2) == role_place:
                await _vote(serving.client(person).post, gate)
                if number % 3 == 0:
                    await _vote(serving.client(person).post, gate)

    await asyncio.gather(*(decide(f"voter-{number}", number // 2) for number in range(PEOPLE)))
    seconds = time.perf_counter() - start
    async with bench.owner.connect() as connection:
        counted = await connection.scalar(
            text("SELECT count(*) FROM store.audit WHERE about = ANY(:gates) AND action = 'vote' AND refusal IS NULL"),
            {"gates": ready},
        )
        approved = await connection.scalar(
            text("SELECT count(*) FROM store.gate WHERE id = ANY(:gates) AND outcome = 'approved'"), {"gates": ready}
        )
    assert (counted, approved) == (2 * GATES, GATES), (counted, approved)
    return Row(
        "gates",
        f"{GATES} gates at once, {PEOPLE} people: {counted} votes counted once each",
        round(2 * GATES / seconds, 1),
        "votes a second",
        None,
        None,
        "every vote counted once",
        True,
        "one worker and one API on two cores",
    )


async def _vote(post: Callable[..., Awaitable[object]], gate: str) -> None:
    body = {"answer": "approve", "digest": _DIGEST}
    response = await post(f"/gates/{gate}/decisions", json=body, headers={"Idempotency-Key": f"for-{gate}"[:200]})
    assert getattr(response, "status_code", None) == 201, getattr(response, "text", response)


async def _opened(bench: Bench, gates: Gates, number: int) -> list[str]:
    """Begin `number` gates and wait until all of them are in the store, so that nothing else is under way."""
    begun = [(await gates()).id for _ in range(number)]
    until = time.monotonic() + _WAIT_TIMEOUT
    count_open = text("SELECT count(*) FROM store.gate WHERE id = ANY(:gates)")
    async with bench.owner.connect() as connection:
        while (await connection.scalar(count_open, {"gates": begun})) < number:
            assert time.monotonic() < until, "the gates do not open"
            await asyncio.sleep(_LOOK_EVERY)
    return begun


@asynccontextmanager
async def _temporal() -> AsyncIterator[Client]:
    """Start a Temporal server from the installed binary."""
    executable = installed_temporal()
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_existing_path=str(executable) if executable else None,
        dev_server_extra_args=[f"--dynamic-config-value={name}={value}" for name, value in DYNAMIC_CONFIG.items()],
        dev_server_log_level="error",
    ) as environment:
        yield environment.client


@asynccontextmanager
async def _workers(bench: Bench, client: Client, serving: Serving) -> AsyncIterator[None]:
    """Run Tenure's workers, and one for the bare workflow."""
    async with (
        hosted(client, bench.engine, max_cached_workflows=1000, keys=serving.keys),
        Worker(client, task_queue=_QUEUE, workflows=[Bare]),
    ):
        yield
