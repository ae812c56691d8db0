"""Who asks for something to be done with a member's points, where the member stands, and the ledger's one answer to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends
from pydantic import Field

from api.auth.authorization import Action, require
from api.http.dependencies import Services, WithServices
from api.http.idempotency import Key
from api.points.transactions import first_answer, own_key
from domain import ids
from domain.definition.document import Definition
from domain.identity.person import Person
from domain.members.errors import MemberGone
from domain.model import CAN_BE_KEPT
from domain.points import expiry
from ledger import MAX_POINTS, PostingResult
from ledger.requests import Request
from services.programs.availability import require_open
from store.members import members
from store.members.members import MemberRecord
from store.programs import programs
from store.programs.programs import ProgramRecord

Points = Annotated[int, Field(ge=1, le=MAX_POINTS, strict=True)]
Currency = Annotated[str, Field(max_length=200), CAN_BE_KEPT]
"""The code of a currency as it was sent; the definition says whether there is one."""


@dataclass(frozen=True)
class MemberRequest:
    """Who asks for something to be done with whose points, under which key."""

    services: Services
    program: str
    participant: str
    person: Person
    key: str

    @property
    def ledger_key(self) -> str:
        return ids.correction(self.person.id, self.key)


@dataclass(frozen=True)
class MemberContext:
    """An active member of a program, and the definition in force, now."""

    by: MemberRequest
    definition: Definition
    member: MemberRecord
    program: ProgramRecord
    now: datetime

    def request(self, currency: str, said: str, reason: str | None = None) -> dict[str, Any]:
        """What every request to the ledger says; `said` is what the caller sent, `reason` goes to the books with its author."""
        return {
            "program": self.by.program,
            "participant": self.by.participant,
            "currency": currency,
            "key": self.by.ledger_key,
            "fingerprint": said,
            "effective_at": self.now,
            "details": {"author": self.by.person.id} | ({"reason": reason} if reason else {}),
        }

    def expiry(self) -> datetime | None:
        """When what the member gets now expires."""
        return expiry.lot_expiry(self.definition, self.member.tier, self.now)

    def check_redeeming(self) -> None:
        """Raise RedeemingClosed in a program that ends, once nothing can be done with points any more; ProgramOnHold or
        ProgramHalted while that is stopped.
        """
        require_open(self.program, "redeeming", self.now)

    def check_late_files(self) -> None:
        """Raise LateFilesClosed in a program that ends, once returns of what was earned no longer count."""
        require_open(self.program, "late_files", self.now)


def member_request(action: Action) -> Callable[..., Awaitable[MemberRequest]]:
    async def found(
        program: str, participant: str, services: WithServices, person: Annotated[Person, Depends(require(action))], key: Key
    ) -> MemberRequest:
        return MemberRequest(services, program, participant, person, key)

    return found


async def idempotent_result(
    by: MemberRequest, kind: type[Request], said: str, ask: Callable[[], Awaitable[PostingResult]]
) -> PostingResult:
    """The ledger's answer to what was asked, the first one if it was asked before."""
    ledger = by.services.ledger
    with own_key(by.key):
        return await first_answer(ask, lambda: ledger.answered(kind, by.program, by.participant, by.ledger_key, said))


async def member_context(by: MemberRequest) -> MemberContext:
    """Where the member stands now. Raises MemberGone for who has left, and what is unknown."""
    async with by.services.engine.connect() as connection:
        record = await programs.find(connection, by.program)
        member = await members.find(connection, by.program, by.participant)
        definition = await programs.definition(connection, by.program, record.revision_in_force or 1)
    if member.status != "active":
        raise MemberGone(by.participant)
    return MemberContext(by, definition, member, record, datetime.now(UTC))
