"""The end of a program as it is kept: its steps, and how what is known about members is erased."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.model import Message
from domain.programs.wind_down import STEPS, Step
from store.tables import invitation, member, program, wind_down_step


class StepRecord(Message):
    """A step of the end. `attempts` are those of its work that was tried most, `trouble` is what last went wrong."""

    number: int
    step: Step
    due: datetime | None
    began_at: datetime | None
    ended_at: datetime | None
    told: str
    attempts: int
    trouble: str
    figures: dict[str, Any]


_STEP_COLUMNS = [wind_down_step.c[name] for name in StepRecord.model_fields]


async def plan(connection: AsyncConnection, program_id: str, due: Mapping[Step, datetime]) -> None:
    """Write every step with the date on which it is due; what has happened of it stays."""
    rows = [{"program": program_id, "step": step, "number": STEPS.index(step) + 1, "due": at} for step, at in due.items()]
    written = insert(wind_down_step).values(rows)
    await connection.execute(
        written.on_conflict_do_update(constraint="wind_down_step_pkey", set_={"due": written.excluded.due})
    )


async def begin(connection: AsyncConnection, program_id: str, step: Step, at: datetime, attempt: int) -> None:
    """A step has begun, or is tried again; it keeps the instant at which it began."""
    row = {"program": program_id, "step": step, "number": STEPS.index(step) + 1, "began_at": at, "attempts": attempt}
    changed = {
        "began_at": func.coalesce(wind_down_step.c.began_at, at),
        "attempts": func.greatest(wind_down_step.c.attempts, attempt),
    }
    written = insert(wind_down_step).values(row)
    await connection.execute(written.on_conflict_do_update(constraint="wind_down_step_pkey", set_=changed))


async def note(connection: AsyncConnection, program_id: str, step: Step, summary: str, figures: Mapping[str, Any]) -> None:
    """What a step has come to so far; figures of other names stay, and what went wrong before is over."""
    values = {"told": summary, "trouble": "", "figures": wind_down_step.c.figures.concat(dict(figures))}
    await connection.execute(update(wind_down_step).where(_is(program_id, step)).values(values))


async def trouble(connection: AsyncConnection, program_id: str, step: Step, what: str) -> None:
    """What went wrong in a step; it will be tried again."""
    await connection.execute(update(wind_down_step).where(_is(program_id, step)).values(trouble=what))


async def end(connection: AsyncConnection, program_id: str, step: Step, at: datetime) -> None:
    """A step is over; a repetition changes nothing."""
    mine = (_is(program_id, step), wind_down_step.c.ended_at.is_(None))
    await connection.execute(update(wind_down_step).where(*mine).values(ended_at=at))


async def restart(connection: AsyncConnection, program_id: str) -> None:
    """Forget the case of an end that was not approved: another one is made."""
    await connection.execute(wind_down_step.delete().where(wind_down_step.c.program == program_id))


async def steps(connection: AsyncConnection, program_id: str) -> Sequence[StepRecord]:
    """The steps in their order; none where no end was ever asked for."""
    rows = await connection.execute(
        select(*_STEP_COLUMNS).where(wind_down_step.c.program == program_id).order_by(wind_down_step.c.number)
    )
    return [StepRecord.model_validate(dict(row)) for row in rows.mappings()]


async def active(connection: AsyncConnection, program_id: str) -> int:
    """How many members are active."""
    mine = (member.c.program == program_id, member.c.status == "active")
    return int(await connection.scalar(select(func.count()).where(*mine)) or 0)


async def waiting_invited(connection: AsyncConnection, program_id: str) -> int:
    """How many were invited and have not joined."""
    mine = (invitation.c.program == program_id, invitation.c.accepted_at.is_(None))
    return int(await connection.scalar(select(func.count()).where(*mine)) or 0)


async def keep_data_until(connection: AsyncConnection, program_id: str, until: datetime | None) -> None:
    """Write until when members' data is kept; None: it is not erased by itself."""
    await connection.execute(update(program).where(program.c.id == program_id).values(data_until=until))


async def erase(connection: AsyncConnection, program_id: str, at: datetime) -> int:
    """Erase what is known about a program's members; for how many. A repetition changes nothing, and gets the same answer.

    A member's reference gives way to one at random that is kept nowhere, in all that is written of them (by the foreign keys),
    so that sums and counts stay what they were; what could tell who it was goes altogether. Entries of the ledger stay.
    """
    already = await connection.scalar(
        select(program.c.data_erased_at).where(program.c.id == program_id).with_for_update(key_share=True)
    )
    if already is None:
        names = {"program": program_id, "members": f"/programs/{program_id}/members/%"}
        for statement in _ERASE:
            await connection.execute(text(statement), {name: value for name, value in names.items() if f":{name}" in statement})
        await connection.execute(update(program).where(program.c.id == program_id).values(data_erased_at=at))
    return int(await connection.scalar(select(func.count()).where(member.c.program == program_id)) or 0)


def _is(program_id: str, step: Step) -> Any:
    return (wind_down_step.c.program == program_id) & (wind_down_step.c.step == step)


_ERASE_MEMBERS = """
UPDATE store.member SET participant = 'erased-' || replace(CAST(gen_random_uuid() AS text), '-', ''), open_intervention = NULL
WHERE program = :program
"""
_ERASE = (
    "DELETE FROM store.announcement WHERE program = :program AND audience <> 'partner'",
    "DELETE FROM store.invitation WHERE program = :program",
    "DELETE FROM store.cohort_member WHERE program = :program",
    "DELETE FROM store.outside_event WHERE program = :program",
    "DELETE FROM store.held_out WHERE program = :program",
    "DELETE FROM store.voucher_code WHERE program = :program AND redemption IS NOT NULL",
    "UPDATE store.redemption SET reference = NULL, why = '' WHERE program = :program",
    "UPDATE store.intervention SET id = 'erased/' || CAST(gen_random_uuid() AS text) WHERE program = :program",
    "UPDATE store.survey_answer SET key = 'erased/' || CAST(gen_random_uuid() AS text) WHERE program = :program",
    # Answers to requests are kept so that a repetition gets the same one; these name members.
    "DELETE FROM store.request WHERE location LIKE :members OR (answer ->> 'program' = :program AND answer ? 'participant')",
    _ERASE_MEMBERS,
)
