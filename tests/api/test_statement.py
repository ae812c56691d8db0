"""The statement of a member's account over HTTP, and what is wrong with the times and currencies that people ask for."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.club import SHOP, Club, problem
from tests.house import House


def _query(**parameters: datetime | str) -> str:
    given = {name: value if isinstance(value, str) else value.isoformat() for name, value in parameters.items()}
    return "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in given.items())


async def test_a_statement_tells_what_there_was_what_came_and_went_and_what_there_is(generous: Club, house: House) -> None:
    member = await generous.member()
    path = f"{generous.path}/members/{member}/statement"
    await generous.event(member, "60.00")
    between = datetime.now(UTC)
    await generous.redeem(member)
    await generous.on(member, "adjustments", {"points": 25, "reason": "The parcel came late"})

    whole = await house.get(path, SHOP)
    assert (whole["program"], whole["participant"], whole["currency"]) == (generous.program, member, "NOTES")
    assert (whole["opening"], whole["closing"], whole["held"], whole["pending"], whole["owed"]) == (0, 125, 0, 0, 0)
    kinds = [(entry["kind"], entry["points"], entry["held"], entry["balance"]) for entry in whole["entries"]]
    assert kinds == [("earn", 600, 0, 600), ("hold", 0, 500, 600), ("capture", -500, -500, 100), ("adjustment", 25, 0, 125)]
    assert whole["entries"][-1]["reason"] == "The parcel came late"
    assert [lot["remaining"] for lot in whole["lots"]] == [100, 25]
    assert all(lot["expires_at"] for lot in whole["lots"])

    before = await house.get(f"{path}?{_query(until=between)}", SHOP)
    assert (before["opening"], before["closing"], len(before["entries"])) == (0, 600, 1)
    after = await house.get(f"{path}?{_query(since=between)}", SHOP)
    assert (after["opening"], after["closing"], len(after["entries"])) == (600, 125, 3)
    known = await house.get(f"{path}?{_query(as_of=between)}", SHOP)
    assert (known["closing"], [lot["remaining"] for lot in known["lots"]]) == (600, [600])
    gems = await house.get(f"{path}?currency=GEMS", SHOP)
    assert (gems["currency"], gems["closing"], gems["entries"]) == ("GEMS", 0, [])


async def test_what_is_held_for_a_redemption_under_way_is_shown(generous: Club, house: House) -> None:
    member = await generous.member()
    await generous.event(member, "60.00")
    assert (await generous.redeem(member, "gift-card")).status_code in {201, 202}
    statement = await house.get(f"{generous.path}/members/{member}/statement", SHOP)
    assert statement["held"] == sum(hold["points"] for hold in statement["holds"])


async def test_a_time_that_cannot_be_is_told_by_its_field(generous: Club, house: House) -> None:
    member = await generous.member()
    path = f"{generous.path}/members/{member}/statement"
    headers = {"Authorization": f"Bearer {SHOP}"}

    async def asked(**parameters: datetime | str) -> object:
        return await house.http.get(f"{path}?{_query(**parameters)}", headers=headers)

    now = datetime.now(UTC)
    for field in ("since", "until", "as_of"):
        found = problem(await asked(**{field: "2026-03-10T09:30:00"}), 422, "time_zone_missing")  # type: ignore[arg-type]
        assert found["field"] == f"query.{field}"
        found = problem(await asked(**{field: "yesterday"}), 422, "invalid_request")  # type: ignore[arg-type]
        assert found["field"] == f"query.{field}"
        found = problem(await asked(**{field: "0001-01-01T00:00:00+02:00"}), 422, "time_out_of_range")  # type: ignore[arg-type]
        assert found["field"] == field
    found = problem(await asked(since=now, until=now - timedelta(days=1)), 422, "time_out_of_range")  # type: ignore[arg-type]
    assert found["field"] == "since"
    found = problem(await asked(as_of=now + timedelta(days=1)), 422, "time_out_of_range")  # type: ignore[arg-type]
    assert found["field"] == "as_of"


@pytest.mark.parametrize("what", ["statement", "balance"])
async def test_an_unknown_currency_or_member_is_told(generous: Club, house: House, what: str) -> None:
    member = await generous.member()
    headers = {"Authorization": f"Bearer {SHOP}"}
    for currency in ("MILES", "notes", "%00"):
        response = await house.http.get(f"{generous.path}/members/{member}/{what}?currency={currency}", headers=headers)
        found = problem(response, 422, "currency_unknown")
        assert (found["field"], found["remedy"]) == ("currency", "The definition in force knows: NOTES, GEMS.")
    stranger = await house.http.get(f"{generous.path}/members/{generous.stranger()}/{what}", headers=headers)
    problem(stranger, 404, "member_unknown")
