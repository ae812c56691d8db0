"""Two or three requests of one member at once, statement by statement in seeded orders: as if one had come after the other."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import Ledger, PostingResult
from ledger.requests import Request
from runtime.database import create_engine
from tests.ledger.interleaving import Interleaving
from tests.ledger.reference import ReferenceLedger
from tests.ledger.requests import (
    CURRENCY,
    a_burn,
    a_capture,
    a_confirm,
    a_hold,
    a_reinstate,
    a_reschedule,
    a_reverse,
    a_transfer,
    a_void,
    an_adjustment,
    an_earn,
    day,
)

Ask = Callable[[], Request]
_BEFORE: Sequence[Request] = (
    an_earn("e1", 30, expires=9),
    an_earn("e2", 30, expires=20),
    an_earn("e3", 10, member="bob"),
    an_earn("e4", 12, pending=True),
    an_earn("e5", 5, expires=1),
    an_earn("e6", 20, member="bob", expires=6),
    a_burn("b0", 10, at=0),
    a_hold("h0", 15, at=0, until=8),
)
_TOGETHER: dict[str, Sequence[Request]] = {
    "burns": (a_burn("b1", 20), a_burn("b2", 20), a_burn("b3", 20)),
    "burns of one who owes nothing": (
        a_burn("b1", 12, member="bob"),
        a_burn("b2", 12, member="bob"),
        a_burn("b2", 12, member="bob"),
        an_earn("e9", 1, member="bob", expires=5),
    ),
    "a burn twice": (a_burn("b1", 20), a_burn("b1", 20), a_burn("b1", 20)),
    "hold and burn": (a_hold("h1", 25), a_burn("b1", 20), a_hold("h2", 10)),
    "capture and void": (a_capture("c1", "h0", 5), a_void("v1", "h0"), a_capture("c2", "h0")),
    "capture and time-out": (a_capture("c1", "h0", at=7), a_burn("b1", 20, at=8), a_void("v1", "h0", at=7)),
    "reversals": (a_reverse("r1", "b0", 6), a_reverse("r2", "b0", 6), a_burn("b1", 38)),
    "clawback and burn": (
        a_reverse("r1", "e1", shortfall="negative", lowest_allowed=-100),
        a_burn("b1", 30),
        a_reverse("r2", "e1", 20, shortfall="other_lots"),
    ),
    "clawback and earn": (
        a_reverse("r1", "e1", shortfall="negative", lowest_allowed=-100),
        an_earn("e9", 7, expires=15),
        a_burn("b1", 30),
    ),
    "transfers that cross": (a_transfer("t1", "bob", 25), a_transfer("t2", "ann", 8, member="bob"), a_burn("b1", 25)),
    "confirm and cancel": (a_confirm("c1", "e4"), a_confirm("c2", "e4", expires=4), a_reverse("r1", "e4")),
    "expires and what comes back": (a_reinstate("i1", since=day(0)), a_burn("b1", 20, at=9), a_reinstate("i2", since=day(0))),
    "a new expiry and a burn": (a_reschedule("s1", 30, at=2), a_burn("b1", 40, at=9), an_adjustment("a1", -10)),
}


@pytest.fixture
async def watch(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """A connection beside the engine that is interleaved."""
    watching = create_engine(engine.url.render_as_string(hide_password=False), pool_size=1, role=None)
    yield watching
    await watching.dispose()


def _reference(requests: Sequence[Request]) -> tuple[Any, ...]:
    """How it ends when they come in this order."""
    reference = ReferenceLedger()
    for request in _BEFORE:
        reference.ask(request)
    outcomes = {id(request): reference.ask(request)[0] for request in requests}
    balances = tuple(
        (account.balance, account.held, account.pending, account.debt)
        for account in (reference.accounts.get((member, CURRENCY)) for member in ("ann", "bob"))
        if account is not None
    )
    return tuple(sorted(str(outcome[:3]) for outcome in outcomes.values() if not isinstance(outcome, str))), balances


async def _found(ledger: Ledger, program: str, answers: Sequence[PostingResult]) -> tuple[Any, ...]:
    balances = []
    for member in ("ann", "bob"):
        balance = await ledger.balance(program, member, CURRENCY)
        balances.append((balance.posted, balance.held, balance.pending, balance.owed))
    return tuple(sorted(str((each.outcome, each.refusal, each.points)) for each in answers)), tuple(balances)


async def _ask(ledger: Ledger, request: Request) -> PostingResult:
    answer: PostingResult = await getattr(ledger, type(request).__name__.lower())(request)
    return answer


@pytest.mark.parametrize("name", _TOGETHER)
async def test_what_comes_at_once_ends_as_if_one_had_come_after_the_other(
    ledger: Ledger, engine: AsyncEngine, watch: AsyncEngine, name: str
) -> None:
    together = _TOGETHER[name]
    possible = {_reference(order) for order in permutations(together)}
    orders: Counter[tuple[int, ...]] = Counter()
    for seed in range(6):
        program = f"seed-{seed}"
        for request in _BEFORE:
            await _ask(ledger, request.model_copy(update={"program": program}))
        asked = [request.model_copy(update={"program": program}) for request in together]
        interleaving = Interleaving(engine, watch, seed)
        answers = await interleaving.run([lambda request=request: _ask(ledger, request) for request in asked])  # type: ignore[misc]
        assert [answer for answer in answers if isinstance(answer, BaseException)] == []
        assert await _found(ledger, program, answers) in possible
        orders[tuple(interleaving.order)] += 1
    assert len(orders) > 1, "the seeds play only one order"
