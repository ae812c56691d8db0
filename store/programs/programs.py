"""Programs, their revisions and their stages: where each stands now, and every step of how it came there."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import case, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.definition.document import Definition
from domain.model import Message
from domain.programs.amendments import AmendmentClass
from domain.programs.holds import ProgramHold
from domain.programs.lifecycle import Revision, StageChange
from domain.programs.stages import RevisionStatus, Stage
from domain.rollout.openings import WaveOpening
from domain.rollout.waves import open_buckets
from store.errors import ProgramUnknown, RevisionUnknown
from store.tables import program, program_hold, revision, stage_change, wave_opening


class Stop(Message):
    """From when until when (None: still) a rollout was stopped, and why."""

    since: datetime
    until: datetime | None = None
    why: str = ""


class ProgramRecord(Message):
    """Where a program stands, and the instants from which its doors are closed."""

    id: str
    name: str
    owner: str
    stage: Stage
    stage_since: datetime
    note: str
    salt: str
    open_buckets: int
    wave: str | None
    revision_in_force: int | None
    launched_at: datetime | None
    enrolment_until: datetime | None
    earning_until: datetime | None
    redeeming_until: datetime | None
    late_until: datetime | None = None
    """Until when what happened before earning stopped can still be posted."""
    data_until: datetime | None = None
    """Until when members' data is kept after the end; None: for good, or the program has not ended."""
    data_erased_at: datetime | None = None
    rollout_paused_at: datetime | None = None
    """Since when nobody new may join, because the rollout is paused; None: it is not."""
    stops: tuple[Stop, ...] = ()
    """When a rollout was stopped, so that nobody joined and nothing was earned."""
    started_at: datetime
    closed_at: datetime | None
    holds: tuple[ProgramHold, ...] = ()
    """What was stopped of it, standing and lifted: what happened within a hold counts for nothing afterwards either."""


class RevisionRecord(Message):
    """A revision's history, without its document."""

    number: int
    digest: str
    submitted_by: str
    submitted_at: datetime
    status: RevisionStatus
    effective_from: datetime | None
    """From when on it rates what happens; in the future where it is `approved`."""
    weight: AmendmentClass | None = None
    """How much an amendment weighs; None for a first revision, and until it is weighed."""
    wanted_from: datetime | None = None
    """The date that was asked for."""
    restores: int | None = None
    """The earlier revision whose definition it is again."""


class RevisionInForce(NamedTuple):
    number: int
    definition: Definition


class RevisionsInForce:
    """Every revision that ever came into force or was piloted, to be looked up by instant without asking the database again."""

    def __init__(
        self,
        since: Sequence[datetime],
        revisions: Sequence[RevisionInForce],
        until: Sequence[datetime | None] = (),
    ) -> None:
        """The revisions in the order in which they came into force, and the instant of each; `until` is the end of a pilot."""
        self._since = since
        self._revisions = revisions
        self._until = until

    def at(self, instant: datetime) -> RevisionInForce | None:
        """The revision that rates what happens at an instant, or None before the launch and once a pilot is over."""
        place = bisect_right(self._since, instant) - 1
        if place < 0:
            return None
        until = self._until[place] if self._until else None
        return self._revisions[place] if until is None or instant < until else None

    def up_to(self, until: datetime) -> "RevisionsInForce":
        """Those that have come into force by an instant, without any that waits for its date."""
        many = bisect_right(self._since, until)
        return RevisionsInForce(self._since[:many], self._revisions[:many], self._until[:many])

    def course(self, since: datetime, until: datetime) -> Sequence[RevisionInForce]:
        """The revisions from the one in force at the first instant to the one in force at the last, in order."""
        return self._revisions[max(bisect_right(self._since, since) - 1, 0) : bisect_right(self._since, until)]

    @property
    def by_instant(self) -> Sequence[tuple[datetime, RevisionInForce]]:
        """Each revision with the instant from which on it was in force, or piloted, in order."""
        return list(zip(self._since, self._revisions, strict=True))

    @property
    def began(self) -> datetime | None:
        """Since when anything has been rated: from the first pilot on, where there was one before the launch."""
        return self._since[0] if self._since else None

    @property
    def last(self) -> RevisionInForce | None:
        """The one that came last, whether or not it still rates what members do."""
        return self._revisions[-1] if self._revisions else None

    def lived_by(self, instant: datetime) -> RevisionInForce | None:
        """The revision that members live by at an instant, whether or not it still rates what they do."""
        place = bisect_right(self._since, instant) - 1
        return self._revisions[place] if place >= 0 else None


