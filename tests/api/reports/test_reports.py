"""Operational reports: as of any day they tell what was so then, and what comes and goes adds up to what there is."""

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.definition.values import Kpi
from domain.evaluation.figures import Figures
from domain.evaluation.kpis import judge
from domain.reports.tables import OUTLINES
from store.evaluation import evaluations
from store.programs import wind_down
from tests.anchors import within_one_day
from tests.api.sample_program import problem
from tests.api.seeded_history import SeededHistory, at, lived, with_trouble
from tests.program_steps import begin, sample_definition
from tests.stack import Stack, program_id

DAYS = ["2025-02-28", "2025-03-31", "2025-04-15", "2025-05-31", "2025-06-30", "2025-09-30"]


@pytest.fixture(scope="module")
async def seeded_history(stack: Stack) -> SeededHistory:
    return await lived(stack)


async def test_every_report_is_listed_with_its_columns_and_can_be_read(seeded_history: SeededHistory, stack: Stack) -> None:
    found = await stack.get(f"/programs/{seeded_history.program}/reports")
    assert [each["name"] for each in found] == list(OUTLINES)
    for each in found:
        shown = await stack.get(f"{each['address']}?as_of=2025-06-30")
        assert shown["columns"] == each["columns"]
        assert all(list(row) == [column["name"] for column in each["columns"]] for row in shown["rows"])
        assert shown["as_of"] == "2025-07-01T03:59:59.999999Z"  # the day ends when it does in New York


async def test_the_movement_of_each_month_is_known(seeded_history: SeededHistory) -> None:
    rows = {row.pop("month"): row for row in await seeded_history.rows("movement", "2025-07-15")}
    names = ("joined", "left", "members", "new", "reactivated", "lapsed", "active")
    assert {month: tuple(row[name] for name in names) for month, row in rows.items()} == {
        "2025-02": (2, 0, 2, 1, 0, 0, 1),
        "2025-03": (1, 0, 3, 2, 0, 0, 3),
        "2025-04": (0, 0, 3, 0, 0, 2, 1),
        "2025-05": (0, 1, 2, 0, 0, 0, 1),
        "2025-06": (0, 0, 2, 0, 1, 1, 1),
        "2025-07": (0, 0, 2, 0, 0, None, 0),  # not over yet
    }


@pytest.mark.parametrize("day", DAYS)
async def test_movement_adds_up_to_the_members_of_the_day(seeded_history: SeededHistory, day: str) -> None:
    members = active = 0
    rows = await seeded_history.rows("movement", day)
    for row in rows:
        members += row["joined"] - row["left"]
        assert row["members"] == members
        if row["lapsed"] is not None:
            active += row["new"] + row["reactivated"] - row["lapsed"]
            assert row["active"] == active
    assert [row["lapsed"] for row in rows].index(None) == len(rows) - 1
    tiers = await seeded_history.rows("members", day)
    assert sum(row["members"] for row in tiers) == members
    assert all(row["members"] == row["onboarding"] + row["using"] + row["lapsing"] for row in tiers)


async def test_members_have_the_tier_and_the_stage_of_the_day(seeded_history: SeededHistory) -> None:
    def of(rows: list[dict[str, Any]]) -> dict[str, tuple[int, ...]]:
        return {row["tier"]: (row["onboarding"], row["using"], row["lapsing"]) for row in rows if row["members"]}

    assert of(await seeded_history.rows("members", "2025-02-05")) == {"listener": (1, 0, 0)}
    assert of(await seeded_history.rows("members", "2025-03-10")) == {"listener": (0, 2, 0)}
    assert of(await seeded_history.rows("members", "2025-03-16")) == {"listener": (1, 1, 0), "collector": (0, 1, 0)}
    assert of(await seeded_history.rows("members", "2025-06-30")) == {"listener": (0, 1, 0), "collector": (0, 1, 0)}
    assert of(await seeded_history.rows("members", "2025-09-30")) == {"listener": (0, 1, 0), "collector": (0, 0, 1)}


