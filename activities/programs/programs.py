"""What a program's life writes down: itself, its revisions, its stages, its waves."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.queues import ActivityGroup
from domain.audit.chain import Fact
from domain.ids import PROGRAMS_QUEUE
from domain.model import Message
from domain.programs.lifecycle import Revision, StageChange
from domain.programs.stages import RevisionStatus
from domain.rollout.openings import WaveOpening
from store.acceptance import pilots
from store.audit import trail
from store.members import members
from store.programs import programs


class RevisionSettled(Message):
    program: str
    number: int
    status: RevisionStatus
    at: datetime | None = None


class InForce(Message):
    program: str
    number: int
    at: datetime


def started(first: Revision) -> Fact:
    """That somebody has started a program, for the audit trail."""
    return Fact(
        program=first.program,
        at=first.submitted_at,
        action="program_started",
        actor=first.owner,
        key="program_started",
        details={"name": first.definition.name},
    )


def submitted(revision: Revision) -> Fact:
    """That somebody has handed in a revision, for the audit trail."""
    return Fact(
        program=revision.program,
        at=revision.submitted_at,
        action="revision_submitted",
        actor=revision.submitted_by,
        about=f"r{revision.number}",
        key=f"revision_submitted/{revision.number}",
        details={
            "revision": revision.number,
            "digest": revision.digest,
            **({"restores": revision.restores} if revision.restores is not None else {}),
        },
    )


class ProgramActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def register_program(self, first: Revision) -> None:
        """Write the program and its first revision, and who did so."""
        async with self._engine.begin() as connection:
            await programs.register(connection, first)
            await trail.append(connection, started(first))
            await trail.append(connection, submitted(first))

    @activity.defn
    async def add_revision(self, revision: Revision) -> None:
        """Write a further revision, and who handed it in."""
        async with self._engine.begin() as connection:
            await programs.add_revision(connection, revision)
            await trail.append(connection, submitted(revision))

    @activity.defn
    async def piloted(self, program: str) -> Revision | None:
        """The revision that members live by whom a pilot has brought before any launch; None where it has brought nobody."""
        async with self._engine.connect() as connection:
            record = await programs.find(connection, program)
            lived_by = (await programs.revisions_in_force(connection, program)).last
            if lived_by is None or not (await members.counts(connection, program))["status"]:
                return None
            revision = await programs.find_revision(connection, program, lived_by.number)
        return Revision(
            program=program,
            number=revision.number,
            digest=revision.digest,
            definition=lived_by.definition,
            owner=record.owner,
            submitted_by=revision.submitted_by,
            submitted_at=revision.submitted_at,
        )

    @activity.defn
    async def change_stage(self, change: StageChange) -> None:
        """Write that the program has entered a stage."""
        async with self._engine.begin() as connection:
            await programs.change_stage(connection, change)

    @activity.defn
    async def settle_revision(self, settled: RevisionSettled) -> None:
        """Write how the qualification of a revision ended."""
        async with self._engine.begin() as connection:
            await programs.settle_revision(connection, settled.program, settled.number, settled.status)
            if settled.at is not None:
                await pilots.stop_earning(connection, settled.program, settled.number, settled.at)

    @activity.defn
    async def put_in_force(self, in_force: InForce) -> None:
        """From now on, events are rated by this revision."""
        async with self._engine.begin() as connection:
            await programs.put_in_force(connection, in_force.program, in_force.number, in_force.at)

    @activity.defn
    async def open_wave(self, opening: WaveOpening) -> None:
        """Open the program to the wave's share of members."""
        async with self._engine.begin() as connection:
            await programs.open_wave(connection, opening)
