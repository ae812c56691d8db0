"""Earning: once for each key, one or many by the same statement."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import MAX_POINTS, CapUsage, Earn, KeyConflict, Ledger, PostingResult, Stale
from tests.ledger.requests import CURRENCY, PROGRAM, again, an_earn, day, lots, posted, totals


async def test_an_earn_posts_points_a_lot_and_counters(ledger: Ledger) -> None:
    answer = await ledger.earn(
        an_earn("e1", 40, at=3, expires=33, qualifying={"stars": 40, "spend": 1250}, details={"type": "purchase"})
    )
    assert (answer.kind, answer.outcome, answer.points, answer.balance, answer.duplicate) == ("earn", "posted", 40, 40, False)
    assert (answer.effective_at, answer.details) == (day(3), {"type": "purchase"})
    balance = await ledger.balance(PROGRAM, "ann", CURRENCY)
    assert (balance.posted, balance.held, balance.available, balance.last_activity_at) == (40, 0, 40, day(3))
    assert await lots(ledger) == [(40, 33)]
    assert await ledger.counters(PROGRAM, "ann", day(2), day(3)) == {"stars": 40, "spend": 1250}
    assert await ledger.counters(PROGRAM, "ann", day(3), day(9)) == {}
    assert await totals(ledger) == {"issued": 40, "burned": 0, "expired": 0, "forfeited": 0, "outstanding": 40}


async def test_the_same_request_again_changes_nothing_and_gets_the_same_answer(ledger: Ledger) -> None:
    first = await ledger.earn(an_earn("e1", 40, nudge=("w",)))
    await ledger.earn(an_earn("e2", 2))
    assert await ledger.earn(an_earn("e1", 40, nudge=("w",))) == again(first)
    assert await posted(ledger) == 42


@pytest.mark.parametrize(
    "other", [{"points": 41}, {"member": "bob"}, {"at": 1}, {"expires": 9}, {"qualifying": {"stars": 1}}, {"details": {"a": 1}}]
)
async def test_the_same_key_with_another_content_is_a_conflict(ledger: Ledger, other: dict[str, Any]) -> None:
    await ledger.earn(an_earn("e1", 40))
    with pytest.raises(KeyConflict) as conflict:
        await ledger.earn(an_earn(**{"key": "e1", "points": 40, **other}))
    assert (conflict.value.code, conflict.value.category) == ("idempotency_key_reused", "invalid")
    assert await posted(ledger) == 40
    assert await posted(ledger, "bob") == 0


async def test_a_fingerprint_stands_for_what_the_request_was_derived_from(ledger: Ledger) -> None:
    first = await ledger.earn(an_earn("e1", 40, fingerprint="event 1"))
    assert await ledger.earn(an_earn("e1", 60, fingerprint="event 1")) == again(first)
    with pytest.raises(KeyConflict):
        await ledger.earn(an_earn("e1", 40, fingerprint="event 2"))
    with pytest.raises(KeyConflict):
        await ledger.earn(an_earn("e1", 40, fingerprint="event 1", member="bob"))


async def test_a_key_belongs_to_its_program(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 40))
    other = await ledger.earn(an_earn("e1", 40).model_copy(update={"program": "miles"}))
    assert not other.duplicate
    assert (await ledger.balance("miles", "ann", CURRENCY)).posted == 40


async def test_the_same_request_on_many_connections_posts_once(ledger: Ledger) -> None:
    answers = await asyncio.gather(*(ledger.earn(an_earn("e1", 40)) for _ in range(16)))
    assert sorted(answer.duplicate for answer in answers) == [False] + [True] * 15
    assert len({answer.txn_id for answer in answers}) == 1
    assert await posted(ledger) == 40


async def test_currencies_of_one_member_are_apart(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 40))
    await ledger.earn(an_earn("e2", 7).model_copy(update={"currency": "MILE"}))
    assert await posted(ledger) == 40
    assert [(each.currency, each.issued) for each in await ledger.totals(PROGRAM)] == [("MILE", 7), ("STAR", 40)]


async def test_an_event_without_points_only_counts(ledger: Ledger) -> None:
    answer = await ledger.earn(an_earn("e1", 0, at=4, qualifying={"visits": 1}))
    assert (answer.outcome, answer.balance) == ("posted", 0)
    assert await lots(ledger) == []
    assert await ledger.counters(PROGRAM, "ann", day(0), day(9)) == {"visits": 1}
    assert await ledger.last_activity(PROGRAM, "ann") == day(4)


async def test_a_bonus_of_ours_is_no_activity_of_the_member(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, at=2))
    await ledger.earn(an_earn("e2", 10, at=5, kind="bonus", activity=False))
    await ledger.earn(an_earn("e3", 10, at=1))
    assert await ledger.last_activity(PROGRAM, "ann") == day(2)
    assert await ledger.last_activity(PROGRAM, "bob") is None
    figures = await ledger.window_figures(PROGRAM, day(4), day(6))
    assert (figures.issued, figures.active_members) == (10, 0)


async def test_a_batch_posts_each_and_answers_each_at_its_place(ledger: Ledger) -> None:
    await ledger.earn(an_earn("old", 5, member="cid"))
    answers = await ledger.earn_many(
        [
            an_earn("b1", 10, member="bob"),
            an_earn("a1", 1, member="ann"),
            an_earn("old", 5, member="cid"),
            an_earn("b2", 20, member="bob"),
            an_earn("a1", 1, member="ann"),
            an_earn("a1", 2, member="ann"),
            an_earn("old", 6, member="cid"),
        ]
    )
    b1, a1, old, b2, a1_again, a1_other, old_other = answers
    assert (
        isinstance(b1, PostingResult)
        and isinstance(b2, PostingResult)
        and isinstance(a1, PostingResult)
        and isinstance(old, PostingResult)
    )
    assert (b1.points, b2.points) == (10, 20)
    assert sorted([b1.balance, b2.balance])[1] == 30
    assert (a1.duplicate, old.duplicate) == (False, True)
    assert a1_again == again(a1)
    assert isinstance(a1_other, KeyConflict)
    assert isinstance(old_other, KeyConflict)
    assert [await posted(ledger, member) for member in ("ann", "bob", "cid")] == [1, 30, 5]


async def test_balances_within_a_batch_follow_one_another(ledger: Ledger) -> None:
    answers = await ledger.earn_many([an_earn(f"e{n}", n) for n in range(1, 21)])
    balances = [answer.balance for answer in answers if isinstance(answer, PostingResult)]
    assert balances == [n * (n + 1) // 2 for n in range(1, 21)]


async def test_what_the_database_refuses_harms_no_neighbour(ledger: Ledger) -> None:
    await ledger.earn(an_earn("full", MAX_POINTS, member="rich"))
    batch = [an_earn(f"e{n}", 1, member="rich" if n == 7 else f"m{n}") for n in range(20)]
    answers = await ledger.earn_many(batch)
    refused = answers[7]
    assert isinstance(refused, PostingResult)
    assert (refused.outcome, refused.refusal, refused.balance) == ("refused", "balance_limit", MAX_POINTS)
    assert [answer.outcome for answer in answers if isinstance(answer, PostingResult)].count("posted") == 19
    assert await ledger.earn(batch[7]) == again(refused)
    assert await posted(ledger, "m19") == 1


async def test_batches_that_cross_do_not_lock_each_other_out(ledger: Ledger) -> None:
    members = [f"m{n}" for n in range(12)]
    batches = [
        [an_earn(f"{batch}/{member}", 1, member=member) for member in (members if batch % 2 else reversed(members))]
        for batch in range(10)
    ]
    await asyncio.gather(*(ledger.earn_many(batch) for batch in batches))
    assert [await posted(ledger, member) for member in members] == [10] * 12


async def test_one_request_twice_in_a_batch_posts_once(ledger: Ledger) -> None:
    request = an_earn("e1", 5)
    first, second = await ledger.earn_many([request, request])
    assert isinstance(first, PostingResult)
    assert (first.duplicate, second) == (False, again(first))
    assert await posted(ledger) == 5


async def test_an_empty_batch_is_answered_by_nothing(ledger: Ledger) -> None:
    assert await ledger.earn_many([]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": -1},
        {"points": MAX_POINTS + 1},
        {"points": 1.5},
        {"points": True},
        {"key": ""},
        {"key": "ledger:expire/1/2"},
        {"key": "k" * 256},
        {"member": "Ann Smith"},
        {"qualifying": {"stars": -1}},
    ],
)
def test_what_makes_no_sense_cannot_be_asked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        an_earn(**{"key": "e1", "points": 1, **wrong})


def test_an_instant_without_a_zone_cannot_be_asked() -> None:
    with pytest.raises(ValidationError):
        an_earn("e1", 1).__class__(**{**an_earn("e1", 1).model_dump(), "effective_at": "2026-01-01T00:00:00"})


async def test_an_earn_that_has_seen_what_is_no_longer_so_is_not_posted(ledger: Ledger) -> None:
    def capped(key: str, seen: int) -> Earn:
        known = CapUsage(counter="cap/survey", since=day(-1), until=day(9), amount=seen)
        return an_earn(key, 40, qualifying={"cap/survey": 40}, seen=(known,))

    assert (await ledger.earn(capped("e1", 0))).outcome == "posted"
    with pytest.raises(Stale):
        await ledger.earn(capped("e2", 0))
    assert await posted(ledger) == 40
    answers = await ledger.earn_many([capped("e3", 40), capped("e4", 40), capped("e1", 80), an_earn("e5", 1)])
    assert [type(answer) for answer in answers] == [PostingResult, Stale, PostingResult, PostingResult]
    assert await posted(ledger) == 81
    outcomes = await asyncio.gather(*(ledger.earn(capped(f"m{n}", 80)) for n in range(6)), return_exceptions=True)
    assert sum(isinstance(outcome, PostingResult) for outcome in outcomes) == 1


@pytest.mark.parametrize("joins", ["nestloop", "hashjoin", "mergejoin"])
async def test_lots_of_a_batch_are_numbered_in_their_turn_however_the_planner_joins(
    engine: AsyncEngine, owner: AsyncConnection, joins: str
) -> None:
    """Of lots that expire at the same time, the older number goes first."""
    name = await owner.scalar(text("SELECT current_database()"))
    await owner.execute(text(f'ALTER DATABASE "{name}" SET plan_cache_mode = force_generic_plan'))
    for other in {"nestloop", "hashjoin", "mergejoin"} - {joins}:
        await owner.execute(text(f'ALTER DATABASE "{name}" SET enable_{other} = off'))
    await engine.dispose()  # the setting is for sessions that begin now
    ledger = Ledger(engine)
    batch = [an_earn(f"e{n}", 10 + n, at=n, expires=90, member=member) for n in range(1, 6) for member in ("ann", "bob")]
    await ledger.earn_many([each.model_copy(update={"key": f"{each.participant}/{each.key}"}) for each in batch])
    for member in ("ann", "bob"):
        found = (await ledger.balance(PROGRAM, member, "STAR")).lots
        assert [lot.remaining for lot in found] == [11, 12, 13, 14, 15]
