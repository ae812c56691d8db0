"""Who may join: what a person sends who enrols somebody, and everything that can be refused before a workflow begins.

What is known of the applicant (`attributes`) is compared with the definition's conditions here and goes no further: it is not
stored, no workflow gets it, and of the request only a hash is kept, by which its repetition is known.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from api.errors import (
    AgreementDiffers,
    AttributesNotAsked,
    EnrolmentClosed,
    FeeDiffers,
    InvalidRequest,
    MemberGone,
    NotInvited,
    NotInWave,
    RequirementNotMet,
    stopped,
)
from api.services import Services
from domain import definition_words as words
from domain import holds
from domain import joining as rules
from domain.conditions import UnratableEvent
from domain.definition import Amount, AttributeValue, Definition
from domain.ids import Name, ParticipantId
from domain.model import CAN_BE_KEPT, Value
from domain.waves import is_open_to
from store import invitations, members, pilots, programs
from store.errors import MemberUnknown

_ATTRIBUTES = 50


class EnrolmentIn(Value):
    """Who joins (a reference, never a name), and what they accepted: the version of the agreement, and the fee.

    `attributes` are what the definition's `joining.requires` asks for; they are compared, and not kept.
    """

    participant: ParticipantId
    agreement: Annotated[str, Field(min_length=1, max_length=200), CAN_BE_KEPT]
    fee: Amount = Decimal(0)
    attributes: Annotated[dict[Name, AttributeValue], Field(max_length=_ATTRIBUTES)] = {}


async def check_enrolment(services: Services, program: str, enrolment: EnrolmentIn) -> None:
    """Raise the reason why somebody cannot join now. Who is a member already is not asked for anything.

    The member's own workflow checks again what may change meanwhile: whether the program is open to them, and the invitation.
    """
    now = datetime.now(UTC)
    async with services.engine.connect() as connection:
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
    if in_force is None or (record.enrolment_until is not None and now >= record.enrolment_until):
        raise EnrolmentClosed(program)
    if record.launched_at is None and not piloted:
        raise EnrolmentClosed(program)
    if (stop := holds.stopping(record.holds, "enrolment", now)) is not None:
        raise stopped(stop, program, "enrolment")
    definition = in_force.definition
    if enrolment.agreement != definition.agreement.version:
        raise AgreementDiffers(enrolment.agreement, definition.agreement.version)
    if definition.joining.invitation_only and not invited:
        raise NotInvited(enrolment.participant)
    if not piloted and not is_open_to(record.salt, enrolment.participant, record.open_buckets):
        raise NotInWave(enrolment.participant)
    _check_attributes(definition, enrolment)
    if enrolment.fee != rules.fee(definition.joining):
        raise FeeDiffers(words.money(definition, enrolment.fee), words.money(definition, rules.fee(definition.joining)))


def _check_attributes(definition: Definition, enrolment: EnrolmentIn) -> None:
    """Raise AttributesNotAsked, InvalidRequest or RequirementNotMet; none of them says what a value was."""
    asked = definition.joining.requires
    if strange := rules.not_asked(definition.joining, enrolment.attributes):
        raise AttributesNotAsked(strange, sorted({condition.attribute for condition in asked}))
    try:
        unmet = rules.unmet(definition.joining, enrolment.attributes)
    except UnratableEvent as error:
        raise InvalidRequest([{"field": error.field, "problem": "this is compared as a number; give one"}]) from error
    if unmet:
        raise RequirementNotMet([each.attribute for each in unmet], words.listed(map(words.condition, unmet)))
