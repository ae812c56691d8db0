"""Any sequence of requests, with old keys replayed: the ledger answers as its reference in plain Python, and reconciles."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.tiers import Watch
from ledger import Answer, Burn, Earn, Forfeit, KeyConflict, Ledger, Reschedule
from ledger.requests import Request
from tests.ledger.asks import CURRENCY, day
from tests.ledger.reference import Outcome, ReferenceLedger

MEMBERS = ("ann", "bob", "cid")
_numbers = count()

_members = some.sampled_from(MEMBERS)
_days = some.integers(0, 20)
_points = some.integers(1, 50)
_lapses = some.none() | some.integers(1, 15)


@some.composite
def _earns(draw: some.DrawFn) -> dict[str, Any]:
    at = draw(_days)
    lapses = draw(_lapses)
    looks_back = draw(some.sampled_from(["no", "no", "clock", "renew", "watch"]))
    watches = (Watch(counter="stars", since=day(3), at_least=60),) if looks_back == "watch" else ()
    return {
        "ask": Earn,
        "participant": draw(_members),
        "effective_at": day(at),
        "points": draw(some.just(0) | _points),
        "expires_at": None if lapses is None else day(at + lapses),
        "qualifying": draw(some.dictionaries(some.sampled_from(["stars", "visits"]), some.integers(0, 40), max_size=2)),
        "clock_stands_within": timedelta(days=4) if looks_back == "clock" else None,
        "renew_lots": looks_back == "renew",
        "activity": draw(some.booleans()),
        "watches": watches,
        "nudge_on_watch": "on watch" if watches else None,
        "nudge": draw(some.sampled_from([(), (), ("always",)])),
    }


_others = some.one_of(
    some.fixed_dictionaries(
        {"ask": some.just(Burn), "participant": _members, "effective_at": _days.map(day), "points": _points}
    ),
    some.fixed_dictionaries({"ask": some.just(Forfeit), "participant": _members, "effective_at": _days.map(day)}),
    some.fixed_dictionaries(
        {
            "ask": some.just(Reschedule),
            "participant": _members,
            "effective_at": _days.map(day),
            "expires_at": some.none() | _days.map(day),
        }
    ),
)
_keys = some.integers(0, 25).map("k{}".format)
_one = some.tuples(some.just("ask"), _keys, some.one_of(_earns(), _earns(), _others))
_step = some.one_of(
    _one,
    _one,
    some.tuples(some.just("again"), some.integers(0, 30)),
    some.tuples(some.just("batch"), some.lists(some.tuples(_keys, _earns()), max_size=6)),
    some.tuples(some.just("sweep"), _days.map(day)),
    some.tuples(some.just("stop"), _days.map(day)),
    some.tuples(some.just("end"), _days.map(day)),
)


class _Both:
    """The ledger and its reference, asked the same."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine, self.ledger, self.reference = engine, Ledger(engine), ReferenceLedger()
        self.number = next(_numbers)
        self.program = f"program-{self.number}"
        self.asked: list[Request] = []

    async def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case "ask", key, what:
                await self._ask(self._request(key, what))
            case "again", place if self.asked:
                await self._ask(self.asked[place % len(self.asked)])
            case "batch", asked:
                await self._batch([self._request(key, what) for key, what in asked])
            case "sweep", at:
                assert await self.ledger.expire_due(self.program, at) == self.reference.expire_due(at)
            case "stop", at:
                key = f"stop/{len(self.asked)}/{next(_numbers)}"
                assert await self.ledger.stop_expiry(self.program, key, at) == self.reference.stop_expiry(at)
            case "end", at:
                key = f"end/{len(self.asked)}/{next(_numbers)}"
                assert await self.ledger.forfeit_remainder(self.program, key, at) == self.reference.forfeit_remainder(at)

    def _request(self, key: str, what: dict[str, Any]) -> Any:
        fields = {"program": self.program, "currency": CURRENCY, "key": key} | what
        # Nudges carry the program's number, since all examples share one outbox.
        nudge = tuple(f"{self.number} {each}" for each in fields.get("nudge", ()))
        on_watch = fields.get("nudge_on_watch") and f"{self.number} {fields['nudge_on_watch']}"
        if what["ask"] is Earn:
            fields |= {"nudge": nudge, "nudge_on_watch": on_watch}
        return fields.pop("ask")(**fields)

    async def _ask(self, request: Request) -> None:
        self.asked.append(request)
        expected, before = self.reference.ask(request)
        found: Outcome
        try:
            match request:
                case Earn():
                    answer = await self.ledger.earn(request)
                case Burn():
                    answer = await self.ledger.burn(request)
                case Forfeit():
                    answer = await self.ledger.forfeit(request)
                case Reschedule():
                    answer = await self.ledger.reschedule(request)
        except KeyConflict as conflict:
            found, duplicate = conflict.code, False
        else:
            found, duplicate = (answer.outcome, answer.points, answer.balance), answer.duplicate
        assert (found, duplicate) == (expected, before)

    async def _batch(self, requests: list[Earn]) -> None:
        self.asked += requests
        self.reference.ask_many(requests)
        for request, answer in zip(requests, await self.ledger.earn_many(requests), strict=True):
            request_hash, expected = self.reference.answers[request.key]
            if isinstance(answer, Answer):
                assert ((answer.outcome, answer.points, answer.balance), request.hash()) == (expected, request_hash)
            else:
                assert isinstance(answer, KeyConflict)
                assert request.hash() != request_hash

    async def compare(self) -> None:
        for member in MEMBERS:
            found = await self.ledger.balance(self.program, member, CURRENCY)
            known = self.reference.accounts.get(member)
            assert found.posted == (known.balance if known else 0)
            assert found.last_activity_at == (known.last_activity_at if known else None)
            expected = [(lot.remaining, lot.expires_at) for lot in known.in_turn()] if known else []
            assert [(lot.remaining, lot.expires_at) for lot in found.lots] == expected

    async def reconcile(self) -> None:
        report = await self.ledger.check(self.program)
        assert report.clean, report.drifts
        figures = next(iter(await self.ledger.totals(self.program)), None)
        if figures is not None:
            mine = self.reference
            assert (figures.issued, figures.burned, figures.expired, figures.forfeited) == (
                mine.issued,
                mine.burned,
                mine.expired,
                mine.forfeited,
            )
            assert figures.issued == figures.outstanding + figures.burned + figures.expired + figures.forfeited
        async with self.engine.connect() as connection:
            mine_only = "SELECT DISTINCT workflow_id FROM ledger.outbox WHERE workflow_id LIKE :mine"
            nudged = set(await connection.scalars(text(mine_only), {"mine": f"{self.number} %"}))
        assert nudged == self.reference.nudged


async def _play(engine: AsyncEngine, steps: list[tuple[Any, ...]]) -> None:
    both = _Both(engine)
    for step in steps:
        await both.step(step)
        await both.compare()
    await both.reconcile()


_NO_DEADLINE: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@settings(max_examples=60, derandomize=True, phases=[Phase.generate, Phase.shrink], **_NO_DEADLINE)
@given(steps=some.lists(_step, min_size=5, max_size=25))
async def test_any_sequence_of_requests_is_answered_as_by_the_reference(
    engine: AsyncEngine, steps: list[tuple[Any, ...]]
) -> None:
    await _play(engine, steps)


@pytest.mark.long
@settings(max_examples=500, phases=[Phase.generate, Phase.shrink], **_NO_DEADLINE)
@given(steps=some.lists(_step, min_size=20, max_size=80))
async def test_a_long_sequence_of_requests_is_answered_as_by_the_reference(
    engine: AsyncEngine, steps: list[tuple[Any, ...]]
) -> None:
    await _play(engine, steps)
