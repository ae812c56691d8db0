"""Enrolment: the request to join, and all its refusals before a workflow begins.

The applicant's `attributes` are compared with the definition's conditions here and go no further: they are not stored, no
workflow gets them, and only a hash of the request is kept, by which a repetition is recognised.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.definition import words
from domain.definition.conditions import UnratableEvent
from domain.definition.document import Definition
from domain.definition.values import Amount, AttributeValue
from domain.errors_input import InvalidRequest
from domain.ids import Name, ParticipantId
from domain.members import enrolment as rules
from domain.members.errors import (
    AgreementDiffers,
    AttributesNotAsked,
    FeeDiffers,
    HeldOut,
    MemberGone,
    MemberUnknown,
    NotInvited,
    NotInWave,
    RequirementNotMet,
    WaveFull,
)
from domain.model import CAN_BE_KEPT, Value
from domain.rollout.openings import WaveOpening
from domain.rollout.waves import Refusal, is_held_out
from services.members.admission import exhausted_pace, wave_for, wave_of
from services.programs.availability import require_open
from store.acceptance import pilots
from store.members import members
from store.programs import programs
from store.programs.programs import ProgramRecord
from store.rollout import holdout, invitations

_ATTRIBUTES = 50


class EnrolmentIn(Value):
    """The participant who joins (a reference, never a name), and the agreement's version and the fee that they accepted.

    `attributes` are those that the definition's `joining.requires` names; they are compared, and not stored.
    """

    participant: ParticipantId
    agreement: Annotated[str, Field(min_length=1, max_length=200), CAN_BE_KEPT]
    fee: Amount = Decimal(0)
    attributes: Annotated[dict[Name, AttributeValue], Field(max_length=_ATTRIBUTES)] = {}


async def check_enrolment(engine: AsyncEngine, program: str, enrolment: EnrolmentIn) -> None:
    """Raise the reason why a participant cannot join now; a member who has joined already passes unchecked.

    A participant in the holdout must pass all other checks, and is then recorded as held out: members are compared with them.
    The member's own workflow repeats the checks whose result may change: the program's availability and the invitation.
    """
    # The order of the refusals: membership that has ended, the program's time, its holds, the agreement, the invitation, the
    # wave and its pace (not for a pilot's participants), the attributes, the fee, and last the holdout.
    now = datetime.now(UTC)
    async with engine.connect() as connection:
        record = await programs.find(connection, program)
        in_force = await programs.in_force_at(connection, program, now)
        piloted = record.launched_at is None and await pilots.admits(connection, program, enrolment.participant, now)
        invited = await invitations.is_invited(connection, program, enrolment.participant)
        try:
            if (await members.find(connection, program, enrolment.participant)).status == "active":
                return
            raise MemberGone(enrolment.participant)
        except MemberUnknown:
            pass
        found = None
        if in_force is not None:
            # The holdout is never invited; if a wave invites at a rate, a participant in the holdout counts as invited.
            asked = invited or is_held_out(in_force.definition, record.salt, enrolment.participant)
            found = await wave_for(connection, record, in_force.definition, enrolment.participant, invited=asked)
    require_open(record, "enrolment", now, in_force=in_force is not None, piloted=piloted)
    assert in_force is not None
    definition = in_force.definition
    if enrolment.agreement != definition.agreement.version:
        raise AgreementDiffers(enrolment.agreement, definition.agreement.version)
    if definition.joining.invitation_only and not invited:
        raise NotInvited(enrolment.participant)
    held_out = not piloted and is_held_out(definition, record.salt, enrolment.participant)
    if not piloted:
        _check_wave(record, enrolment.participant, found, now)
        if isinstance(found, WaveOpening):
            await _check_pace(engine, definition, found, now)
    _check_attributes(definition, enrolment)
    if enrolment.fee != rules.fee(definition.joining):
        raise FeeDiffers(words.money(definition, enrolment.fee), words.money(definition, rules.fee(definition.joining)))
    if held_out:
        async with engine.begin() as connection:
            await holdout.hold_out(connection, program, enrolment.participant, now)
        raise HeldOut(enrolment.participant)


def _check_wave(record: ProgramRecord, participant: str, found: WaveOpening | Refusal | None, now: datetime) -> None:
    """Raise why no wave lets somebody in, now or at all: NotInWave, NotInvited, RolloutStopped, RolloutPaused."""
    require_open(record, "waves", now)
    if found is NotInvited:
        raise NotInvited(participant)
    if not isinstance(found, WaveOpening):
        raise NotInWave(participant)


async def _check_pace(engine: AsyncEngine, definition: Definition, opening: WaveOpening, now: datetime) -> None:
    """Raise WaveFull if the wave has reached its number of enrolments in the time."""
    wave = wave_of(definition, opening)
    if wave is None or wave.enrolment is None:
        return  # most waves have no pace, and need no connection here
    async with engine.connect() as connection:
        pace = await exhausted_pace(connection, definition, opening, now, in_turn=False)
    if pace is not None:
        raise WaveFull(opening.wave, pace.count, str(pace.every))


def _check_attributes(definition: Definition, enrolment: EnrolmentIn) -> None:
    """Raise AttributesNotAsked, InvalidRequest or RequirementNotMet; none of them contains a value."""
    asked = definition.joining.requires
    if strange := rules.not_asked(definition.joining, enrolment.attributes):
        raise AttributesNotAsked(strange, sorted({condition.attribute for condition in asked}))
    try:
        unmet = rules.unmet(definition.joining, enrolment.attributes)
    except UnratableEvent as error:
        raise InvalidRequest([{"field": error.field, "problem": "this is compared as a number; give one"}]) from error
    if unmet:
        raise RequirementNotMet([each.attribute for each in unmet], words.listed(map(words.condition, unmet)))