_definitions: dict[str, Definition] = {}
"""Definitions by digest: they never change, and every event is rated by one."""
_RATES_FROM = func.coalesce(revision.c.piloted_from, revision.c.effective_from)
"""Since when a revision rates what happens: from its pilot on, where it had one, else from when it came into force."""
_HOLDS = (
    select(
        func.coalesce(
            func.jsonb_agg(aggregate_order_by(func.to_jsonb(text("held")), text("held.id"))),
            func.jsonb_build_array(),
            type_=JSONB,
        )
    )
    .select_from(
        select(*(program_hold.c[name] for name in ProgramHold.model_fields))
        .where(program_hold.c.program == program.c.id)
        .correlate(program)
        .subquery("held")
    )
    .scalar_subquery()
    .label("holds")
)
_PROGRAM_COLUMNS = [*(program.c[name] for name in ProgramRecord.model_fields if name != "holds"), _HOLDS]
_REVISION_COLUMNS = [revision.c[name] for name in RevisionRecord.model_fields]


async def register(connection: AsyncConnection, first: Revision) -> None:
    """Write a new program with its first revision; a repetition changes nothing."""
    await connection.execute(
        insert(program)
        .values(
            id=first.program,
            name=first.definition.name,
            owner=first.owner,
            stage="requirements",
            stage_since=first.submitted_at,
            salt=first.program,
            started_at=first.submitted_at,
        )
        .on_conflict_do_nothing()
    )
    await add_revision(connection, first)
    await change_stage(connection, StageChange(program=first.program, stage="requirements", at=first.submitted_at))


async def add_revision(connection: AsyncConnection, new: Revision) -> None:
    """Write a revision; a repetition changes nothing."""
    await connection.execute(
        insert(revision)
        .values(
            program=new.program,
            number=new.number,
            digest=new.digest,
            document=new.definition.model_dump(mode="json", exclude_defaults=True),
            submitted_by=new.submitted_by,
            submitted_at=new.submitted_at,
            status="submitted",
            wanted_from=new.wanted_from,
            restores=new.restores,
        )
        .on_conflict_do_nothing()
    )


async def change_stage(connection: AsyncConnection, change: StageChange) -> None:
    """Enter a stage; a repetition changes nothing."""
    written = await connection.execute(
        insert(stage_change)
        .values(program=change.program, stage=change.stage, at=change.at, note=change.note)
        .on_conflict_do_nothing()
    )
    if written.rowcount:
        closed = {"closed_at": change.at} if change.stage in ("closed", "rejected") else {}
        await connection.execute(
            update(program)
            .where(program.c.id == change.program)
            .values(stage=change.stage, stage_since=change.at, note=change.note, **closed)
        )


async def settle_revision(connection: AsyncConnection, program_id: str, number: int, status: RevisionStatus) -> None:
    """Give a revision the status that its qualification ended with."""
    await connection.execute(update(revision).where(_is_revision(program_id, number)).values(status=status))


async def classify(connection: AsyncConnection, program_id: str, number: int, weight: AmendmentClass) -> None:
    """Write how much an amendment weighs."""
    await connection.execute(update(revision).where(_is_revision(program_id, number)).values(weight=weight))


async def approve_revision(connection: AsyncConnection, program_id: str, number: int, effective_from: datetime) -> None:
    """An amendment is approved, and rates what happens from its date on, whether or not anybody is there to say so then."""
    waiting = (_is_revision(program_id, number), revision.c.status == "submitted")
    await connection.execute(update(revision).where(*waiting).values(status="approved", effective_from=effective_from))


