"""Bodies that are too large or hold what cannot be kept, and transaction logs with bad lines."""

from collections.abc import AsyncIterator

import pytest

from tests.api.sample_program import SHOP, SampleProgram, problem, unchanged
from tests.stack import Stack

_MEBIBYTE = 1024 * 1024


def _headers(person: str = "demo-owner", key: str = "too-large") -> dict[str, str]:
    return {"Authorization": f"Bearer {person}", "Idempotency-Key": key}


async def _mebibytes(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b" " * _MEBIBYTE


async def test_a_body_that_is_announced_as_too_large_is_not_even_read(stack: Stack) -> None:
    headers = _headers() | {"Content-Length": str(16 * _MEBIBYTE + 1)}
    found = problem(await stack.http.post("/transaction-logs/large", content=b"", headers=headers), 413, "body_too_large")
    assert "16,777,216 bytes" in found["detail"]


@pytest.mark.parametrize("path", ["/transaction-logs/large", "/programs", "/programs/nowhere/end"])
async def test_a_body_that_turns_out_too_large_is_refused_on_the_way(stack: Stack, path: str) -> None:
    response = await stack.http.post(path, content=_mebibytes(17), headers=_headers())
    problem(response, 413, "body_too_large")


async def test_a_body_that_comes_in_parts_is_read_whole(stack: Stack) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for part in (b"customer,at,amount\n", b"c1,2026-01-01T", b"10:00:00Z,1.00\n"):
            yield part

    response = await stack.http.post("/transaction-logs/in-parts", content=parts(), headers=_headers(key="in-parts"))
    assert (response.status_code, response.json()) == (201, {"name": "in-parts", "rows": 1})


async def test_a_definition_is_no_longer_than_a_mebibyte(stack: Stack) -> None:
    response = await stack.http.post("/programs", content=b" " * (_MEBIBYTE + 1), headers=_headers())
    found = problem(response, 413, "body_too_large")
    assert "1,048,576 bytes" in found["detail"]


@pytest.mark.parametrize("path", ["/programs/no%00where", "/gates/no%00where", "/gates?program=no%00where"])
async def test_an_address_with_what_no_database_keeps_is_refused(stack: Stack, path: str) -> None:
    response = await stack.http.get(path, headers={"Authorization": f"Bearer {SHOP}"})
    problem(response, 422, "invalid_request")


async def test_a_reason_with_what_no_database_keeps_is_refused(sample_program: SampleProgram, stack: Stack) -> None:
    participant = await sample_program.member()
    async with unchanged(stack, sample_program.program):
        response = await stack.post(f"{sample_program.path}/members/{participant}/departure", {"reason": "\x00"}, person=SHOP)
        assert problem(response, 422, "invalid_request")["field"] == "reason"


async def test_a_log_is_refused_with_every_line_that_is_none(stack: Stack) -> None:
    lines = [
        "customer,at,amount",
        "c1,2026-01-01T10:00:00Z,1.00",
        "c2,2026-01-01T10:00:00,1.00",
        "c3,yesterday,1.00",
        "c4,2026-01-01T10:00:00Z,much",
        "c5,2026-01-01T10:00:00Z,-1",
        ",2026-01-01T10:00:00Z,1.00",
        "c7,2026-01-01T10:00:00Z",
        "c8,2026-01-01T10:00:00Z,1e999999",
        "c9,0001-01-01T00:00:00+14:00,1.00",
        "c10\x00,2026-01-01T10:00:00Z,1.00",
        "c11,2026-01-01T10:00:00Z,NaN",
        "",
    ]
    found = problem(await stack.post("/transaction-logs/bad-lines", content="\n".join(lines)), 422, "invalid_request")
    assert [fault["field"] for fault in found["errors"]] == [f"line {number}" for number in range(3, 13)]
    assert "no time zone" in found["errors"][0]["problem"]
    problem(await stack.http.get("/transaction-logs/bad-lines", headers=_headers()), 404, "transaction_log_unknown")


@pytest.mark.parametrize(
    "body",
    [b"", b"customer,at\n", b"who,when,what\n", b"customer,at,amount\n", b"\xff\xfe", b"customer,at,amount\n" + b"x" * 200_000],
)
async def test_a_log_that_is_none_is_refused(stack: Stack, body: bytes) -> None:
    response = await stack.http.post("/transaction-logs/no-log", content=body, headers=_headers(key="no-log"))
    problem(response, 422, "invalid_request")
    problem(await stack.http.get("/transaction-logs/no-log", headers=_headers()), 404, "transaction_log_unknown")


async def test_a_log_never_changes(stack: Stack) -> None:
    rows = "customer,at,amount\nc1,2026-01-01T10:00:00Z,{}\n"
    assert (await stack.post("/transaction-logs/fixed", content=rows.format("1.00"))).status_code == 201
    kept = await stack.get("/transaction-logs/fixed")
    problem(await stack.post("/transaction-logs/fixed", content=rows.format("2.00")), 409, "transaction_log_differs")
    assert await stack.get("/transaction-logs/fixed") == kept


@pytest.mark.parametrize("name", ["Capital", "a_b", "a%20b", "x" * 64])
async def test_a_log_has_a_short_name(stack: Stack, name: str) -> None:
    response = await stack.post(f"/transaction-logs/{name}", content="customer,at,amount\nc1,2026-01-01T10:00:00Z,1\n")
    assert problem(response, 422, "invalid_request")["field"] == "path.name"
