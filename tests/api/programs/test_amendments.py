"""Amendments by the API: what is refused says which field, and why; what is known of one is shown to whoever may see it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.sample_program import SampleProgram, Waiting, definition_of, problem
from tests.stack import Stack
from tests.waiting import stage_reached

Begin = Callable[[], Awaitable[Waiting]]
DEARER = [{"id": "sampler", "name": "A sampler", "points": 999}]


async def _revise(sample_program: SampleProgram, query: str = "", **changes: Any) -> Any:
    body = definition_of(sample_program.program, **changes).model_dump(mode="json", by_alias=True)
    return await sample_program.stack.post(f"{sample_program.path}/revisions{query}", body)


async def _unchanged(sample_program: SampleProgram) -> bool:
    return len((await sample_program.stack.get(f"{sample_program.path}/revisions"))["items"]) == 1


@pytest.mark.parametrize("asked", ["2020-01-01", "2020-01-01T09:00:00Z", "1999-12-31"])
async def test_a_date_that_has_passed_is_refused(sample_program: SampleProgram, asked: str) -> None:
    found = problem(await _revise(sample_program, f"?effective_from={asked}", rewards=DEARER), 422, "effective_date_past")
    assert found["field"] == "effective_from"
    assert await _unchanged(sample_program)


async def test_a_date_that_is_too_far_off_is_refused_with_the_latest_that_is_not(sample_program: SampleProgram) -> None:
    found = problem(await _revise(sample_program, "?effective_from=2190-01-01", rewards=DEARER), 422, "effective_date_far")
    assert (found["field"], "before 20" in found["remedy"]) == ("effective_from", True)
    assert await _unchanged(sample_program)


@pytest.mark.parametrize("asked", ["tomorrow", "2027-02-30", "2027-01-01T09:00:00", "", "9999-01-01"])
async def test_what_is_no_date_is_refused_with_one_that_is(sample_program: SampleProgram, asked: str) -> None:
    found = problem(await _revise(sample_program, f"?effective_from={quote(asked)}", rewards=DEARER), 422, "invalid_request")
    (error,) = found["errors"]
    assert (error["field"], "write for instance 2026-03-10" in error["problem"]) == ("query.effective_from", True)
    assert await _unchanged(sample_program)


async def test_a_substantial_amendment_is_not_handed_in_as_a_minor_one(sample_program: SampleProgram) -> None:
    found = problem(await _revise(sample_program, "?weight=minor", rewards=DEARER), 422, "weight_understated")
    assert found["field"] == "weight"
    assert "No longer: " in found["detail"] or "now costs" in found["detail"]
    assert await _unchanged(sample_program)
    problem(await _revise(sample_program, "?weight=heavy", rewards=DEARER), 422, "invalid_request")


async def test_members_cannot_be_left_with_conditions_that_nothing_counts_towards(sample_program: SampleProgram) -> None:
    tiers = [tier.model_dump(mode="json", exclude_defaults=True) for tier in sample_program.definition.tiers]
    bought = {"id": "bought", "counts": "events"}
    for place, tier in enumerate(tiers[1:], start=1):
        tier |= {"reach": {"all": [{"counter": "bought", "at_least": place}]}, "keep": None}
    amended: dict[str, Any] = {"counters": [bought], "tiers": tiers, "transition": "grandfather"}
    found = problem(await _revise(sample_program, **amended), 422, "counter_dropped")
    assert (found["field"], "spend" in found["detail"]) == ("counters", True)
    assert await _unchanged(sample_program)


async def test_a_date_is_for_amendments_and_not_for_the_launch(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    await waiting.vote("demo-marketing", "request_changes", reason="dearer, please")
    await stage_reached(stack, waiting.program, "development")
    body = definition_of(waiting.program, summary="Better.").model_dump(mode="json", by_alias=True)
    path = f"/programs/{waiting.program}/revisions"
    later = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"
    problem(await stack.post(f"{path}?effective_from={later}", body), 422, "no_date_before_launch")
    problem(await stack.post(f"{path}/1/restoration"), 409, "never_in_force")
    handed_in = await stack.post(path, body)
    assert (handed_in.status_code, handed_in.json()["weight"]) == (201, None)
    differs = await stack.get(f"{path}/2/difference")
    assert (differs["compared_with"], differs["weight"]) == (1, "minor")
    assert [each["told"] for each in differs["differences"]] == ["The text of the program (summary) has changed."]


@pytest.mark.parametrize("what", ["difference", "impact", "impact/members", "notices"])
async def test_a_revision_that_is_not_there_is_told_so(sample_program: SampleProgram, what: str) -> None:
    headers = {"Authorization": "Bearer demo-owner"}
    problem(
        await sample_program.stack.http.get(f"{sample_program.path}/revisions/9/{what}", headers=headers),
        404,
        "revision_unknown",
    )


async def test_a_first_revision_differs_from_nothing_and_has_no_impact(sample_program: SampleProgram) -> None:
    path = f"{sample_program.path}/revisions/1"
    shown = await sample_program.stack.get(f"{path}/difference")
    assert (shown["compared_with"], shown["weight"], shown["differences"]) == (None, None, [])
    headers = {"Authorization": "Bearer demo-owner"}
    for what in ("impact", "impact/members"):
        problem(await sample_program.stack.http.get(f"{path}/{what}", headers=headers), 404, "impact_unknown")
    assert (await sample_program.stack.get(f"{path}/notices"))["items"] == []


async def test_what_waits_for_no_date_cannot_be_called_back(sample_program: SampleProgram) -> None:
    path = f"{sample_program.path}/revisions"
    problem(await sample_program.stack.post(f"{path}/1/withdrawal", {"reason": "a slip"}), 409, "nothing_to_recall")
    problem(await sample_program.stack.post(f"{path}/9/withdrawal", {"reason": "a slip"}), 404, "revision_unknown")
    problem(await sample_program.stack.post(f"{path}/1/withdrawal", {"reason": ""}), 422, "invalid_request")
    problem(await sample_program.stack.post(f"{path}/1/withdrawal", {}), 422, "invalid_request")
    problem(await sample_program.stack.post(f"{path}/9/restoration"), 404, "revision_unknown")
    problem(await sample_program.stack.post(f"{path}/1/restoration"), 409, "nothing_to_restore")
