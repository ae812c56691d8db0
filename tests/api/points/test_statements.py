"""The statement of account and the balance: every figure and expiry of a window, and what cannot be asked."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from tests.api.points.test_points import pending_earn
from tests.api.sample_program import SHOP, SampleProgram, problem
from tests.stack import Stack


@pytest.fixture(scope="module")
async def member(pool: SampleProgram) -> str:
    """A member with two earns, a redemption, an adjustment and points that wait."""
    participant = await pool.member()
    await pool.event(participant, "60")
    await pool.event(participant, "10")
    await pool.redeem(participant)
    await pool.points(participant, "adjustments", {"points": -20, "reason": "a slip"})
    await pending_earn(pool, participant, "one", 35)
    return participant


async def test_a_statement_tells_all_that_came_and_went_and_every_expiry(pool: SampleProgram, member: str) -> None:
    found = await pool.statement(member)
    assert (found["currency"], found["opening"], found["closing"], found["pending"], found["owed"]) == ("NOTES", 0, 180, 35, 0)
    lines = [(each["kind"], each["points"], each["held"], each["balance"]) for each in found["entries"]]
    assert lines[:4] == [("earn", 600, 0, 600), ("earn", 100, 0, 700), ("hold", 0, 500, 700), ("capture", -500, -500, 200)]
    assert lines[4:] == [("adjustment", -20, 0, 180), ("earn", 0, 0, 180)]
    assert (found["entries"][4]["reason"], found["entries"][5]["details"]) == ("a slip", {"pending": 35})
    assert [lot["remaining"] for lot in found["lots"]] == [80, 100]
    assert all(lot["expires_at"] for lot in found["lots"])


async def test_a_window_opens_with_what_there_was_and_as_of_forgets_what_came_later(pool: SampleProgram, member: str) -> None:
    entries = (await pool.statement(member))["entries"]
    window = await pool.statement(member, since=entries[0]["effective_at"], until=entries[1]["effective_at"])
    assert (window["opening"], [each["points"] for each in window["entries"]], window["closing"]) == (600, [100], 700)
    known = await pool.statement(member, as_of=entries[0]["recorded_at"])
    assert ([each["points"] for each in known["entries"]], known["closing"]) == ([600], 600)
    elsewhere = datetime.fromisoformat(entries[0]["effective_at"]).astimezone(ZoneInfo("Pacific/Apia")).isoformat()
    assert (await pool.statement(member, since=elsewhere))["opening"] == 600


async def test_each_currency_has_a_statement_and_a_balance_of_its_own(pool: SampleProgram, stack: Stack, member: str) -> None:
    await pool.points(member, "adjustments", {"points": 3, "reason": "a prize", "currency": "GEMS"})
    found = await pool.statement(member, currency="GEMS")
    assert (found["currency"], found["closing"], len(found["entries"])) == ("GEMS", 3, 1)
    balance = await stack.get(f"{pool.path}/members/{member}/balance?currency=GEMS", SHOP)
    assert (balance["currency"], balance["available"]) == ("GEMS", 3)
    assert (await pool.statement(member, currency="DUST"))["entries"] == []


async def test_who_has_left_keeps_a_statement(pool: SampleProgram) -> None:
    participant = await pool.member()
    await pool.event(participant, "10")
    await pool.leave(participant)
    found = await pool.statement(participant)
    assert [(each["kind"], each["points"]) for each in found["entries"]] == [("earn", 100), ("forfeit", -100)]
    assert (found["closing"], found["lots"]) == (0, [])


@pytest.mark.parametrize(
    ("window", "status", "code", "field"),
    [
        ({"since": "2026-03-10T09:30:00"}, 422, "time_zone_missing", "query.since"),
        ({"until": "2026-03-10"}, 422, "time_zone_missing", "query.until"),
        ({"as_of": "yesterday"}, 422, "invalid_request", "query.as_of"),
        ({"since": "0001-01-01T00:00:00+14:00"}, 422, "invalid_request", "query.since"),
        ({"until": "9999-12-31T23:59:59-14:00"}, 422, "invalid_request", "query.until"),
        ({"since": "2026-03-10T09:30:00Z", "until": "2026-03-10T09:29:59Z"}, 422, "time_out_of_range", "query.since"),
        ({"since": "9999-01-01T00:00:00Z"}, 422, "time_out_of_range", "query.since"),
        ({"as_of": "9999-01-01T00:00:00Z"}, 422, "time_out_of_range", "query.as_of"),
        ({"currency": "GOLD"}, 422, "currency_unknown", "query.currency"),
        ({"currency": "x" * 201}, 422, "invalid_request", "query.currency"),
        ({"currency": "N\x00"}, 422, "invalid_request", "query.currency"),
    ],
)
async def test_what_cannot_be_asked_is_named(
    pool: SampleProgram, stack: Stack, member: str, window: dict[str, str], status: int, code: str, field: str
) -> None:
    path = f"{pool.path}/members/{member}/statement?{urlencode(window)}"
    found = problem(await stack.http.get(path, headers={"Authorization": f"Bearer {SHOP}"}), status, code)
    assert found["field"] == field


async def test_an_unknown_currency_of_a_balance_is_told_which_ones_there_are(
    pool: SampleProgram, stack: Stack, member: str
) -> None:
    for what in ("balance", "statement"):
        path = f"{pool.path}/members/{member}/{what}?currency=notes"
        found = problem(await stack.http.get(path, headers={"Authorization": f"Bearer {SHOP}"}), 422, "currency_unknown")
        assert "NOTES, GEMS, DUST" in found["remedy"]


async def test_a_stranger_has_no_statement_and_a_window_may_end_later_than_now(
    pool: SampleProgram, stack: Stack, member: str
) -> None:
    path = f"{pool.path}/members/{pool.stranger()}/statement"
    problem(await stack.http.get(path, headers={"Authorization": f"Bearer {SHOP}"}), 404, "member_unknown")
    later = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    assert (await pool.statement(member, until=later))["closing"] == (await pool.statement(member))["closing"]
