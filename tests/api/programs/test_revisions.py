"""Revisions with entity tags: what was read, so that nobody overwrites unread what somebody else has handed in."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from httpx import Response
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain import ids
from domain.definition.document import Definition, digest
from tests.api.sample_program import SampleProgram, Waiting, definition_of, problem
from tests.stack import Stack
from tests.waiting import stage_reached
from workflows.programs.lifecycle import ProgramLifecycle
from workflows.programs.state import RevisionSubmission

Begin = Callable[[], Awaitable[Waiting]]
_keys = iter(range(1_000_000))


async def _submit(stack: Stack, definition: Definition, if_match: str | None) -> Response:
    headers = {"Authorization": "Bearer demo-owner", "Idempotency-Key": f"revise-{next(_keys)}"}
    if if_match is not None:
        headers["If-Match"] = if_match
    path = f"/programs/{definition.program}/revisions"
    return await stack.http.post(path, json=definition.model_dump(mode="json"), headers=headers)


async def _get(stack: Stack, path: str, **headers: str) -> Response:
    return await stack.http.get(path, headers={"Authorization": "Bearer demo-owner"} | headers)


async def _asked_to_change(begin: Begin, stack: Stack) -> Waiting:
    """A program whose first revision came back with the wish for changes."""
    waiting = await begin()
    await waiting.vote("demo-marketing", "request_changes", reason="dearer, please")
    await stage_reached(stack, waiting.program, "development")
    return waiting


async def test_of_two_who_have_read_the_same_one_hands_in_and_the_other_is_told(begin: Begin, stack: Stack) -> None:
    waiting = await _asked_to_change(begin, stack)
    path = f"/programs/{waiting.program}"
    read = (await _get(stack, path)).headers["ETag"]
    mine, theirs = (definition_of(waiting.program, summary=words) for words in ("Mine.", "Theirs."))
    answers = await asyncio.gather(_submit(stack, mine, read), _submit(stack, theirs, read))
    statuses = sorted(answer.status_code for answer in answers)
    # Who comes while the other's is being qualified is told that; who comes after, that it is another one.
    assert statuses in ([201, 409], [201, 412]), [answer.text for answer in answers]
    assert [each["number"] for each in (await stack.get(f"{path}/revisions"))["items"]] == [1, 2]
    found = problem(await _submit(stack, definition_of(waiting.program, summary="Late."), read), 412, "changed_meanwhile")
    assert found["field"] == "If-Match"


async def test_the_lifecycle_itself_holds_a_revision_against_what_was_read(begin: Begin, stack: Stack) -> None:
    waiting = await _asked_to_change(begin, stack)
    better = definition_of(waiting.program, summary="Better.")
    handle = stack.temporal.get_workflow_handle(ids.lifecycle(waiting.program))
    submission = RevisionSubmission(definition=better, digest=digest(better), submitted_by="demo-owner", instead_of="0" * 64)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        _ = await handle.execute_update(ProgramLifecycle.submit_revision, submission)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "changed_meanwhile"


@pytest.mark.parametrize("tag", ["*", '"{digest}"', '"no", "{digest}"', '"{digest}.in_force"'])
async def test_what_was_read_may_be_named_in_each_way_that_http_has(begin: Begin, stack: Stack, tag: str) -> None:
    waiting = await _asked_to_change(begin, stack)
    better = definition_of(waiting.program, summary="Better.")
    response = await _submit(stack, better, tag.replace("{digest}", digest(waiting.definition)))
    assert response.status_code == 201, response.text


@pytest.mark.parametrize("tag", ['W/"{digest}"', '"other"', '""'])
async def test_another_tag_or_a_weak_one_is_told_and_changes_nothing(
    sample_program: SampleProgram, stack: Stack, tag: str
) -> None:
    better = definition_of(sample_program.program, summary="Better.")
    found = problem(
        await _submit(stack, better, tag.replace("{digest}", digest(sample_program.definition))), 412, "changed_meanwhile"
    )
    assert "ETag" in found["remedy"]
    assert len((await stack.get(f"{sample_program.path}/revisions"))["items"]) == 1


@pytest.mark.parametrize("tag", ["", "no-quotes", '"open', '"a" "b"', '"a",'])
async def test_what_is_no_tag_is_told(sample_program: SampleProgram, stack: Stack, tag: str) -> None:
    better = definition_of(sample_program.program, summary="Better.")
    found = problem(await _submit(stack, better, tag), 400, "entity_tag_invalid")
    assert found["field"] == "If-Match"


async def test_a_revision_is_read_with_its_document_and_not_sent_twice(sample_program: SampleProgram, stack: Stack) -> None:
    path = f"{sample_program.path}/revisions/1"
    response = await _get(stack, path)
    found = response.json()
    assert digest(Definition.model_validate(found["definition"])) == found["digest"] == digest(sample_program.definition)
    tag = response.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await _get(stack, path, **{"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert (await _get(stack, path, **{"If-None-Match": '"other"'})).status_code == 200
    problem(await _get(stack, path, **{"If-None-Match": "no tag"}), 400, "entity_tag_invalid")
    problem(await _get(stack, f"{sample_program.path}/revisions/2"), 404, "revision_unknown")
    problem(await _get(stack, "/programs/nowhere/revisions/1"), 404, "program_unknown")
    assert problem(await _get(stack, f"{sample_program.path}/revisions/0"), 422, "invalid_request")["field"] == "path.number"


async def test_the_tag_of_a_program_changes_with_what_is_shown(begin: Begin, stack: Stack) -> None:
    waiting = await begin()
    path = f"/programs/{waiting.program}"
    before = (await _get(stack, path)).headers["ETag"]
    assert (await _get(stack, path)).headers["ETag"] == before
    assert (await waiting.vote("demo-marketing")).status_code == 201
    after = (await _get(stack, path)).headers["ETag"]
    assert after != before
    assert after.partition(".")[0] == before.partition(".")[0] == f'"{digest(waiting.definition)}'
