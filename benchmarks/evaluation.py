"""An evaluation of a whole program, against the bare SQL aggregate over the same tables.

The floor joins the window's transactions with their postings, sums them, and counts the members; the evaluation does so member
by member, since its intervals need that. `TENURE_BENCH_POSTINGS` is the number of postings (a million), ten for each member.
"""

import time
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, get_args

from sqlalchemy import text

from activities.evaluation.evaluation import EvaluationActivities, EvaluationTask
from benchmarks.bench import CURRENCY, PROGRAM, START, Bench, running
from benchmarks.growth import LARGE, fill
from benchmarks.table import Row
from domain.definition.document import Definition, digest
from domain.definition.reading.file import read_definition
from domain.definition.values import Kpi
from domain.programs.lifecycle import Revision
from store.programs import programs

ROUNDS = 3
_MOST = 3.0
_AT = START + timedelta(days=90)
_EXAMPLE = Path(__file__).parents[1] / "examples" / "cd-club.yaml"
_FLOOR = """
SELECT count(*), sum(posting.amount)
FROM ledger.txn JOIN ledger.posting ON posting.txn_id = txn.id JOIN ledger.account ON account.id = posting.credit_account
WHERE txn.program = :program AND txn.effective_at > :since AND txn.effective_at <= :until
"""
_COUNTED = "SELECT count(*) FILTER (WHERE joined_at <= :until), count(left_at) FROM store.member WHERE program = :program"


async def measure() -> list[Row]:
    """Measure the seconds of an evaluation by every KPI over one window, and of the floor."""
    async with running() as bench:
        await fill(bench, LARGE)
        definition = _definition()
        members = await _register(bench, definition)
        activities = EvaluationActivities(bench.engine, bench.ledger)
        taken: dict[str, list[float]] = {"floor": [], "evaluation": []}
        for number in range(ROUNDS + 1):
            floor = await _timed(_floor(bench))
            task = EvaluationTask(id=f"evaluation-{number}", program=PROGRAM, at=_AT)
            evaluated = await _timed(activities.evaluate_program(task))
            if number > 0:  # the first round warms up
                taken["floor"].append(floor)
                taken["evaluation"].append(evaluated)
    floor, seconds = median(taken["floor"]), median(taken["evaluation"])
    return [
        Row(
            "program",
            f"evaluation of {members:,} members and {LARGE:,} postings",
            round(seconds, 2),
            "seconds",
            round(floor, 2),
            round(seconds / floor, 2),
            f"ratio <= {_MOST}",
            seconds / floor <= _MOST,
            "floor: one bare aggregate; the figures are summed member by member, for their intervals",
        )
    ]


def _definition() -> Definition:
    """Return the example with every KPI over one window."""
    found = read_definition(_EXAMPLE.read_bytes())
    assert isinstance(found, Definition)
    never = [{"below": -1, "consequence": "alert"}]
    kpis: list[dict[str, Any]] = [{"kpi": kpi, "window": "P1Y", "thresholds": never} for kpi in get_args(Kpi)]
    for rule in kpis:
        if rule["kpi"] == "lifetime_value":
            rule["lifetime"] = {"margin": 10, "discount_rate": "0.1"}
    changes = {"program": PROGRAM, "evaluation": {"every": "P3M", "kpis": kpis}}
    document = found.model_dump() | changes
    document["currency"] = document["currency"] | {"code": CURRENCY}
    return Definition.model_validate(document)


async def _register(bench: Bench, definition: Definition) -> int:
    """Put the program in force and write a member for each account; return their number."""
    revision = Revision(
        program=PROGRAM,
        number=1,
        digest=digest(definition),
        definition=definition,
        owner="demo-owner",
        submitted_by="demo-owner",
        submitted_at=START,
    )
    async with bench.owner.begin() as connection:
        await programs.register(connection, revision)
        await programs.put_in_force(connection, PROGRAM, 1, START)
        await connection.execute(
            text(
                "INSERT INTO store.member (program, participant, status, tier, tier_since, joined_at, agreement, journey_stage)"
                " SELECT program, participant, 'active', 'listener', :at, :at, '1', 'using'"
                " FROM ledger.account WHERE kind = 'participant'"
            ),
            {"at": START},
        )
        members: int = (await connection.execute(text("SELECT count(*) FROM store.member"))).scalar_one()
    async with bench.owner.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE store.member"))
    return members


async def _floor(bench: Bench) -> None:
    window = {"program": PROGRAM, "since": START - timedelta(days=275), "until": _AT}
    async with bench.engine.connect() as connection:
        await connection.execute(text("SET LOCAL work_mem = '256MB'"))
        await connection.execute(text(_FLOOR), window)
        await connection.execute(text(_COUNTED), {"program": PROGRAM, "until": _AT})


async def _timed(work: Any) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started