async def withdraw_revision(connection: AsyncConnection, program_id: str, number: int) -> bool:
    """An approved amendment does not take effect; whether it was one. A repetition changes nothing, and says the same."""
    approved = (_is_revision(program_id, number), revision.c.status.in_(["approved", "withdrawn"]))
    written = await connection.execute(update(revision).where(*approved).values(status="withdrawn", effective_from=None))
    return bool(written.rowcount)


async def waiting_revision(connection: AsyncConnection, program_id: str) -> RevisionRecord | None:
    """The amendment that is approved and waits for its date."""
    query = select(*_REVISION_COLUMNS).where(revision.c.program == program_id, revision.c.status == "approved")
    row = (await connection.execute(query)).mappings().one_or_none()
    return RevisionRecord.model_validate(dict(row)) if row is not None else None


async def put_in_force(connection: AsyncConnection, program_id: str, number: int, at: datetime) -> None:
    """From `at` on, events are rated by this revision, from its own date where it has one; the one before is superseded."""
    await connection.execute(
        update(revision)
        .where(revision.c.program == program_id, revision.c.status == "in_force", revision.c.number != number)
        .values(status="superseded")
    )
    await connection.execute(
        update(revision)
        .where(_is_revision(program_id, number), revision.c.status.in_(["submitted", "approved"]))
        .values(status="in_force", effective_from=func.coalesce(revision.c.effective_from, at))
    )
    await connection.execute(
        update(program)
        .where(program.c.id == program_id)
        .values(
            revision_in_force=number,
            launched_at=func.coalesce(program.c.launched_at, at),
            calendar_since=case((program.c.launched_at.is_(None), at), else_=program.c.calendar_since),
        )
    )


async def calendar_since(connection: AsyncConnection, program_id: str) -> datetime | None:
    """Since when the program's Schedules follow the calendar: its launch, or when a worker changed them; None: not yet."""
    since: datetime | None = await connection.scalar(select(program.c.calendar_since).where(program.c.id == program_id))
    return since


async def follow_calendar(connection: AsyncConnection, program_id: str, since: datetime) -> None:
    """Write since when the program's Schedules follow the calendar."""
    await connection.execute(update(program).where(program.c.id == program_id).values(calendar_since=since))


async def open_wave(connection: AsyncConnection, opening: WaveOpening) -> None:
    """Open the program to the wave's share of members, or its cohort; a repetition changes nothing, and no opening ever shrinks
    it. A wave for a cohort that nobody was put into is one for nobody.
    """
    await connection.execute(insert(wave_opening).values(opening.model_dump()).on_conflict_do_nothing())
    if opening.share is None:
        await connection.execute(update(program).where(program.c.id == opening.program).values(wave=opening.wave))
        return
    await connection.execute(
        update(program)
        .where(program.c.id == opening.program, program.c.open_buckets <= open_buckets(opening.share))
        .values(open_buckets=open_buckets(opening.share), wave=opening.wave)
    )


async def announce_end(
    connection: AsyncConnection,
    program_id: str,
    enrolment_until: datetime,
    earning_until: datetime,
    redeeming_until: datetime,
    late_until: datetime | None = None,
) -> None:
    """Set the instants from which nobody joins, nothing is earned and nothing is redeemed any more, and late files end."""
    closing_dates = {"enrolment_until": enrolment_until, "earning_until": earning_until, "redeeming_until": redeeming_until}
    await connection.execute(
        update(program).where(program.c.id == program_id).values(closing_dates | {"late_until": late_until})
    )


async def find(connection: AsyncConnection, program_id: str) -> ProgramRecord:
    """The program by its id. Raises ProgramUnknown."""
    row = (await connection.execute(select(*_PROGRAM_COLUMNS).where(program.c.id == program_id))).mappings().one_or_none()
    if row is None:
        raise ProgramUnknown(program_id)
    return ProgramRecord.model_validate(dict(row))


async def listed(
    connection: AsyncConnection, after: str = "", limit: int | None = None, *, among: Collection[str] | None = None
) -> Sequence[ProgramRecord]:
    """Programs by id, from the one after `after` on: all, or those `among` which somebody may see."""
    query = select(*_PROGRAM_COLUMNS).where(program.c.id > after).order_by(program.c.id).limit(limit)
    if among is not None:
        query = query.where(program.c.id.in_(among))
    rows = await connection.execute(query)
    return [ProgramRecord.model_validate(dict(row)) for row in rows.mappings()]


