"""The inbox of who asks: what waits for them, what waits for them as a delegate, what they have decided. It only shows."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from api.auth.authorization import Caller, require
from api.http.dependencies import WithServices
from api.http.pagination import Page, Paged
from api.http.read_retry import RetryReadRoute
from domain.gates.inbox import Way, ways
from domain.gates.state import GateState, SubjectKind
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.model import Value
from store.gates import delegations, gates, inbox
from store.gates.inbox import Decided

router = APIRouter(prefix="/inbox", tags=["gates"], route_class=RetryReadRoute)

Decider = Annotated[Person, Depends(require("decide at a gate"))]
_LATEST = 20
"""How many of one's decisions the inbox shows; the rest is in its pages."""


class Waiting(Value):
    """A gate that waits for the one who asks: what it is about, whom it waits for, and what an approval would count for."""

    gate: str
    program: str
    kind: SubjectKind
    title: str
    digest: str
    opened_at: datetime
    due: datetime
    step: int
    steps: int
    waits_for: dict[Role, int]
    way: Way


class Counts(Value):
    """How many gates wait, how many of them for somebody who has delegated, and how much was ever decided."""

    waiting: int
    delegated: int
    decided: int


class Inbox(Value):
    """`waiting` and `delegated` begin with what is due first, `decided` with the latest."""

    waiting: tuple[Waiting, ...]
    delegated: tuple[Waiting, ...]
    decided: tuple[Decided, ...]
    counts: Counts


@router.get("")
async def show_inbox(services: WithServices, person: Decider, principal: Caller) -> Inbox:
    """What waits for me, in my own name and for those who have delegated to me, and what I have decided last.

    Only gates of programs that I may see: a delegate is somebody who has a role there too.
    """
    now = datetime.now(UTC)
    async with services.engine.connect() as connection:
        open_gates = await gates.listed(connection, None, open_only=True)
        lent = await delegations.of(connection, person.id)
        decided = await inbox.decided_by(connection, person.id, limit=_LATEST)
        many = await inbox.count_decided_by(connection, person.id)
    found = [
        _waiting(state, way)
        for state in sorted(open_gates, key=lambda state: (state.due, state.id))
        if principal.sees(state.subject.program)
        for way in ways(state, principal.in_program(state.subject.program), lent, now)
    ]
    mine = tuple(each for each in found if each.way.on_behalf_of is None)
    others = tuple(each for each in found if each.way.on_behalf_of is not None)
    counts = Counts(waiting=len(mine), delegated=len(others), decided=many)
    return Inbox(waiting=mine, delegated=others, decided=tuple(decided), counts=counts)


@router.get("/decided")
async def list_decided(services: WithServices, person: Decider, paged: Paged) -> Page[Decided]:
    """All that I have decided, or somebody for me, the latest first."""
    before = paged.after(datetime, str, int)
    async with services.engine.connect() as connection:
        found = await inbox.decided_by(connection, person.id, before=before, limit=paged.one_more)
    return paged.page(found, lambda decided: decided.place)


def _waiting(state: GateState, way: Way) -> Waiting:
    subject = state.subject
    return Waiting(
        gate=state.id,
        program=subject.program,
        kind=subject.kind,
        title=subject.title,
        digest=subject.digest,
        opened_at=state.opened_at,
        due=state.due,
        step=state.step,
        steps=state.steps,
        waits_for=state.waits_for,
        way=way,
    )
