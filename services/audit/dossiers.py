"""The evidence of decisions on a revision, and a program's dossier with all its decisions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.acceptance.readiness import Check
from domain.audit.chain import AuditEntry
from domain.definition.diff import Difference, Mark, differences
from domain.definition.document import Definition
from domain.definition.explain import explained
from domain.gates.state import GateState
from domain.model import Message
from domain.programs.amendment_impact import Impact
from domain.programs.amendments import AmendmentClass
from domain.programs.stages import RevisionStatus
from store import tables as store_tables
from store.acceptance import evidence, readiness
from store.acceptance.evidence import PrototypeRecord, TestRecord
from store.audit import trail as audit
from store.audit.trail import AuditVerification
from store.gates import gates
from store.programs import amendment_impacts, programs
from store.programs.programs import ProgramRecord

_TRAIL_PAGE = 500


class Section(Message):
    """A part of a definition in words."""

    heading: str
    lines: tuple[str, ...]


class RevisionInWords(Message):
    """A revision: its submitter, its definition in words, and the document."""

    number: int
    digest: str
    submitted_by: str
    submitted_at: datetime
    status: RevisionStatus
    effective_from: datetime | None
    sections: tuple[Section, ...]
    document: Definition


class Evidence(Message):
    """The facts known when a gate was decided, or known by now: the editors of the revision, its differences from the revision
    in force (`compared_with`; before the launch, the revision before it; None: there was none), its prototype, its tests, and
    the last check of its readiness for the launch.
    """

    revision: int
    digest: str
    edited_by: tuple[str, ...]
    compared_with: int | None
    mark: Mark | None
    differences: tuple[Difference, ...]
    weight: AmendmentClass | None = None
    """The class of the revision as an amendment; None if it is none."""
    impact: Impact | None = None
    """The amendment's impact on the members that exist; None until its launch gate is about to open."""
    prototype: PrototypeRecord | None
    tests: tuple[TestRecord, ...]
    readiness: Check | None = None


class GateInDossier(Message):
    """A gate with its state, the evidence of its decision, and all its audit entries, refused votes included."""

    state: GateState
    evidence: Evidence
    trail: tuple[AuditEntry, ...]


class Dossier(Message):
    """All decisions about a program, with people and evidence, and the whole audit trail with its verification.

    `people` are the known names of the ids in it.
    """

    program: ProgramRecord
    exported_at: datetime
    verification: AuditVerification
    people: Mapping[str, str]
    revisions: tuple[RevisionInWords, ...]
    gates: tuple[GateInDossier, ...]
    trail: tuple[AuditEntry, ...]


async def evidence_of(connection: AsyncConnection, state: GateState) -> Evidence:
    """Return the evidence on a gate's subject; for a decided gate, only the facts known by then."""
    program, number = state.subject.program, state.subject.revision
    definition = await programs.definition(connection, program, number)
    record = await programs.find(connection, program)
    (submitted,) = [each for each in await programs.revisions(connection, program) if each.number == number]
    in_force = await programs.in_force_at(connection, program, state.opened_at)
    before = in_force.number if in_force and in_force.number != number else number - 1
    found = differences(await programs.definition(connection, program, before), definition) if before else None

    def is_known(at: datetime) -> bool:
        return state.decided_at is None or at <= state.decided_at

    runs = await evidence.prototypes(connection, program)
    tests = await evidence.tests(connection, program)
    impact = await amendment_impacts.find(connection, program, number)
    return Evidence(
        revision=number,
        digest=submitted.digest,
        edited_by=tuple(dict.fromkeys((record.owner, submitted.submitted_by))),
        compared_with=before or None,
        mark=found.mark if found else None,
        differences=found.differences if found else (),
        weight=submitted.weight,
        impact=impact if impact is not None and is_known(impact.at) else None,
        prototype=next((run for run in runs if run.revision == number and is_known(run.at)), None),
        tests=tuple(test for test in tests if test.revision == number and is_known(test.at)),
        readiness=await readiness.last_check(connection, program, number, state.decided_at),
    )


async def dossier(engine: AsyncEngine, program: str, exported_at: datetime) -> Dossier:
    """Compose a program's dossier, from one snapshot of the database. Raises ProgramUnknown."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        record = await programs.find(connection, program)
        trail = await _trail(connection, program)
        return Dossier(
            program=record,
            exported_at=exported_at,
            verification=await audit.verify_within(connection, program),
            people=await _names(connection, program),
            revisions=tuple(
                [await _in_words(connection, program, each) for each in await programs.revisions(connection, program)]
            ),
            gates=tuple(
                [
                    GateInDossier(
                        state=state,
                        evidence=await evidence_of(connection, state),
                        trail=tuple(entry for entry in trail if entry.about == state.id),
                    )
                    for state in await gates.listed(connection, program, open_only=False)
                ]
            ),
            trail=tuple(trail),
        )


async def _in_words(connection: AsyncConnection, program: str, record: programs.RevisionRecord) -> RevisionInWords:
    definition = await programs.definition(connection, program, record.number)
    sections = tuple(Section(heading=each.heading, lines=each.lines) for each in explained(definition))
    return RevisionInWords(**record.model_dump(), sections=sections, document=definition)


async def _trail(connection: AsyncConnection, program: str) -> Sequence[AuditEntry]:
    entries: list[AuditEntry] = []
    while page := await audit.listed(connection, program, after=entries[-1].number if entries else 0, limit=_TRAIL_PAGE):
        entries += page
    return entries


async def _names(connection: AsyncConnection, program: str) -> Mapping[str, str]:
    trail, person = store_tables.audit, store_tables.person
    ids: Any = [
        select(column).where(trail.c.program == program, column.is_not(None))
        for column in (trail.c.actor, trail.c.on_behalf_of)
    ]
    ids.append(select(store_tables.revision.c.submitted_by).where(store_tables.revision.c.program == program))
    ids.append(select(store_tables.program.c.owner).where(store_tables.program.c.id == program))
    named = select(person.c.id, person.c.name).where(person.c.id.in_(ids[0].union(*ids[1:])))
    return {row[0]: row[1] for row in await connection.execute(named.order_by(person.c.id))}
