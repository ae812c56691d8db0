"""The coalescer: concurrent earns share statements, and nothing that befalls one of them befalls another."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from domain.errors import TenureError
from ledger import Earn, KeyConflict, PostingResult
from ledger.coalescer import Coalescer

AT = datetime(2026, 3, 10, tzinfo=UTC)


class _Desk:
    """Answers where the database would, once it is open, and remembers the batches. `bad` is refused, `down` fails all."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.batches: list[list[str]] = []
        self.opened = asyncio.Event()
        if is_open:
            self.opened.set()

    async def post(self, requests: Sequence[Earn]) -> list[PostingResult | TenureError]:
        self.batches.append([request.key for request in requests])
        await self.opened.wait()
        if any(request.key == "down" for request in requests):
            raise ConnectionError("the database is gone")
        return [KeyConflict(request.key) if request.key == "bad" else _answer(request) for request in requests]


async def test_what_comes_alone_goes_out_alone_and_at_once() -> None:
    desk = _Desk()
    coalescer = Coalescer(desk.post)
    for number in range(3):
        assert (await coalescer.earn(_earn(f"k{number}"))).points == 1
    assert desk.batches == [["k0"], ["k1"], ["k2"]]


async def test_what_comes_while_others_are_under_way_goes_out_together() -> None:
    desk = _Desk(is_open=False)
    coalescer = Coalescer(desk.post)
    callers = [asyncio.create_task(coalescer.earn(_earn(f"k{number}"))) for number in range(64)]
    await asyncio.sleep(0)  # lets every caller ask, in the order in which they were made
    await asyncio.sleep(0)
    desk.opened.set()
    answers = await asyncio.gather(*callers)
    assert [answer.txn_id for answer in answers] == list(range(64))
    assert sum(map(len, desk.batches)) == 64
    assert len(desk.batches) <= 4


async def test_a_refused_request_harms_no_neighbour() -> None:
    desk = _Desk()
    coalescer = Coalescer(desk.post)
    found = await asyncio.gather(*(coalescer.earn(_earn(key)) for key in ("k1", "bad", "k2")), return_exceptions=True)
    assert [type(each) for each in found] == [PostingResult, KeyConflict, PostingResult]


async def test_a_caller_who_stops_waiting_harms_no_other() -> None:
    desk = _Desk(is_open=False)
    coalescer = Coalescer(desk.post)
    impatient, patient = (asyncio.create_task(coalescer.earn(_earn(key))) for key in ("k1", "k2"))
    await asyncio.sleep(0)
    impatient.cancel()
    desk.opened.set()
    assert (await patient).points == 1
    assert (await coalescer.earn(_earn("k3"))).points == 1


async def test_after_a_failure_of_the_database_the_next_request_is_posted() -> None:
    coalescer = Coalescer(_Desk().post)
    with pytest.raises(ConnectionError):
        await coalescer.earn(_earn("down"))
    assert (await coalescer.earn(_earn("k1"))).points == 1


def _earn(key: str) -> Earn:
    return Earn(program="p", participant="m", currency="PTS", key=key, points=1, effective_at=AT)


def _answer(request: Earn) -> PostingResult:
    number = int(request.key.removeprefix("k"))
    return PostingResult(
        txn_id=number, kind="earn", outcome="posted", points=1, balance=1, effective_at=request.effective_at, recorded_at=AT
    )
