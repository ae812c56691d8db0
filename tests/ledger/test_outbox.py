"""Nudges: written with the earn that caused them, claimed by one relay at a time, announced on commit."""

import asyncio
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.members.tiers import Watch
from ledger import Ledger, outbox
from runtime.database import async_url
from tests.ledger.requests import an_earn, day, nudged


def _watching(*figures: int, since: float = 0, counter: str = "stars") -> dict[str, Any]:
    watches = tuple(Watch(counter=counter, since=day(since), at_least=figure) for figure in figures)
    return {"watches": watches, "nudge_on_watch": "member/ann"}


async def test_an_earn_always_nudges_whom_it_names(ledger: Ledger, engine: AsyncEngine) -> None:
    await ledger.earn(an_earn("e1", 1, nudge=("a", "b")))
    assert await nudged(engine) == ["a", "b"]
    await ledger.earn(an_earn("e1", 1, nudge=("a", "b")))
    await ledger.earn(an_earn("e2", 1))
    assert await nudged(engine) == []


async def test_a_watch_nudges_when_its_figure_is_reached_and_not_before(ledger: Ledger, engine: AsyncEngine) -> None:
    await ledger.earn(an_earn("e1", 0, at=1, qualifying={"stars": 60, "spend": 999}, **_watching(100, 500)))
    await ledger.earn(an_earn("e2", 0, at=2, qualifying={"stars": 39}, **_watching(100, 500)))
    assert await nudged(engine) == []
    await ledger.earn(an_earn("e3", 0, at=3, qualifying={"stars": 1}, **_watching(100, 500)))
    assert await nudged(engine) == ["member/ann"]


async def test_a_watch_counts_only_its_own_window_counter_and_member(ledger: Ledger, engine: AsyncEngine) -> None:
    await ledger.earn(an_earn("e1", 0, at=1, qualifying={"stars": 60}))
    await ledger.earn(an_earn("e2", 0, at=9, qualifying={"stars": 60}))
    await ledger.earn(an_earn("e3", 0, member="bob", at=3, qualifying={"stars": 60}))
    await ledger.earn(an_earn("e4", 0, at=3, qualifying={"stars": 60}, **_watching(100, since=1)))
    await ledger.earn(an_earn("e5", 0, at=3, qualifying={"stars": 60}, **_watching(61, counter="spend")))
    await ledger.earn(an_earn("e6", 0, at=3, qualifying={"stars": 60}, **_watching(121, since=3)))
    assert await nudged(engine) == []
    await ledger.earn(an_earn("e7", 0, at=3, qualifying={"stars": 0}, **_watching(180, since=1)))
    assert await nudged(engine) == ["member/ann"]


async def test_earns_that_together_cross_a_watch_never_miss_it(ledger: Ledger, engine: AsyncEngine) -> None:
    await asyncio.gather(
        *(ledger.earn(an_earn(f"e{n}", 0, qualifying={"stars": 10}, **_watching(100, since=-1))) for n in range(10))
    )
    assert await nudged(engine) == ["member/ann"]


async def test_a_batch_crosses_a_watch_as_its_events_together(ledger: Ledger, engine: AsyncEngine) -> None:
    watching = _watching(100, since=-1)
    await ledger.earn_many([an_earn(f"e{n}", n, nudge=("x",), qualifying={"stars": 30}, **watching) for n in range(4)])
    assert await nudged(engine) == ["member/ann", "x", "x", "x", "x"]


async def test_what_one_relay_has_claimed_another_does_not_get(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await outbox.put(connection, ["a", "b", "c"])
        await outbox.put(connection, [], signal="none")
    async with engine.begin() as one, engine.begin() as other:
        assert [each.workflow_id for each in await outbox.claim(one, 2)] == ["a", "b"]
        assert [each.workflow_id for each in await outbox.claim(other, 2)] == ["c"]
    assert await nudged(engine) == ["a", "b", "c"]


async def test_what_was_sent_can_be_cleared_and_what_was_not_stays(engine: AsyncEngine, owner: AsyncConnection) -> None:
    async with engine.begin() as connection:
        await outbox.put(connection, ["a"])
    await nudged(engine)
    async with engine.begin() as connection:
        await outbox.put(connection, ["b"])
        assert await outbox.clear_sent(connection, day(-9999)) == 0
        assert await outbox.clear_sent(connection, day(99999)) == 1
    assert await nudged(engine) == ["b"]


async def test_a_commit_with_nudges_is_announced_and_one_without_is_not(ledger: Ledger, engine: AsyncEngine) -> None:
    heard: list[str] = []
    plain = async_url(engine.url.render_as_string(hide_password=False)).set(drivername="postgresql")
    listener = await asyncpg.connect(plain.render_as_string(hide_password=False))
    try:
        await listener.add_listener(outbox.CHANNEL, lambda *shown: heard.append(shown[2]))
        await ledger.earn(an_earn("e1", 1))
        await listener.fetchval("SELECT 1")
        assert heard == []
        await ledger.earn(an_earn("e2", 1, nudge=("a", "b", "c")))
        await listener.fetchval("SELECT 1")
        assert heard == [outbox.CHANNEL]
    finally:
        await listener.close()