async def test_members_are_counted_after_they_were_erased_and_their_stage_is_not_made_up(stack: Stack) -> None:
    seeded_history = await lived(stack)
    day = "2025-06-30"
    before, status, movement = (
        await seeded_history.rows("members", day),
        await seeded_history.rows("status", day),
        await seeded_history.rows("movement", day),
    )
    async with stack.engine.begin() as connection:
        assert await wind_down.erase(connection, seeded_history.program, datetime.now(UTC)) == 3
    details = await seeded_history.report("members", day)
    assert [(row["tier"], row["members"]) for row in details["rows"]] == [(row["tier"], row["members"]) for row in before]
    assert {row[stage] for row in details["rows"] for stage in ("onboarding", "using", "lapsing")} == {None}
    assert any("was erased on" in note for note in details["notes"])
    assert (await seeded_history.rows("status", day), await seeded_history.rows("movement", day)) == (status, movement)
    page = await stack.http.get(seeded_history.path("members", day, "html"), headers={"Authorization": "Bearer demo-owner"})
    assert page.status_code == 200, page.text


@pytest.mark.parametrize("day", DAYS)
async def test_points_of_all_months_add_up_to_the_statements_of_the_members(seeded_history: SeededHistory, day: str) -> None:
    report = await seeded_history.report("points", day)
    until = datetime.fromisoformat(report["as_of"])
    statements = [
        await seeded_history.stack.ledger.statement(
            seeded_history.program, member, seeded_history.definition.currency.code, None, until
        )
        for member in ("ann", "bob", "cid")
    ]
    outstanding = 0
    for row in report["rows"]:
        outstanding += row["issued"] - row["redeemed"] - row["expired"] - row["forfeited"] + row["otherwise"]
        assert row["outstanding"] == outstanding
    assert outstanding == sum(each.closing for each in statements)
    status = {row["what"]: row["value"] for row in await seeded_history.rows("status", day)}
    assert status["points outstanding"] == outstanding
    assert status["management liability"] == report["rows"][-1]["liability"]
    ahead = await seeded_history.rows("expiry", day)
    assert sum(row["points"] for row in ahead) == outstanding


async def test_points_and_money_of_a_month_are_known(seeded_history: SeededHistory) -> None:
    april = next(row for row in await seeded_history.rows("points", "2025-04-30") if row["month"] == "2025-04")
    currency = seeded_history.definition.currency
    owed = (1200 + 300 + 700 + 90 + 100 - 1000) * currency.cost_per_point * currency.expected_redemption_rate
    assert april == {
        "month": "2025-04",
        "currency": "NOTES",
        "issued": 100,
        "redeemed": 1000,
        "expired": 0,
        "forfeited": 0,
        "otherwise": 0,
        "outstanding": 1390,
        "liability": f"{owed:.2f}",
    }


@pytest.mark.parametrize("name", ["movement", "points"])
async def test_what_was_told_of_a_month_that_is_over_stays_told(seeded_history: SeededHistory, name: str) -> None:
    details: dict[tuple[str, str], dict[str, Any]] = {}
    for day in ("2025-03-31", "2025-05-31", "2025-09-30"):
        for row in await seeded_history.rows(name, day):
            if row.get("lapsed", 0) is None:
                row.pop("lapsed")  # the last month of a report is not known to be over
            before = details.setdefault((row["month"], row.get("currency", "")), row)
            assert {column: row[column] for column in before if column in row} == {
                column: value for column, value in before.items() if column in row
            }
            details[row["month"], row.get("currency", "")] = before | row


async def test_points_expire_ahead_by_the_month_of_their_lots(seeded_history: SeededHistory) -> None:
    rows = {row["month"]: (row["points"], row["members"]) for row in await seeded_history.rows("expiry", "2025-03-31")}
    assert rows == {"2027-02": (1200, 1), "2027-03": (300 + 700 + 90, 3)}
    points = {row["month"]: row["points"] for row in await seeded_history.rows("expiry", "2025-04-30")}
    assert points == {"2027-02": 200, "2027-03": 1090, "2027-04": 100}


async def test_a_redemption_has_the_state_of_the_day(seeded_history: SeededHistory) -> None:
    names = ("asked", "held", "fulfilled", "voided", "refused", "points")

    async def of(day: str) -> list[tuple[int, ...]]:
        return [tuple(row[name] for name in names) for row in await seeded_history.rows("redemptions", day)]

    assert await of("2025-03-31") == []
    assert await of("2025-04-15") == [(1, 1, 0, 0, 0, 0)]
    assert await of("2025-05-10") == [(2, 1, 1, 0, 0, 1000)]
    assert await of("2025-07-10") == [(3, 1, 1, 1, 0, 1000)]


