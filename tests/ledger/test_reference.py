"""Any sequence of requests, with old keys replayed: the ledger answers as its reference in plain Python, and reconciles."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count, product
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.members.tiers import Watch
from ledger import (
    Adjust,
    Burn,
    Cancel,
    Capture,
    Confirm,
    Convert,
    Earn,
    Forfeit,
    Hold,
    KeyConflict,
    Ledger,
    PostingResult,
    Reinstate,
    Reschedule,
    Reverse,
    Transfer,
    Void,
)
from ledger.requests import Request
from tests.ledger.reference import Account, Outcome, ReferenceLedger
from tests.ledger.requests import CURRENCY, day

MEMBERS = ("ann", "bob", "cid")
GEM = "GEM"
_numbers = count()


def _currency(random: Random) -> str:
    return random.choice([CURRENCY, CURRENCY, CURRENCY, GEM])


def _later(random: Random, at: int, days: int) -> datetime | None:
    return day(at + random.randint(1, days)) if random.random() < 0.7 else None


def _an_earn(random: Random, about: int) -> dict[str, Any]:
    at = about + random.randint(-3, 3)
    looks_back = random.choice(["no", "no", "clock", "renew", "watch"])
    watches = (Watch(counter="stars", since=day(3), at_least=60),) if looks_back == "watch" else ()
    return {
        "ask": Earn,
        "participant": random.choice(MEMBERS),
        "currency": _currency(random),
        "effective_at": day(at),
        "points": 0 if random.random() < 0.2 else random.randint(1, 80),
        "expires_at": _later(random, at, 20),
        "qualifying": {name: random.randint(0, 40) for name in random.sample(["stars", "visits"], random.randint(0, 2))},
        "clock_stands_within": timedelta(days=4) if looks_back == "clock" else None,
        "renew_lots": looks_back == "renew",
        "activity": random.random() < 0.7,
        "pending": random.random() < 0.25,
        "watches": watches,
        "nudge_on_watch": "on watch" if watches else None,
        "nudge": random.choice([(), (), ("always",)]),
    }


def _another(random: Random, about: int) -> dict[str, Any]:
    """Any other request. Those that follow up an earlier one name it by its place among those of its kind."""
    at, points = about + random.randint(-3, 3), random.randint(1, 40)
    some_points = random.choice([None, random.randint(1, 10), points])
    ask = random.choice(_OTHERS)
    more: dict[str, Any] = {}
    if ask is Burn:
        more = {"points": points}
    elif ask is Reschedule:
        more = {"expires_at": _later(random, at - 3, 15)}
    elif ask is Hold:
        more = {"points": random.randint(1, 25), "expires_at": day(at + random.randint(1, 8))}
    elif ask is Capture:
        more = {"follows": "hold", "points": some_points}
    elif ask is Void:
        more = {"follows": "hold"}
    elif ask is Confirm:
        more = {"follows": "earn", "expires_at": _later(random, at, 10)}
    elif ask is Cancel:
        more = {"follows": "earn"}
    elif ask is Reverse:
        more = {
            "follows": "of",
            "points": some_points,
            "shortfall": random.choice(["refuse", "other_lots", "negative", "negative", "negative", "loss"]),
            "lowest_allowed": random.choice([0, -20, -1000]),
            "reinstate_until": _later(random, at, 10),
        }
    elif ask is Reinstate:
        more = {"since": day(at - random.randint(0, 10)), "expires_at": _later(random, at, 10)}
    elif ask is Transfer:
        more = {"points": points, "to_participant": random.choice(MEMBERS)}
    elif ask is Convert:
        more = {"rate": random.choice(["0.01", "0.3333", "2.5"]), "points": points, "expires_at": _later(random, at, 10)}
    elif ask is Adjust:
        more = {
            "points": points * random.choice([1, 1, -1]),
            "reason": "a complaint",
            "author": "service/7",
            "expires_at": _later(random, at, 10),
        }
    return {
        "ask": ask,
        "participant": random.choice(MEMBERS),
        "currency": _currency(random),
        "effective_at": day(at),
        "place": random.randrange(30),
        "stranger": random.random() < 0.1,
    } | more


_OTHERS: list[type[Request]] = [
    *[Burn] * 6, Forfeit, Reschedule, *[Hold] * 6, *[Capture] * 4, *[Void] * 2, *[Confirm] * 4, Cancel, *[Reverse] * 12,
    *[Reinstate] * 3, *[Transfer] * 3, *[Convert] * 2, *[Adjust] * 2,
]  # fmt: skip
_FOLLOWED: dict[type[Request], tuple[type[Request], ...]] = {
    Capture: (Hold,),
    Void: (Hold,),
    Confirm: (Earn,),
    Cancel: (Earn,),
    Reverse: (Earn, Burn, Capture, Confirm, Earn, Burn, Capture, Reverse, Transfer),
}
Step = tuple[Any, ...]


def _a_step(random: Random, number: int, about: int) -> Step:
    """Mostly a new request of about that day; sometimes one whose key is taken, an old one again, a batch, or a sweep."""
    what = random.choices(
        ["earn", "other", "again", "batch", "sweep", "time out", "stop", "end"], [35, 55, 6, 4, 2, 2, 0.3, 0.3]
    )[0]
    key = f"k{number if random.random() < 0.95 else random.randint(0, number)}"
    match what:
        case "earn":
            return ("ask", key, _an_earn(random, about))
        case "other":
            return ("ask", key, _another(random, about))
        case "again":
            return (what, random.randrange(60))
        case "batch":
            batch = [(f"{key}/{random.randrange(5)}", _an_earn(random, about)) for _ in range(random.randrange(7))]
            return (what, batch)
        case _:
            return (what, day(about + random.randint(-3, 3)))


class _Both:
    """The ledger and its reference, asked the same."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine, self.ledger, self.reference = engine, Ledger(engine), ReferenceLedger()
        self.number = next(_numbers)
        self.program = f"program-{self.number}"
        self.asked: list[Request] = []

    async def step(self, step: Step) -> None:
        match step:
            case "ask", key, what:
                await self._ask(self._request(key, what))
            case "again", place if self.asked:
                await self._ask(self.asked[place % len(self.asked)])
            case "batch", asked:
                await self._batch([self._request(key, what) for key, what in asked])
            case "sweep", at:
                assert await self.ledger.expire_due(self.program, at) == self.reference.expire_due(at)
            case "time out", at:
                assert await self.ledger.expire_holds(self.program, at) == self.reference.expire_holds(at)
            case "stop", at:
                key = f"stop/{len(self.asked)}/{next(_numbers)}"
                assert await self.ledger.stop_expiry(self.program, key, at) == self.reference.stop_expiry(at)
            case "end", at:
                key = f"end/{len(self.asked)}/{next(_numbers)}"
                assert await self.ledger.forfeit_remainder(self.program, key, at) == self.reference.forfeit_remainder(at)

    def _request(self, key: str, what: dict[str, Any]) -> Any:
        fields = {"program": self.program, "key": key} | what
        place, stranger, follows = fields.pop("place", 0), fields.pop("stranger", False), fields.pop("follows", None)
        if what["ask"] is Transfer and fields["to_participant"] == fields["participant"]:
            fields["to_participant"] = MEMBERS[MEMBERS.index(fields["participant"]) - 1]
        if what["ask"] is Convert:
            fields["to_currency"] = GEM if fields["currency"] == CURRENCY else CURRENCY
        if follows is not None:
            kinds = _FOLLOWED[what["ask"]]
            kind = kinds[place % len(kinds)]
            if not any(isinstance(each, kind) for each in self.asked):
                kind = kinds[0]
            earlier = [each for each in self.asked if isinstance(each, kind) and (follows != "earn" or each.pending)]
            # Mostly one that was posted, now and then one that was refused.
            earlier = [each for each in earlier if each.key in self.reference.done or not place % 7] or earlier
            fields[follows] = "nothing"
            if earlier:
                followed = earlier[-1 - place % len(earlier)]
                fields[follows] = followed.key
                # Now and then somebody names the transaction of another one.
                if not stranger:
                    fields |= {"participant": followed.participant, "currency": followed.currency}
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
            answer = await self._answer(request)
        except KeyConflict as conflict:
            found, duplicate = conflict.code, False
        else:
            found, duplicate = (answer.outcome, answer.refusal, answer.points, answer.balance), answer.duplicate
        assert (found, duplicate) == (expected, before)

    async def _answer(self, request: Any) -> PostingResult:
        answer: PostingResult = await getattr(self.ledger, type(request).__name__.lower())(request)
        return answer

    async def _batch(self, requests: list[Earn]) -> None:
        self.asked += requests
        self.reference.ask_many(requests)
        for request, answer in zip(requests, await self.ledger.earn_many(requests), strict=True):
            request_hash, expected = self.reference.answers[request.key]
            if isinstance(answer, PostingResult):
                assert ((answer.outcome, answer.refusal, answer.points, answer.balance), request.hash()) == (
                    expected,
                    request_hash,
                )
            else:
                assert isinstance(answer, KeyConflict)
                assert request.hash() != request_hash

    async def compare(self, members: Iterable[str]) -> None:
        for member, currency in product(members, (CURRENCY, GEM)):
            found = await self.ledger.balance(self.program, member, currency)
            known = self.reference.accounts.get((member, currency)) or Account(currency)
            assert found.posted == known.balance
            assert (found.held, found.available) == (known.held, known.balance - known.held)
            assert (found.pending, found.owed) == (known.pending, known.debt)
            assert found.last_activity_at == known.last_activity_at
            expected = [(lot.remaining, lot.earned_at, lot.expires_at) for lot in known.in_turn()]
            assert [(lot.remaining, lot.earned_at, lot.expires_at) for lot in found.lots] == expected

    async def reconcile(self) -> None:
        report = await self.ledger.check(self.program)
        assert report.clean, report.drifts
        for figures in await self.ledger.totals(self.program):
            details = figures.model_dump(exclude={"currency", "outstanding"})
            assert {name: points for name, points in details.items() if points} == {
                name: points for name, points in self.reference.figures[figures.currency].items() if points
            }
            came = figures.issued + figures.adjusted + figures.lost
            went = figures.burned + figures.expired + figures.forfeited + figures.clawed_back + figures.converted
            assert came == figures.outstanding + went
        for member in MEMBERS:
            counted = await self.ledger.counters(self.program, member, day(-1), day(99))
            assert {counter: amount for counter, amount in counted.items() if amount} == self.reference.counters(member)
        async with self.engine.connect() as connection:
            mine_only = "SELECT DISTINCT workflow_id FROM ledger.outbox WHERE workflow_id LIKE :mine"
            nudged = set(await connection.scalars(text(mine_only), {"mine": f"{self.number} %"}))
        assert nudged == self.reference.nudged


