"""The one way in which people correct, settle and move a member's points: by the definition in force, once for each key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, TypeVar

from fastapi import Depends
from fastapi.responses import JSONResponse
from pydantic import Field, StringConstraints

from api.errors import MemberGone, RedeemingClosed
from api.once import Key
from api.people import Action, may
from api.services import Services, WithServices
from api.transactions import first_answer, own_key, posted
from domain import ids
from domain.definition import Definition
from domain.expiry import lot_expiry
from domain.gates import Person
from domain.model import CAN_BE_KEPT
from ledger import MAX_POINTS, Answer
from ledger.requests import Request
from store import members, programs
from store.members import MemberRecord

CurrencyCode = Annotated[str, StringConstraints(min_length=1, max_length=32), CAN_BE_KEPT]
Points = Annotated[int, Field(ge=1, le=MAX_POINTS, strict=True)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), CAN_BE_KEPT]

Wish = TypeVar("Wish", bound=Request)


class Account(NamedTuple):
    """Whose points it is about, the definition in force, and now; `lapsing` is false once nothing lapses any more."""

    member: MemberRecord
    definition: Definition
    now: datetime
    lapsing: bool

    def expiry(self) -> datetime | None:
        """When points that are given now lapse."""
        return lot_expiry(self.definition, self.member.tier, self.now) if self.lapsing else None


@dataclass(frozen=True)
class Asked:
    """Who asks for something about a member's points, and under which key."""

    services: Services
    person: Person
    program: str
    participant: str
    key: str

    @property
    def ledger_key(self) -> str:
        return ids.correction(self.person.id, self.key)

    def common(self, account: Account, currency: str, said: str) -> dict[str, Any]:
        """What every request to the ledger says; `said` is all that tells it from another one under the same key."""
        return {
            "program": self.program,
            "participant": self.participant,
            "currency": currency,
            "key": self.ledger_key,
            "fingerprint": said,
            "effective_at": account.now,
        }

    async def account(self) -> Account:
        """The member's account as of now. Raises MemberGone, RedeemingClosed."""
        now = datetime.now(UTC)
        async with self.services.engine.connect() as connection:
            record = await programs.find(connection, self.program)
            member = await members.find(connection, self.program, self.participant)
            definition = await programs.definition(connection, self.program, record.revision_in_force or 1)
        if member.status != "active":
            raise MemberGone(self.participant)
        if record.redeeming_until is not None and now >= record.redeeming_until:
            raise RedeemingClosed(self.program)
        lapsing = record.earning_until is None or now < record.earning_until
        return Account(member, definition, now, lapsing)

    async def settled(
        self,
        kind: type[Wish],
        said: str,
        wish: Callable[[Account], Awaitable[Wish]],
        post: Callable[[Wish], Awaitable[Answer]],
        *,
        of: tuple[str, int] | None = None,
    ) -> JSONResponse:
        """Post what the wish comes to, once for its key; `of` are the key and the number of the transaction it is about."""

        async def ask() -> Answer:
            return await post(await wish(await self.account()))

        async def before() -> Answer | None:
            return await self.services.ledger.answered(kind, self.program, self.participant, self.ledger_key, said)

        with own_key(self.key):
            answer = await first_answer(ask, before)
        if of is not None and answer.detail is not None:
            # The ledger names a transaction by its key, which nobody outside has seen.
            answer = answer.model_copy(update={"detail": answer.detail.replace(repr(of[0]), f"number {of[1]}")})
        return posted(self.program, self.participant, answer)


def asks(action: Action) -> Any:
    """A dependency: what somebody who may do this asks for."""

    async def asked(
        program: str, participant: str, services: WithServices, key: Key, person: Annotated[Person, Depends(may(action))]
    ) -> Asked:
        return Asked(services, person, program, participant, key)

    return Depends(asked)
