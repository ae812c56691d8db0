"""The report of a program's whole life: what it has come to, from the store and the ledger."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, Depends

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.read_retry import RetryReadRoute
from api.programs.programs import ProgramOut, with_status
from domain.gates.state import Outcome
from domain.model import Value
from domain.programs.lifecycle import StageChange
from domain.rollout.openings import WaveOpening
from ledger import CheckReport, Totals
from store.acceptance import evidence
from store.acceptance.evidence import PrototypeRecord, TestRecord
from store.evaluation import evaluations
from store.evaluation.evaluations import EvaluationRecord
from store.gates import gates
from store.gates.gates import DecisionRecord
from store.members import members
from store.programs import programs
from store.programs.programs import RevisionRecord
from store.retention import interventions
from store.rewards import redemptions

router = APIRouter(prefix="/programs/{program}", tags=["reports"], route_class=RetryReadRoute)


class GateSummary(Value):
    """A gate, without its subject and its votes."""

    id: str
    gate: str
    opened_at: datetime
    due: datetime
    outcome: Outcome | None
    decided_at: datetime | None


class Lifetime(Value):
    """What all members did from the program's start on, with what is outstanding now; points of all its currencies together."""

    issued: int
    burned: int
    expired: int
    forfeited: int
    active_members: int
    members_redeemed: int
    outstanding: int


class Report(Value):
    """A program's whole life so far: counts by name where a record would say no more."""

    program: ProgramOut
    stages: Sequence[StageChange]
    revisions: Sequence[RevisionRecord]
    decisions: Sequence[DecisionRecord]
    gates: Sequence[GateSummary]
    prototypes: Sequence[PrototypeRecord]
    tests: Sequence[TestRecord]
    waves: Sequence[WaveOpening]
    members: dict[str, dict[str, int]]
    movement: dict[str, int]
    interventions: dict[str, int]
    redemptions: dict[str, dict[str, int]]
    evaluations: Sequence[EvaluationRecord]
    points: Sequence[Totals]
    lifetime: Lifetime
    ledger_check: CheckReport


@router.get("/report", dependencies=[Depends(require("read programs"))])
async def show_report(program: str, services: WithServices) -> Report:
    """The program's whole life so far: stages, decisions, evidence, waves, members, points, evaluations."""
    ledger = services.ledger
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        figures = await ledger.window_figures(program, record.started_at, datetime.now(UTC))
        return Report(
            program=with_status(record),
            stages=await programs.stages(connection, program),
            revisions=await programs.revisions(connection, program),
            decisions=await gates.decisions(connection, program),
            gates=[
                GateSummary.model_validate(state.model_dump(include=set(GateSummary.model_fields)))
                for state in await gates.listed(connection, program, open_only=False)
            ],
            prototypes=await evidence.prototypes(connection, program),
            tests=await evidence.tests(connection, program),
            waves=await programs.waves(connection, program),
            members=await members.counts(connection, program),
            movement=await members.movement(connection, program),
            interventions=await interventions.counts(connection, program),
            redemptions=await redemptions.counts(connection, program),
            evaluations=await evaluations.listed(connection, program),
            points=await ledger.totals(program),
            lifetime=Lifetime.model_validate(figures.model_dump(include=set(Lifetime.model_fields))),
            ledger_check=await ledger.check(program),
        )