async def revisions(
    connection: AsyncConnection, program_id: str, after: int = 0, limit: int | None = None
) -> Sequence[RevisionRecord]:
    """A program's revisions by number, from the one after `after` on."""
    rows = await connection.execute(
        select(*_REVISION_COLUMNS)
        .where(revision.c.program == program_id, revision.c.number > after)
        .order_by(revision.c.number)
        .limit(limit)
    )
    return [RevisionRecord.model_validate(dict(row)) for row in rows.mappings()]


async def find_revision(connection: AsyncConnection, program_id: str, number: int) -> RevisionRecord:
    """One revision's history. Raises RevisionUnknown."""
    row = (
        (await connection.execute(select(*_REVISION_COLUMNS).where(_is_revision(program_id, number)))).mappings().one_or_none()
    )
    if row is None:
        raise RevisionUnknown(program_id, number)
    return RevisionRecord.model_validate(dict(row))


async def latest_digest(connection: AsyncConnection, program_id: str) -> str:
    """The digest of the program's latest revision, whatever became of it."""
    found: str | None = await connection.scalar(
        select(revision.c.digest).where(revision.c.program == program_id).order_by(revision.c.number.desc()).limit(1)
    )
    return found or ""


async def definition(connection: AsyncConnection, program_id: str, number: int) -> Definition:
    """A revision's definition. Raises RevisionUnknown."""
    document = await connection.scalar(select(revision.c.document).where(_is_revision(program_id, number)))
    if document is None:
        raise RevisionUnknown(program_id, number)
    return Definition.model_validate(document)


async def in_force_at(connection: AsyncConnection, program_id: str, at: datetime) -> RevisionInForce | None:
    """The revision that a program's members live by at an instant, or None before the launch and before any pilot."""
    row = (
        await connection.execute(
            select(revision.c.number, revision.c.digest)
            .where(revision.c.program == program_id, at >= _RATES_FROM)
            .order_by(_RATES_FROM.desc(), revision.c.number.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None:
        return None
    return await _in_force(connection, program_id, row.number, row.digest)


async def revisions_in_force(connection: AsyncConnection, program_id: str) -> RevisionsInForce:
    """The program's whole history of revisions in force; none of them before the launch."""
    rows = (
        await connection.execute(
            select(revision.c.number, revision.c.digest, _RATES_FROM.label("since"), revision.c.piloted_until)
            .where(revision.c.program == program_id, _RATES_FROM.is_not(None))
            .order_by(_RATES_FROM, revision.c.number)
        )
    ).all()
    found = [await _in_force(connection, program_id, row.number, row.digest) for row in rows]
    return RevisionsInForce([row.since for row in rows], found, [row.piloted_until for row in rows])


async def stages(connection: AsyncConnection, program_id: str) -> Sequence[StageChange]:
    rows = await connection.execute(
        select(stage_change.c.program, stage_change.c.stage, stage_change.c.at, stage_change.c.note)
        .where(stage_change.c.program == program_id)
        .order_by(stage_change.c.id)
    )
    return [StageChange.model_validate(dict(row)) for row in rows.mappings()]


async def waves(connection: AsyncConnection, program_id: str) -> Sequence[WaveOpening]:
    columns = [wave_opening.c[name] for name in WaveOpening.model_fields]
    rows = await connection.execute(select(*columns).where(wave_opening.c.program == program_id).order_by(wave_opening.c.at))
    return [WaveOpening.model_validate(dict(row)) for row in rows.mappings()]


async def _in_force(connection: AsyncConnection, program_id: str, number: int, digest: str) -> RevisionInForce:
    known = _definitions.get(digest)
    if known is None:
        known = await definition(connection, program_id, number)
        _definitions[digest] = known
    return RevisionInForce(number, known)


def _is_revision(program_id: str, number: int) -> Any:
    return (revision.c.program == program_id) & (revision.c.number == number)
