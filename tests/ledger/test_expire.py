"""Expiry and forfeits: the sweep, clocks that follow activity, new expiries, the end of a member and of a program."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.evaluation.figures import Spread
from ledger import Earn, KeyConflict, Ledger, Swept, WindowFigures
from tests.ledger.requests import PROGRAM, a_burn, a_forfeit, a_reschedule, again, an_earn, day, lots, totals

WEEK = timedelta(days=7)


async def test_the_sweep_takes_what_is_due_and_nothing_else(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20, expires=5))
    await ledger.earn(an_earn("e3", 30, expires=5.001))
    await ledger.earn(an_earn("e4", 40))
    await ledger.earn(an_earn("e5", 50, member="bob", expires=1))
    await ledger.earn(an_earn("e6", 60, expires=1).model_copy(update={"program": "miles"}))
    assert await ledger.expire_due(PROGRAM, day(5)) == Swept(lots=3, points=80, participants=2)
    assert await ledger.expire_due(PROGRAM, day(5)) == Swept(lots=0, points=0, participants=0)
    assert await lots(ledger) == [(30, 5.001), (40, None)]
    assert await totals(ledger) == {"issued": 150, "burned": 0, "expired": 80, "forfeited": 0, "outstanding": 70}


async def test_the_sweep_leaves_alone_what_is_in_use_and_takes_it_the_next_time(ledger: Ledger, engine: AsyncEngine) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20, member="bob", expires=5))
    async with engine.begin() as busy:
        await busy.execute(text("SELECT FROM ledger.account WHERE participant = 'ann' FOR UPDATE"))
        async with asyncio.timeout(20):  # a sweep that waited for the account would wait for ever
            assert await ledger.expire_due(PROGRAM, day(6)) == Swept(lots=1, points=20, participants=1)
    assert await ledger.expire_due(PROGRAM, day(6)) == Swept(lots=1, points=10, participants=1)


async def test_sweeps_at_the_same_time_take_each_lot_once(ledger: Ledger) -> None:
    await ledger.earn_many([an_earn(f"e{n}", 1, member=f"m{n % 50}", expires=5) for n in range(200)])
    sweeps = await asyncio.gather(*(ledger.expire_due(PROGRAM, day(6)) for _ in range(6)))
    last = await ledger.expire_due(PROGRAM, day(6))
    assert sum(swept.points for swept in (*sweeps, last)) == 200
    assert (await totals(ledger))["expired"] == 200


async def test_a_clock_stands_still_while_the_gaps_between_activities_are_short(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, at=0, expires=30, clock_stands_within=WEEK))
    await ledger.earn(an_earn("e2", 20, at=7, expires=37, clock_stands_within=WEEK))
    assert await lots(ledger) == [(10, 37), (20, 37)]
    await ledger.earn(an_earn("e3", 0, at=14.5, expires=44.5, clock_stands_within=WEEK))
    assert await lots(ledger) == [(10, 37), (20, 37)]
    await ledger.earn(an_earn("e4", 0, at=16.5, clock_stands_within=WEEK))
    assert await lots(ledger) == [(10, 39), (20, 39)]


async def test_a_clock_does_not_turn_for_late_events_doubled_events_or_bonuses(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, at=5, expires=30, clock_stands_within=WEEK))
    await ledger.earn(an_earn("e2", 0, at=4, clock_stands_within=WEEK))
    await ledger.earn(an_earn("e3", 0, at=6, activity=False, clock_stands_within=WEEK))
    assert await lots(ledger) == [(10, 30)]
    for _ in range(2):
        await ledger.earn(an_earn("e4", 0, at=7, clock_stands_within=WEEK))
        assert await lots(ledger) == [(10, 32)]


async def test_activity_does_not_bring_back_what_has_expired(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, at=0, expires=5))
    await ledger.earn(an_earn("e2", 20, at=5, expires=90, clock_stands_within=WEEK))
    await ledger.earn(an_earn("e3", 30, at=6, expires=91, renew_lots=True))
    assert await lots(ledger) == [(10, 5), (20, 91), (30, 91)]


async def test_a_batch_turns_the_clock_as_its_events_one_by_one(ledger: Ledger) -> None:
    events = [(0, 10, 30), (6, 20, 36), (12, 0, None), (20, 5, 50), (21, 0, None)]

    def asked(member: str) -> list[Earn]:
        return [
            an_earn(f"{member}{at}", points, member=member, at=at, expires=expires, clock_stands_within=WEEK)
            for at, points, expires in events
        ]

    for each in asked("ann"):
        await ledger.earn(each)
    await ledger.earn_many([*reversed(asked("bob")), an_earn("c1", 1, member="cid"), an_earn("c2", 1, member="cid")])
    assert await lots(ledger, "bob") == await lots(ledger, "ann") == [(10, 43), (20, 43), (5, 51)]


async def test_earns_of_one_member_at_once_turn_the_clock_for_each_gap_once(ledger: Ledger) -> None:
    await ledger.earn(an_earn("first", 10, at=0, expires=30))
    await asyncio.gather(*(ledger.earn(an_earn(f"e{n}", 0, at=5, clock_stands_within=WEEK)) for n in range(12)))
    assert await lots(ledger) == [(10, 35)]


async def test_activity_renews_every_open_lot_where_points_expire_by_inactivity(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, at=0, expires=30, renew_lots=True))
    await ledger.earn(an_earn("e2", 20, at=25, expires=55, renew_lots=True))
    assert await lots(ledger) == [(10, 55), (20, 55)]
    await ledger.earn(an_earn("e3", 0, at=20, expires=50, renew_lots=True))
    await ledger.earn(an_earn("e4", 0, at=26, expires=56, renew_lots=True, activity=False))
    assert await lots(ledger) == [(10, 55), (20, 55)]
    await ledger.earn(an_earn("e5", 0, at=40, renew_lots=True))
    assert await lots(ledger) == [(10, None), (20, None)]


async def test_a_new_expiry_is_that_of_every_open_lot(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20, expires=9))
    await ledger.earn(an_earn("e3", 30))
    await ledger.earn(an_earn("e4", 40, member="bob", expires=9))
    first = await ledger.reschedule(a_reschedule("r1", 50, at=6, details={"tier": "gold"}))
    assert (first.kind, first.outcome, first.points, first.balance) == ("reschedule", "posted", 0, 50)
    assert first.details == {"tier": "gold", "lots": 2}
    assert await lots(ledger) == [(20, 50), (30, 50)]
    assert await lots(ledger, "bob") == [(40, 9)]
    await ledger.reschedule(a_reschedule("r2", None, at=7))
    assert await ledger.reschedule(a_reschedule("r1", 50, at=6, details={"tier": "gold"})) == again(first)
    assert await lots(ledger) == [(20, None), (30, None)]
    with pytest.raises(KeyConflict):
        await ledger.reschedule(a_reschedule("r1", 51, at=6))


async def test_a_member_who_leaves_forfeits_everything_but_what_had_lapsed(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20))
    await ledger.earn(an_earn("e3", 30, member="bob"))
    first = await ledger.forfeit(a_forfeit("f1", at=6, details={"reason": "left"}))
    assert (first.kind, first.points, first.balance, first.details) == ("forfeit", 20, 0, {"reason": "left"})
    assert await ledger.forfeit(a_forfeit("f1", at=6, details={"reason": "left"})) == again(first)
    assert await totals(ledger) == {"issued": 60, "burned": 0, "expired": 10, "forfeited": 20, "outstanding": 30}
    empty = await ledger.forfeit(a_forfeit("f2", at=6))
    assert (empty.outcome, empty.points, empty.balance) == ("posted", 0, 0)
    assert await ledger.forfeit(a_forfeit("f2", at=6)) == again(empty)
    with pytest.raises(KeyConflict):
        await ledger.forfeit(a_forfeit("f1", at=8))


async def test_once_expiry_is_stopped_no_open_lot_expires_any_more(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 10, expires=5))
    await ledger.earn(an_earn("e2", 20, expires=9))
    await ledger.earn(an_earn("e3", 30, member="bob", expires=9))
    await ledger.earn(an_earn("e4", 40, member="bob"))
    await ledger.earn(an_earn("e5", 50, expires=9).model_copy(update={"program": "miles"}))
    assert await ledger.stop_expiry(PROGRAM, "end", day(6)) == 2
    assert await ledger.stop_expiry(PROGRAM, "end", day(6)) == 2
    assert (await ledger.expire_due(PROGRAM, day(99))).lots == 0
    assert (await ledger.expire_due("miles", day(99))).points == 50
    assert (await totals(ledger))["expired"] == 10
    with pytest.raises(KeyConflict):
        await ledger.stop_expiry(PROGRAM, "end", day(7))


async def test_the_remainder_of_a_program_is_forfeited_once(ledger: Ledger, owner: AsyncConnection) -> None:
    await ledger.earn_many([an_earn(f"e{n}", 10 + n, member=f"m{n % 3}", expires=5 if n == 4 else None) for n in range(6)])
    await ledger.earn(an_earn("e", 9).model_copy(update={"program": "miles"}))
    await ledger.burn(a_burn("b1", 3, member="m0"))
    first = await ledger.forfeit_remainder(PROGRAM, "rest", day(6))
    assert first == Swept(lots=5, points=75 - 14 - 3, participants=3)
    assert await ledger.forfeit_remainder(PROGRAM, "rest", day(6)) == first
    assert await totals(ledger) == {"issued": 75, "burned": 3, "expired": 14, "forfeited": 58, "outstanding": 0}
    moves = "SELECT count(*) FROM ledger.lot_move JOIN ledger.txn ON txn.id = txn_id WHERE kind = 'forfeit'"
    assert await owner.scalar(text(moves)) == 5
    assert (await ledger.balance("miles", "ann", "STAR")).posted == 9
    with pytest.raises(KeyConflict):
        await ledger.forfeit_remainder(PROGRAM, "rest", day(7))


async def test_a_program_that_nobody_joined_ends_with_nothing(ledger: Ledger) -> None:
    assert await ledger.forfeit_remainder(PROGRAM, "rest", day(6)) == Swept(lots=0, points=0, participants=0)
    assert await ledger.stop_expiry(PROGRAM, "end", day(6)) == 0
    assert await ledger.totals(PROGRAM) == ()


async def test_the_figures_of_a_window_are_of_what_took_effect_in_it(ledger: Ledger) -> None:
    await ledger.earn(an_earn("e1", 100, at=1, expires=20))
    await ledger.earn(an_earn("e2", 50, member="bob", at=2))
    await ledger.earn(an_earn("e3", 30, member="bob", at=11, expires=12))
    await ledger.burn(a_burn("b1", 40, at=3))
    await ledger.burn(a_burn("b2", 25, at=10))
    await ledger.burn(a_burn("b3", 10**6, member="bob", at=11))
    await ledger.expire_due(PROGRAM, day(12))
    await ledger.forfeit(a_forfeit("f1", member="bob", at=13))
    first = await ledger.window_figures(PROGRAM, day(0), day(10))
    assert first == WindowFigures(
        issued=150,
        burned=65,
        expired=0,
        forfeited=0,
        changed=85,
        active_members=2,
        members_redeemed=1,
        outstanding=85,
        spread=Spread(
            members=2,
            issued_squares=100**2 + 50**2,
            burned_squares=65**2,
            changed_squares=35**2 + 50**2,
            issued_times_burned=100 * 65,
            burned_times_changed=65 * 35,
        ),
    )
    second = await ledger.window_figures(PROGRAM, day(10), day(12))
    assert second.model_dump(exclude={"spread"}) == {
        "issued": 30,
        "burned": 0,
        "expired": 30,
        "forfeited": 0,
        "changed": 0,
        "active_members": 1,
        "members_redeemed": 0,
        "outstanding": 85,
    }
    assert (await ledger.window_figures(PROGRAM, day(12), day(13))).forfeited == 50
    nothing = await ledger.window_figures("nowhere", day(0), day(99))
    assert set(nothing.model_dump(exclude={"spread"}).values()) == {0}


async def test_a_program_ends_however_many_are_in_it(ledger: Ledger, owner: AsyncConnection) -> None:
    """More accounts than a statement takes parameters."""
    await ledger.earn(an_earn("e1", 10, expires=9))
    many = """
    INSERT INTO ledger.account (program, participant, currency, kind)
    SELECT program, 'm' || number, currency, kind FROM ledger.account, generate_series(1, 33000) AS number
    WHERE program = :program AND participant = 'ann'
    """
    await owner.execute(text(many), {"program": PROGRAM})
    assert await ledger.stop_expiry(PROGRAM, "end", day(6)) == 1
    assert await ledger.forfeit_remainder(PROGRAM, "rest", day(7)) == Swept(lots=1, points=10, participants=1)