async def test_the_status_is_that_of_the_day(seeded_history: SeededHistory) -> None:
    async def of(day: str) -> tuple[Any, ...]:
        details = {row["what"]: row["value"] for row in await seeded_history.rows("status", day)}
        return tuple(details[what] for what in ("stage", "product status", "revision in force", "wave", "members"))

    wave = seeded_history.definition.waves[0]
    assert await of("2025-01-20") == ("strategy", "In study", None, None, 0)
    assert await of("2025-03-20") == ("rollout", "Launched", 1, f"{wave.id} ({wave.share} %)", 3)
    assert await of("2025-06-20") == ("operation", "Launched", 1, f"{wave.id} ({wave.share} %)", 2)


async def test_what_was_stuck_or_went_wrong_is_told_until_it_no_longer_is(stack: Stack) -> None:
    seeded_history = await lived(stack)
    before = {row["kind"] for row in await seeded_history.rows("exceptions", "2025-06-30")}
    assert before == {"redemption in doubt"}
    await with_trouble(seeded_history)
    at_worst = {row["kind"] for row in await seeded_history.rows("exceptions", "2025-07-11")}
    assert at_worst == {
        "gate overdue",
        "amendment wanted",
        "test failed",
        "prototype failed",
        "redemption in doubt",
        "offer overdue",
        "nudge not sent",
        "notice not delivered",
    }
    (notice,) = [row for row in await seeded_history.rows("exceptions", "2025-07-11") if row["kind"] == "notice not delivered"]
    assert notice["remedy"].endswith(f"tenure notice replay {notice['what']}")
    assert "somebody" not in str(notice)  # not everybody who sees it may see whom it goes to
    later = {row["kind"] for row in await seeded_history.rows("exceptions", "2025-07-13")}
    assert at_worst - later == {"offer overdue", "nudge not sent"}

    assert "not evaluated" in {
        row["kind"] for row in await seeded_history.rows("exceptions", "2025-08-15")
    }  # twice P3M after February

    figures = _figures(seeded_history)
    async with stack.engine.begin() as connection:
        alert = judge(seeded_history.definition, figures, at(7, 13))
        record = evaluations.EvaluationRecord(
            id=f"{seeded_history.program}/e", consequence=alert.consequence, verdict=alert, at=alert.at
        )
        await evaluations.keep_evaluation(connection, seeded_history.program, record)
    evaluated = await seeded_history.rows("exceptions", "2025-07-14")
    assert [row["what"] for row in evaluated if row["kind"] == "verdict"] == ["active_rate"]
    assert "not evaluated" not in {row["kind"] for row in await seeded_history.rows("exceptions", "2025-08-15")}
    assert "not evaluated" in {row["kind"] for row in await seeded_history.rows("exceptions", "2026-01-31")}


def _figures(seeded_history: SeededHistory) -> dict[Kpi, Figures]:
    """One of ten members was active, and no points moved."""
    nothing = {name: 0 for name, field in Figures.model_fields.items() if field.annotation is int}
    figures = Figures.model_validate(nothing | {"members_at_start": 10, "members_at_end": 10, "active_members": 1})
    return {rule.kpi: figures for rule in seeded_history.definition.evaluation.kpis}


async def test_drift_is_told_as_of_now(stack: Stack) -> None:
    seeded_history = await lived(stack)
    clean = {row["kind"] for row in await seeded_history.rows("exceptions")}
    assert "drift" not in clean
    account = {"program": seeded_history.program}
    async with stack.engine.begin() as connection:
        await connection.execute(
            text("UPDATE ledger.account SET posted = posted + 1 WHERE program = :program AND participant = 'ann'"), account
        )
    try:
        drifts = [row for row in await seeded_history.rows("exceptions") if row["kind"] == "drift"]
        assert "ann" in {drift["what"] for drift in drifts}
        assert all("expected" in drift["told"] for drift in drifts)
        assert "drift" not in {row["kind"] for row in await seeded_history.rows("exceptions", "2025-07-01")}
    finally:
        async with stack.engine.begin() as connection:
            await connection.execute(
                text("UPDATE ledger.account SET posted = posted - 1 WHERE program = :program AND participant = 'ann'"), account
            )


