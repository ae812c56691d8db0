"""Admission: the final decision on who joins and by which wave, in the transaction that writes the member."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain import ids
from domain.definition.document import Definition
from domain.definition.rollout import Pace, Wave
from domain.members.enrolment import NotAdmitted
from domain.members.errors import HeldOut, MemberUnknown, NotInvited, RolloutPaused, RolloutStopped, WaveFull
from domain.programs.availability import closed_for
from domain.rollout.openings import WaveOpening
from domain.rollout.waves import Refusal, is_held_out, let_in
from ledger import outbox
from store.members import members
from store.programs import programs
from store.programs.programs import ProgramRecord, RevisionInForce
from store.rollout import cohorts, invitations, rollouts

_CLOSED = {
    "rollout_stopped": (RolloutStopped, "The rollout was stopped: nobody joins, and nothing is earned."),
    "rollout_paused": (RolloutPaused, "The rollout is paused: nobody new joins."),
}


async def admit(
    connection: AsyncConnection, program: ProgramRecord, definition: Definition, participant: str, at: datetime
) -> WaveOpening:
    """Return the wave by which a participant joins. Raises NotAdmitted if no wave admits them, ever or at this moment."""
    invited = await invitations.is_invited(connection, program.id, participant)
    found = await wave_for(connection, program, definition, participant, invited=invited)
    if found is NotInvited:
        raise NotAdmitted(found, "The wave of this member's cohort invites at a rate, and has not come to them yet.")
    if not isinstance(found, WaveOpening):
        raise NotAdmitted(found, "The waves opened so far do not reach this member.")
    if is_held_out(definition, program.salt, participant):
        raise NotAdmitted(HeldOut, "This participant is kept out of the program to its end, for comparison.")
    try:
        await members.find(connection, program.id, participant)
    except MemberUnknown:
        await _check_open(connection, program, definition, found, at)
    return found


async def wave_for(
    connection: AsyncConnection, program: ProgramRecord, definition: Definition, participant: str, *, invited: bool
) -> WaveOpening | Refusal:
    """Return the opened wave by which a participant may join, or the reason why there is none."""
    cohort = await cohorts.cohort_of(connection, program.id, participant)
    opened = await programs.waves(connection, program.id)
    return let_in(definition, program.salt, participant, cohort=cohort, invited=invited, opened=opened)


async def exhausted_pace(
    connection: AsyncConnection, definition: Definition, opening: WaveOpening, at: datetime, *, in_turn: bool
) -> Pace | None:
    """Return the pace of a wave if it is used up for now; None if another member may join.

    `in_turn` is for a transaction that writes the member: if the wave has a pace or a minimum sample, other enrolments by it
    wait until the transaction ends, so that each counts the one before.
    """
    wave = wave_of(definition, opening)
    if wave is None:
        return None
    pace = wave.enrolment
    if pace is None and not (in_turn and wave.minimum_sample is not None):
        return None
    since = pace.every.before(at, definition.zone) if pace is not None else at
    count = rollouts.count_in_turn if in_turn else rollouts.joined
    joined = await count(connection, opening.program, opening.wave, since)
    return pace if pace is not None and joined.lately >= pace.count else None


async def note_joined(connection: AsyncConnection, in_force: RevisionInForce, opening: WaveOpening, at: datetime) -> None:
    """Nudge the rollout if the member who has just joined completes the wave's minimum sample.

    The rollout is that of the revision in force, which has begun the waves of earlier revisions anew.
    """
    wave = wave_of(in_force.definition, opening)
    if wave is None or wave.minimum_sample is None:
        return
    joined = await rollouts.count_in_turn(connection, opening.program, opening.wave, at)
    if joined.all == wave.minimum_sample:
        await outbox.put(connection, [ids.rollout(opening.program, in_force.number)])


def wave_of(definition: Definition, opening: WaveOpening) -> Wave | None:
    """Return the opened wave; None if the definition no longer has it."""
    return next((wave for wave in definition.waves if wave.id == opening.wave), None)


async def _check_open(
    connection: AsyncConnection, program: ProgramRecord, definition: Definition, opening: WaveOpening, at: datetime
) -> None:
    """Raise why nobody new joins by this wave just now."""
    if (closed := closed_for(program, "waves", at)) is not None:
        raise NotAdmitted(*_CLOSED[closed.reason])
    if (pace := await exhausted_pace(connection, definition, opening, at, in_turn=True)) is not None:
        raise NotAdmitted(WaveFull, f"{pace.count} have joined by the wave {opening.wave} in {pace.every}, and no more may.")
