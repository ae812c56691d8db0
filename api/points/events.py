"""Events: what members did, posted one by one or in batches; each is rated by the revision in force and paid once."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.errors import ZoneMissing
from api.http.errors_idempotency import KeyTwice
from api.http.errors_server import Internal
from api.http.idempotency import Key
from api.http.openapi import raises, together
from api.http.rate_limits import Rates, rates_of
from api.points import event_batch
from api.points.event_batch import KeyedEvent, NotTaken
from api.points.transactions import MOVED, TransactionOut, first_answer, own_key, posted, refusal, to_response
from domain import ids
from domain.errors import TenureError
from domain.errors_input import KeyReused
from domain.identity.person import Person
from domain.members.errors import MemberGone, MemberUnknown
from domain.model import Value
from domain.points.errors import BalanceLimit, EarningClosed, EarningStopped, EventTypeUnknown, OutOfTime
from domain.programs.errors_holds import ProgramHalted, ProgramOnHold
from ledger import CapUsage, Earn, KeyConflict, PostingResult, Stale, journal
from ledger.requests import fingerprint_hash
from services.points.earn_requests import seen_under_caps
from services.points.rating import EventIn, capped_rules, rated
from store.members import members
from store.programs import programs

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/programs/{program}", tags=["events"])

_ATTEMPTS = 10
"""How often an event is rated anew because its member earned under the same cap in between."""
_AT_ONCE = 500
"""Events that are posted in one transaction: more bring little, and hold their accounts longer."""

_NOT_EARNED = (
    *(EventTypeUnknown, OutOfTime, ZoneMissing, EarningClosed, EarningStopped, ProgramOnHold, ProgramHalted),
    *(MemberGone, BalanceLimit, Stale),
)
Service = Annotated[Person, Depends(require("serve members"))]
_Outcomes = dict[int, PostingResult | TenureError]
"""What became of the events of a batch, by their places in it."""


class Taken(TransactionOut):
    """An event that is posted, now or before."""

    key: str
    status: Literal["posted", "repeated"]


class BatchOut(Value):
    """How many events were posted, repeated and refused, and the answer to each at its place."""

    posted: int
    repeated: int
    refused: int
    results: Sequence[Taken | NotTaken]


@router.post(
    "/members/{participant}/events",
    status_code=201,
    response_model=TransactionOut,
    responses=together(MOVED, raises(*_NOT_EARNED)),
)
async def post_event(
    program: str, participant: str, event: EventIn, services: WithServices, key: Key, person: Service
) -> JSONResponse:
    """Post an activity of a member; it is rated by the revision in force when it happened, and paid once."""
    ledger_key = ids.event(person.id, key)

    async def post() -> PostingResult:
        async with services.engine.connect() as connection:
            record = await programs.find(connection, program)
            member = await members.find(connection, program, participant)
            revisions = await programs.revisions_in_force(connection, program)
        for _ in range(_ATTEMPTS):
            (seen,) = await seen_under_caps(services.ledger, program, [(participant, capped_rules(member, revisions, event))])
            earn = rated(record, member, revisions, event, key=ledger_key, now=datetime.now(UTC), seen=seen)
            with suppress(Stale):  # the member earned under the same cap in between
                return await services.ledger.earn(earn)
        raise Stale(key)

    with own_key(key):
        answer = await first_answer(
            post, lambda: services.ledger.answered(Earn, program, participant, ledger_key, event.fingerprint)
        )
    return posted(program, participant, answer)


@router.post("/events", response_model=BatchOut, openapi_extra=event_batch.BODY)
async def post_events(
    program: str, request: Request, services: WithServices, person: Service, rates: Annotated[Rates, Depends(rates_of)]
) -> JSONResponse:
    """Post up to 10,000 events of any members, and answer each at its place: `posted`, `repeated`, or `refused` and why.

    The batch itself needs no Idempotency-Key: each event has its own, the same as if it were posted alone. So a batch can be
    sent again, whole or in other parts and mixed with new events, and what was posted before is `repeated` with its first
    answer. No event harms another one. Where the request as a whole fails, some of its events may have been posted: send it
    again.
    """
    found, keys = event_batch.read(await request.body())
    await rates.spend("events", person.id, len(found))
    events = {place: each for place, each in enumerate(found) if isinstance(each, KeyedEvent)}
    outcomes: _Outcomes = {place: each for place, each in enumerate(found) if isinstance(each, TenureError)}
    first = _first_places(events)
    outcomes |= await _post(services, person, program, {place: events[place] for place in first.values()})
    for place, event in events.items():
        if place not in outcomes:
            outcomes[place] = _as_the_first(event, events[first[event.key]], first[event.key], outcomes)
    return event_batch.answered([_result(place, keys[place], outcomes[place]) for place in range(len(found))])


async def _post(services: Services, person: Person, program: str, events: Mapping[int, KeyedEvent]) -> _Outcomes:
    """Post events whose keys differ. What would be refused now and was posted before gets its first answer."""
    now = datetime.now(UTC)
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        revisions = await programs.revisions_in_force(connection, program)
        known = await members.find_many(connection, program, {event.participant for event in events.values()})
    outcomes: _Outcomes = {}

    async def post(part: Sequence[int]) -> None:
        asked: dict[int, Earn] = {}
        capped = _UnderCaps()
        look = [
            (event.participant, capped_rules(known[event.participant], revisions, event) if event.participant in known else ())
            for event in (events[place] for place in part)
        ]
        for place, seen in zip(part, await seen_under_caps(services.ledger, program, look), strict=True):
            event = events[place]
            try:
                if event.participant not in known:
                    raise MemberUnknown(program, event.participant)
                key, member = ids.event(person.id, event.key), known[event.participant]
                earn = rated(
                    record, member, revisions, event, key=key, now=now, seen=capped.with_these(member.participant, seen)
                )
                capped.add(earn)
                asked[place] = earn
            except TenureError as error:
                outcomes[place] = error
            except Exception:
                # A fault of ours that one event brings to light must not keep the others from being posted.
                logger.exception("event %d of a batch for %s", place, program)
                outcomes[place] = Internal()
        outcomes.update(zip(asked, await services.ledger.earn_many(list(asked.values())), strict=True))

    for part in _parts(events):
        waiting: Sequence[int] = part
        for _ in range(_ATTEMPTS):
            await post(waiting)
            waiting = [place for place in waiting if isinstance(outcomes[place], Stale)]
            if not waiting:
                break
    refused = {place: events[place] for place, outcome in outcomes.items() if isinstance(outcome, TenureError)}
    outcomes |= await _answered_before(services, person, program, refused)
    return {
        place: KeyReused(events[place].key) if isinstance(outcome, KeyConflict) else outcome
        for place, outcome in outcomes.items()
    }


class _UnderCaps:
    """What the events of one part give under caps: each is rated as if those before it were posted, which they are by then."""

    def __init__(self) -> None:
        self._given: defaultdict[tuple[str, str], list[tuple[datetime, int]]] = defaultdict(list)

    def add(self, earn: Earn) -> None:
        for seen in earn.seen:
            if not earn.pending and (amount := earn.qualifying.get(seen.counter)):
                self._given[earn.participant, seen.counter].append((earn.effective_at, amount))

    def with_these(self, participant: str, seen: Sequence[CapUsage]) -> list[CapUsage]:
        return [
            each.model_copy(
                update={
                    "amount": each.amount
                    + sum(
                        amount
                        for at, amount in self._given.get((participant, each.counter), ())
                        if each.since < at <= each.until
                    )
                }
            )
            for each in seen
        ]


def _parts(events: Mapping[int, KeyedEvent]) -> Iterator[Sequence[int]]:
    """The places in the order in which they are posted, in parts of one transaction each.

    A member's events go by their time, whatever their order in the batch. The first of each member come before the second:
    so a part has hardly two of the same, and those of the same member are what the ledger can only post one after the other.
    """
    nth: dict[str, int] = defaultdict(int)
    turns: list[tuple[int, str, int]] = []
    for place in sorted(events, key=lambda place: events[place].occurred_at):
        participant = events[place].participant
        turns.append((nth[participant], participant, place))
        nth[participant] += 1
    places = [place for *_, place in sorted(turns)]
    return (places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE))


async def _answered_before(services: Services, person: Person, program: str, events: Mapping[int, KeyedEvent]) -> _Outcomes:
    """The first answers of those events that were posted before; a conflict where their keys are those of others."""
    if not events:
        return {}
    ledger_keys = {place: ids.event(person.id, event.key) for place, event in events.items()}
    async with services.engine.connect() as connection:
        stored = await journal.stored(connection, program, list(ledger_keys.values()))
    outcomes: _Outcomes = {}
    for place, event in events.items():
        row = stored.get(ledger_keys[place])
        if row is not None:
            try:
                outcomes[place] = journal.answer_again(row, fingerprint_hash(Earn, event.participant, event.fingerprint))
            except KeyConflict as conflict:
                outcomes[place] = conflict
    return outcomes


def _first_places(events: Mapping[int, KeyedEvent]) -> dict[str, int]:
    """Where each key comes first."""
    first: dict[str, int] = {}
    for place, event in events.items():
        first.setdefault(event.key, place)
    return first


def _as_the_first(event: KeyedEvent, first: KeyedEvent, place: int, outcomes: _Outcomes) -> PostingResult | TenureError:
    """What becomes of an event whose key came before in the batch: the same as of the first one, if it is the same event."""
    if (event.participant, event.fingerprint) != (first.participant, first.fingerprint):
        return KeyTwice(event.key, place)
    outcome = outcomes[place]
    return outcome.model_copy(update={"duplicate": True}) if isinstance(outcome, PostingResult) else outcome


def _result(place: int, key: str | None, outcome: PostingResult | TenureError) -> dict[str, Any]:
    """What an event is answered, under the key as it came."""
    if isinstance(outcome, PostingResult) and outcome.outcome == "refused":
        outcome = refusal(str(outcome.refusal), str(outcome.detail))
    if isinstance(outcome, TenureError):
        return event_batch.refused(place, key, outcome)
    return {"key": key, "status": "repeated" if outcome.duplicate else "posted", **to_response(outcome)}