async def test_decisions_say_how_long_a_gate_took_and_who_was_not_counted(stack: Stack) -> None:
    seeded_history = await lived(stack)
    await with_trouble(seeded_history)
    rows = {row["gate"].split("/gate/")[1]: row for row in await seeded_history.rows("decisions", "2025-07-05")}
    asked = rows["amendment/1"]
    assert (asked["outcome"], asked["hours"], asked["approvals"], asked["other_votes"], asked["not_counted"]) == (
        "approved",
        "48.00",
        1,
        1,
        1,
    )
    assert (rows["launch/1"]["outcome"], rows["launch/1"]["decided"]) == ("open", None)
    (earlier,) = [row for row in await seeded_history.rows("decisions", "2025-07-02") if "amendment" in row["gate"]]
    assert (earlier["outcome"], earlier["approvals"], earlier["other_votes"]) == ("open", 1, 0)  # taken back a day later


@pytest.mark.parametrize("name", OUTLINES)
async def test_csv_has_the_same_rows_under_the_names_of_the_columns(
    seeded_history: SeededHistory, stack: Stack, name: str
) -> None:
    response = await stack.http.get(
        seeded_history.path(name, "2025-06-30", "csv"), headers={"Authorization": "Bearer demo-owner"}
    )
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == f'attachment; filename="{seeded_history.program}-{name}-2025-06-30.csv"'
    rows = list(csv.DictReader(io.StringIO(response.text)))
    details = await seeded_history.report(name, "2025-06-30")
    assert response.text.partition("\n")[0] == ",".join(column["name"] for column in details["columns"])
    assert len(rows) == len(details["rows"])


@pytest.mark.parametrize("name", OUTLINES)
async def test_a_page_has_its_plots_and_fetches_nothing(seeded_history: SeededHistory, stack: Stack, name: str) -> None:
    response = await stack.http.get(
        seeded_history.path(name, "2025-06-30", "html"), headers={"Authorization": "Bearer demo-owner"}
    )
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert response.text.count("<svg") == len(OUTLINES[name].plots)
    assert re.findall(r"(?:src|href|url|@import)\s*[=(]", response.text) == []
    assert "<script" not in response.text
    if name == "movement":  # who lapsed in the last month is not known, and is drawn nowhere
        assert "2025-06, active" in response.text
        assert "2025-06, lapsed" not in response.text


async def test_a_program_that_waits_at_its_first_gate_has_every_report(stack: Stack) -> None:
    definition = sample_definition(program_id("young"))
    await begin(stack, definition)
    young = SeededHistory(stack, definition)
    for name in OUTLINES:
        assert (await young.report(name))["name"] == name
    assert [row["value"] for row in await young.rows("status") if row["what"] == "members"] == [0]


def _ask(seeded_history: SeededHistory, name: str, **asked: str) -> Any:
    query = "&".join(f"{key}={value}" for key, value in asked.items())
    return seeded_history.stack.http.get(
        f"/programs/{seeded_history.program}/reports/{name}?{query}", headers={"Authorization": "Bearer demo-owner"}
    )


async def test_what_cannot_be_reported_is_refused_with_what_to_ask_instead(seeded_history: SeededHistory) -> None:
    unknown = problem(await _ask(seeded_history, "everything"), 404, "report_unknown")
    assert all(name in unknown["remedy"] for name in OUTLINES)
    for day in ("soon", "2025-02-30", "2025-3-1", "2025-03-01T10:00:00Z", "20250301"):
        found = problem(await _ask(seeded_history, "status", as_of=day), 422, "as_of_wrong")
        assert (found["field"], "is no day" in found["detail"]) == ("as_of", True)
    early = problem(await _ask(seeded_history, "status", as_of="2025-01-09"), 422, "as_of_wrong")
    assert "started on 2025-01-10" in early["detail"]
    future = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert "has not come yet" in problem(await _ask(seeded_history, "status", as_of=future), 422, "as_of_wrong")["detail"]
    assert problem(await _ask(seeded_history, "status", format="pdf"), 422, "invalid_request")["field"] == "query.format"
    nowhere = await seeded_history.stack.http.get(
        "/programs/nowhere/reports/status", headers={"Authorization": "Bearer demo-owner"}
    )
    problem(nowhere, 404, "program_unknown")
    problem(
        await seeded_history.stack.http.get("/programs/nowhere/reports", headers={"Authorization": "Bearer demo-owner"}),
        404,
        "program_unknown",
    )


async def test_today_is_a_day_up_to_now(seeded_history: SeededHistory) -> None:
    async def read(today: date) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return await seeded_history.rows("movement", today.isoformat()), await seeded_history.rows("movement")

    _, (of_today, of_now) = await within_one_day(seeded_history.definition.zone, read)
    assert of_today == of_now
