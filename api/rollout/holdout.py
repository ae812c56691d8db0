"""The holdout: who would have joined and is held out, and what they buy, as do those who have left; none of it earns."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.authorization import require
from api.http.dependencies import WithServices
from api.http.openapi import raises
from api.http.pagination import Page, Paged
from api.http.rate_limits import Rates, rates_of
from api.points import event_batch
from api.points.event_batch import KeyedEvent, NotTaken
from domain import ids
from domain.errors import TenureError
from domain.errors_input import InvalidRequest, KeyReused
from domain.identity.person import Person
from domain.members.errors import MemberThen, NotCompared
from domain.model import Value
from domain.money import smallest_units
from domain.programs.errors import NoHoldout
from services.points.rating import check_clock, taken_by
from store.members import members
from store.members.members import MemberRecord
from store.programs import programs
from store.programs.programs import ProgramRecord, RevisionsInForce
from store.rollout import holdout
from store.rollout.holdout import ControlPurchase, HeldOut

router = APIRouter(prefix="/programs/{program}", tags=["holdout"])

Service = Annotated[Person, Depends(require("serve members"))]
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Kept(Value):
    """An event that is kept, now or before."""

    key: str
    status: Literal["posted", "repeated"]


class KeptBatch(Value):
    """How many events were posted, repeated and refused, and the answer to each at its place."""

    posted: int
    repeated: int
    refused: int
    results: Sequence[Kept | NotTaken]


@router.get("/held-out", dependencies=[Depends(require("read members"))])
async def list_held_out(program: str, services: WithServices, paged: Paged) -> Page[HeldOut]:
    """Who would have joined and is held out, by reference, and since when: what they buy from then on is compared."""
    (after,) = paged.after(str) or ("",)
    async with services.engine.connect() as connection:
        await programs.find(connection, program)
        found = await holdout.held_out_after(connection, program, after, paged.one_more)
    return paged.page(found, lambda each: (each.participant,))


@router.post("/outside-events", response_model=KeptBatch, openapi_extra=event_batch.BODY, responses=raises(NoHoldout))
async def post_outside_events(
    program: str, request: Request, services: WithServices, person: Service, rates: Annotated[Rates, Depends(rates_of)]
) -> JSONResponse:
    """Post up to 10,000 events of people who are held out or have left, and answer each at its place.

    The figures against the holdout need them: what those buy who would have joined, from when they were refused as held out,
    and what members buy after they left. Of each are kept the participant, the instant and the amount; nothing is earned. Keys
    are as those of members' events: the batch can be sent again, whole or in parts.
    """
    found, keys = event_batch.read(await request.body())
    await rates.spend("events", person.id, len(found))
    events = {place: each for place, each in enumerate(found) if isinstance(each, KeyedEvent)}
    outcomes: dict[int, ControlPurchase | TenureError] = {
        place: each for place, each in enumerate(found) if isinstance(each, TenureError)
    }
    kept_as = {place: ids.event(person.id, event.key) for place, event in events.items()}
    async with services.engine.begin() as connection:
        check = await _context(connection, program, {event.participant for event in events.values()})
        for place, event in events.items():
            try:
                outcomes[place] = check.at(event, kept_as[place])
            except TenureError as error:
                outcomes[place] = error
        taken = [each for each in outcomes.values() if isinstance(each, ControlPurchase)]
        new = set(await holdout.keep(connection, program, taken))
        stored = await holdout.stored(connection, program, list(kept_as.values()))
    results: dict[int, dict[str, Any]] = {}
    for place, event in events.items():
        # What would be refused now and was posted before gets its first answer.
        if (kept := stored.get(kept_as[place])) is None:
            continue
        if kept.fingerprint == holdout.fingerprint(event.participant, event.fingerprint):
            status = "posted" if kept.key in new else "repeated"
            new.discard(kept.key)
            results[place] = {"key": event.key, "status": status}
        else:
            outcomes[place] = KeyReused(event.key)
    for place, outcome in outcomes.items():
        if isinstance(outcome, TenureError):
            results.setdefault(place, event_batch.refused(place, keys[place], outcome))
    return event_batch.answered([results[place] for place in range(len(found))])


class _Context(NamedTuple):
    """What an event is looked at by: the program, its revisions, and who of the participants is held out, or was a member."""

    program: ProgramRecord
    revisions: RevisionsInForce
    held_out: Mapping[str, datetime]
    members: Mapping[str, MemberRecord]
    now: datetime

    def at(self, event: KeyedEvent, key: str) -> ControlPurchase:
        """What is kept of an event, under its key. Raises why it cannot be posted: as a member's, MemberThen, NotCompared."""
        check_clock(event.occurred_at, self.now)
        member = self.members.get(event.participant)
        if member is not None and member.joined_at <= event.occurred_at < (member.left_at or _FOR_EVER):
            raise MemberThen(event.participant)
        outside_since = self.held_out.get(event.participant) or (member.left_at if member is not None else None)
        if outside_since is None or event.occurred_at < outside_since:
            raise NotCompared(event.participant, outside_since)
        definition = taken_by(self.program, self.revisions, event, self.now).definition
        try:
            smallest_units(definition.money, event.amount)
        except ValueError as error:
            raise InvalidRequest([{"field": "amount", "problem": str(error)}]) from error
        return ControlPurchase(
            key=key,
            participant=event.participant,
            occurred_at=event.occurred_at,
            amount=event.amount,
            fingerprint=holdout.fingerprint(event.participant, event.fingerprint),
        )


async def _context(connection: AsyncConnection, program: str, participants: Collection[str]) -> _Context:
    """Read what events of these participants are looked at by. Raises NoHoldout for a program that has none."""
    check = _Context(
        await programs.find(connection, program),
        await programs.revisions_in_force(connection, program),
        await holdout.held_out_since(connection, program, participants),
        await members.find_many(connection, program, participants),
        datetime.now(UTC),
    )
    latest = check.revisions.at(check.now)
    if latest is not None and latest.definition.holdout is None:
        raise NoHoldout(program)
    return check
