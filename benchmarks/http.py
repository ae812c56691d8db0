"""The cost of one event per request over HTTP, against the same server with an authenticated empty route.

The API runs as its own process, on a store with one program in force; the CPU counted is that of this process and of
PostgreSQL, without the client's.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median

import httpx
import psutil
from sqlalchemy import insert

from benchmarks.bench import Bench, running
from benchmarks.serving import served
from benchmarks.table import Row
from domain.definition.document import Definition, digest
from domain.definition.reading.file import read_definition
from domain.programs.lifecycle import Revision
from store.programs import programs
from store.tables import member as member_table

ROUNDS = 5
MEMBERS = 500
REQUESTS = 1000
AT_ONCE = 16
EXAMPLE = Path(__file__).parents[1] / "examples" / "cd-club.yaml"
_WAIT_TIMEOUT = 60
_JOINED = datetime.now(UTC) - timedelta(days=30)


async def measure() -> list[Row]:
    """Measure the server side's CPU for an event, and for an empty request, over interleaved rounds."""
    async with running() as bench:
        definition = the_program()
        await in_force(bench, definition)
        async with served(bench.server.url, {"bench": ["member_service"]}) as serving:
            client = serving.client("bench")
            return await _measure(bench, client, serving.process, definition)


def the_program() -> Definition:
    """Return the definition of the example's CD Club."""
    definition = read_definition(EXAMPLE.read_text())
    assert isinstance(definition, Definition)
    return definition


async def _measure(bench: Bench, client: httpx.AsyncClient, api: psutil.Process, definition: Definition) -> list[Row]:
    numbers = count()

    async def empty() -> None:
        assert (await client.post("/empty")).status_code == 200

    async def event() -> None:
        number = next(numbers)
        response = await client.post(
            f"/programs/{definition.program}/members/m{number % MEMBERS}/events",
            headers={"Idempotency-Key": f"k{number}"},
            json={"type": "purchase", "amount": "12.50", "occurred_at": datetime.now(UTC).isoformat()},
        )
        assert response.status_code == 201, response.text

    async def cost(ask: object) -> tuple[float, float]:
        """Microseconds of CPU for each request, and requests per second."""
        before, started = _cpu(bench, api), time.perf_counter()
        waiting = iter(range(REQUESTS))

        async def call() -> None:
            for _ in waiting:
                await ask()  # type: ignore[operator]

        await asyncio.gather(*(call() for _ in range(AT_ONCE)))
        seconds = time.perf_counter() - started
        return (_cpu(bench, api) - before) * 1e6 / REQUESTS, REQUESTS / seconds

    found: dict[str, list[tuple[float, float]]] = {"empty": [], "event": []}
    for number in range(ROUNDS + 1):
        measured = {"empty": await cost(empty), "event": await cost(event)}
        if number > 0:  # the first round warms up caches and plans
            for name, figures in measured.items():
                found[name].append(figures)
    nothing, something = (median(cost for cost, _ in found[name]) for name in ("empty", "event"))
    rates = {name: round(median(rate for _, rate in figures)) for name, figures in found.items()}
    ratio = nothing / something
    return [
        Row(
            "ledger",
            f"one event per request over HTTP ({rates['event']:,} a second; empty: {rates['empty']:,})",
            round(something, 1),
            "µs CPU of API and PostgreSQL",
            round(nothing, 1),
            round(ratio, 3),
            "ratio >= 0.5",
            ratio >= 0.5,
            "three reads, the rating, a posting that locks its account to watch thresholds; floor: an empty route",
        )
    ]


def _cpu(bench: Bench, api: psutil.Process) -> float:
    used = api.cpu_times()
    return used.user + used.system + bench.server_cpu()


async def in_force(bench: Bench, definition: Definition) -> None:
    """Write a program that was launched a month ago, with members who joined then."""
    first = Revision(
        program=definition.program,
        number=1,
        digest=digest(definition),
        definition=definition,
        owner="owner",
        submitted_by="owner",
        submitted_at=_JOINED,
    )
    row = {
        "program": definition.program,
        "agreement": definition.agreement.version,
        "joined_at": _JOINED,
        "status": "active",
        "tier": definition.base_tier.id,
        "tier_since": _JOINED,
        "tier_until": None,
        "journey_stage": "using",
    }
    async with bench.engine.begin() as connection:
        await programs.register(connection, first)
        await programs.put_in_force(connection, definition.program, 1, _JOINED)
        await connection.execute(insert(member_table), [{"participant": f"m{number}"} | row for number in range(MEMBERS)])
