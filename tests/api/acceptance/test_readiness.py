"""Signing readiness: by whom, for which revision, once; and what is refused, in words that say whose it is."""

from typing import Any

import pytest

from tests.api.sample_program import problem
from tests.program_steps import begin, revise, sample_definition
from tests.stack import Stack, program_id
from tests.waiting import approve, stage_reached

TILLS = {"id": "tills", "name": "The tills know the card", "owner": "operations"}
TERMS = {"id": "terms", "name": "The terms are published", "owner": "finance"}


@pytest.fixture
async def program(stack: Stack) -> str:
    """A program whose first revision is being qualified."""
    program = program_id("ready")
    await begin(stack, sample_definition(program, readiness={"items": [TILLS, TERMS]}))
    return program


async def sign(stack: Stack, program: str, item: str, person: str, what: str = "signature", **more: Any) -> Any:
    path = f"/programs/{program}/readiness/{item}/{what}"
    return await stack.post(path, {"note": more.pop("note", "")}, person=person, **more)


async def items(stack: Stack, program: str) -> dict[str, str | None]:
    found = (await stack.get(f"/programs/{program}/readiness"))["items"]
    return {item["id"]: item["signature"] and item["signature"]["person"] for item in found}


async def test_an_item_is_signed_by_its_owner_once_and_can_be_taken_back(stack: Stack, program: str) -> None:
    found = await stack.get(f"/programs/{program}/readiness")
    assert (found["revision"], found["waits"], found["checked_at"], found["ready"], found["findings"]) == (
        1,
        True,
        None,
        None,
        [],
    )
    signed = await sign(stack, program, "tills", "demo-operations", note="On Monday", key="sign-1")
    assert signed.status_code == 201
    assert signed.json()["signature"] | {"at": ""} == {
        "item": "tills",
        "person": "demo-operations",
        "note": "On Monday",
        "at": "",
    }
    assert (await sign(stack, program, "tills", "demo-operations", note="On Monday", key="sign-1")).json() == signed.json()
    again = await sign(stack, program, "tills", "demo-operations", note="Again")
    assert again.json() == signed.json()  # it is signed, by the same person and as before
    assert await items(stack, program) == {"tills": "demo-operations", "terms": None}
    taken = await sign(stack, program, "tills", "demo-operations", "signature/withdrawal", note="Not in the south")
    assert (taken.status_code, taken.json()["signature"]) == (201, None)
    assert await items(stack, program) == {"tills": None, "terms": None}
    entries = (await stack.get(f"/programs/{program}/audit"))["items"]
    lines = [
        (entry["action"], entry["actor"], entry["about"], entry["details"]["item"], entry["details"]["note"])
        for entry in entries
        if entry["action"].startswith("readiness")
    ]
    assert lines == [
        ("readiness_signed", "demo-operations", "r1", "tills", "On Monday"),
        ("readiness_unsigned", "demo-operations", "r1", "tills", "Not in the south"),
    ]


@pytest.mark.parametrize(
    ("item", "person", "what", "code", "status", "words"),
    [
        ("tills", "demo-legal", "signature", "not_the_items_owner", 403, "belongs to operations"),
        ("terms", "demo-owner", "signature", "four_eyes", 403, "demo-owner owns, submitted or edited"),
        ("tils", "demo-operations", "signature", "readiness_item_unknown", 404, "no item 'tils'"),
        ("tills", "demo-operations", "signature/withdrawal", "not_signed", 409, "is not signed"),
        ("tills", "demo-legal", "signature/withdrawal", "not_the_items_owner", 403, "belongs to operations"),
    ],
)
async def test_what_is_refused_changes_nothing(
    stack: Stack, program: str, item: str, person: str, what: str, code: str, status: int, words: str
) -> None:
    found = problem(await sign(stack, program, item, person, what), status, code)
    assert words in found["detail"]
    assert await items(stack, program) == {"tills": None, "terms": None}


async def test_a_note_is_no_book(stack: Stack, program: str) -> None:
    problem(await sign(stack, program, "tills", "demo-operations", note="x" * 501), 422, "invalid_request")
    problem(await sign(stack, program, "tills", "demo-operations", note="a\x00"), 422, "invalid_request")
    assert await items(stack, program) == {"tills": None, "terms": None}


async def test_a_revision_that_went_back_is_signed_no_more_and_the_next_one_is_signed_anew(stack: Stack, program: str) -> None:
    assert (await sign(stack, program, "tills", "demo-operations")).status_code == 201
    gate = f"program/{program}/r1/gate/strategy/1"
    await approve(stack, gate, "demo-marketing")
    digest = (await stack.get(f"/gates/{gate}"))["subject"]["digest"]
    body = {"answer": "request_changes", "digest": digest, "reason": "Say more"}
    assert (await stack.post(f"/gates/{gate}/decisions", body, person="demo-finance")).status_code == 201
    await stage_reached(stack, program, "development")
    problem(await sign(stack, program, "terms", "demo-finance"), 409, "nothing_to_sign")
    await revise(stack, sample_definition(program, readiness={"items": [TILLS, TERMS]}, summary="More."))
    assert await items(stack, program) == {"tills": None, "terms": None}
    found = await stack.get(f"/programs/{program}/readiness")
    assert (found["revision"], found["waits"]) == (2, True)