async def _play(engine: AsyncEngine, steps: list[Step]) -> None:
    both = _Both(engine)
    for step in steps:
        await both.step(step)
        await both.compare(_touched(step))
    await both.compare(MEMBERS)
    await both.reconcile()


def _touched(step: Step) -> Iterable[str]:
    """Whom a step can concern."""
    if step[0] != "ask" or step[2]["ask"] in {Transfer, *_FOLLOWED}:
        return MEMBERS
    return (step[2]["participant"],)


async def _shortest(engine: AsyncEngine, steps: list[Step], failure: type[Exception]) -> list[Step]:
    """The steps without those that such a failure does not need."""
    for place in reversed(range(len(steps))):
        fewer = steps[:place] + steps[place + 1 :]
        try:
            await _play(engine, fewer)
        except failure:
            steps = fewer
    return steps


async def _play_from(engine: AsyncEngine, seed: int, length: int) -> None:
    random = Random(seed)
    steps = [_a_step(random, number, 3 + 20 * number // length) for number in range(length)]
    try:
        await _play(engine, steps)
    except Exception as failure:
        failure.add_note(f"seed {seed}; the steps that it takes:")
        for step in await _shortest(engine, steps, type(failure)):
            failure.add_note(f"  {step}")
        raise


@pytest.mark.parametrize("seed", range(16))
async def test_any_sequence_of_requests_is_answered_as_by_the_reference(engine: AsyncEngine, seed: int) -> None:
    await _play_from(engine, seed, 80)


@pytest.mark.long
async def test_a_long_sequence_of_requests_is_answered_as_by_the_reference(engine: AsyncEngine) -> None:
    for seed in range(1000, 1100):
        await _play_from(engine, seed, 300)
