"""Joining as a definition limits it: conditions, a fee, invitations; and what is said of a person goes no further."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities.members.members import Joining, MemberActivities
from domain import ids
from tests.api.provider import Provider
from tests.api.sample_program import SHOP, SampleProgram, launched, problem, unchanged
from tests.stack import Stack

JOINING = {
    "requires": [{"attribute": "country", "one_of": ["DE", "AT"]}, {"attribute": "age", "at_least": 18}],
    "fee": "9.50",
}
GOOD = {"country": "AT", "age": 47.25}


@pytest.fixture(scope="module")
async def paid(stack: Stack, provider: Provider) -> SampleProgram:
    """A program for adults of two countries, who pay to join."""
    return await launched(stack, provider.address, joining=JOINING)


@pytest.fixture(scope="module")
async def closed(stack: Stack, provider: Provider) -> SampleProgram:
    """A program for those who were invited."""
    return await launched(stack, provider.address, joining={"invitation_only": True})


async def _enrol(sample_program: SampleProgram, participant: str, **more: Any) -> Response:
    body = {"participant": participant, "agreement": "1997-01"} | more
    return await sample_program.stack.post(f"{sample_program.path}/members", body, person=SHOP)


async def _invite(
    sample_program: SampleProgram, participants: Any, *, person: str = "demo-marketing", key: str | None = None
) -> Response:
    return await sample_program.stack.post(
        f"{sample_program.path}/invitations", {"participants": participants}, person=person, key=key
    )


async def test_who_meets_the_conditions_and_accepts_the_fee_joins_and_both_are_shown(paid: SampleProgram, stack: Stack) -> None:
    participant = paid.stranger()
    response = await _enrol(paid, participant, attributes=GOOD, fee="9.50")
    assert (response.status_code, response.json()["fee"]) == (201, "9.50"), response.text
    found = await stack.get(f"{paid.path}/members/{participant}", SHOP)
    assert (found["fee"], found["agreement"]) == ("9.50", "1997-01")
    again = await _enrol(paid, participant)
    assert (again.status_code, again.json()["fee"]) == (201, "9.50"), "who is a member already is asked for nothing"


@pytest.mark.parametrize(
    ("attributes", "code", "field"),
    [
        ({"country": "FR", "age": 40}, "requirement_not_met", "attributes.country"),
        ({"country": "AT", "age": 17}, "requirement_not_met", "attributes.age"),
        ({"country": "AT"}, "requirement_not_met", "attributes.age"),
        ({}, "requirement_not_met", "attributes.country"),
        ({"country": True, "age": 40}, "requirement_not_met", "attributes.country"),
        ({"country": "AT", "age": "forty"}, "invalid_request", "attributes.age"),
        ({"country": "AT", "age": None}, "invalid_request", "attributes.age"),
        ({"country": "AT", "age": [40]}, "invalid_request", "attributes.age"),
        ({"country": "AT", "age": 40, "full-name": "Ann"}, "attribute_not_asked", "attributes.full-name"),
        ({"country": "AT", "age": 40, "Full Name": "Ann"}, "invalid_request", None),
        ("DE", "invalid_request", "attributes"),
    ],
)
async def test_who_does_not_meet_the_conditions_is_told_which_and_changes_nothing(
    paid: SampleProgram, stack: Stack, attributes: Any, code: str, field: str | None
) -> None:
    participant = paid.stranger()
    async with unchanged(stack, paid.program):
        response = await _enrol(paid, participant, attributes=attributes, fee="9.50")
    found = problem(response, 409 if code == "requirement_not_met" else 422, code)
    if field is not None:
        assert found["field"] == field
    assert "Ann" not in response.text.replace("'Full Name'", "") and "forty" not in response.text
    if code == "attribute_not_asked":
        assert "age, country" in found["remedy"]


async def test_a_refusal_says_what_is_asked_in_words(paid: SampleProgram) -> None:
    found = problem(await _enrol(paid, paid.stranger(), fee="9.50"), 409, "requirement_not_met")
    assert found["detail"] == "Who joins must meet: country is DE or AT and age is at least 18."


@pytest.mark.parametrize("fee", [None, "0", "9.49", "95", 10])
async def test_the_fee_must_be_accepted_as_it_is(paid: SampleProgram, stack: Stack, fee: Any) -> None:
    more = {} if fee is None else {"fee": fee}
    async with unchanged(stack, paid.program):
        found = problem(await _enrol(paid, paid.stranger(), attributes=GOOD, **more), 422, "fee_differs")
    assert (found["field"], "joining costs 9.5 USD" in found["detail"]) == ("fee", True)


@pytest.mark.parametrize("fee", ["-1", "much", "1e400", True])
async def test_a_fee_is_an_amount_of_money(paid: SampleProgram, stack: Stack, fee: Any) -> None:
    async with unchanged(stack, paid.program):
        found = problem(await _enrol(paid, paid.stranger(), attributes=GOOD, fee=fee), 422, "invalid_request")
    assert found["field"] == "fee"


async def test_where_nothing_is_asked_nothing_is_taken(sample_program: SampleProgram, stack: Stack) -> None:
    async with unchanged(stack, sample_program.program):
        problem(await _enrol(sample_program, sample_program.stranger(), fee="1"), 422, "fee_differs")
        found = problem(
            await _enrol(sample_program, sample_program.stranger(), attributes={"age": 40}), 422, "attribute_not_asked"
        )
    assert "Send no attributes" in found["remedy"]


async def test_what_was_said_of_a_person_is_in_no_history_and_in_no_table(paid: SampleProgram, stack: Stack) -> None:
    participant = paid.stranger()
    response = await _enrol(paid, participant, attributes={"country": "AT", "age": 47.2536}, fee="9.50")
    assert response.status_code == 201
    history = await stack.temporal.get_workflow_handle(ids.member(paid.program, participant)).fetch_history()
    summary = str(history.events)
    assert participant in summary and "47.2536" not in summary and "country" not in summary
    async with stack.engine.connect() as connection:
        tables = (
            await connection.execute(
                text("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('store', 'ledger')")
            )
        ).scalars()
        for table in tables:
            count = await connection.scalar(text(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%47.2536%'"))  # noqa: S608
            assert count == 0, table


async def test_who_was_invited_may_join_and_others_may_not(closed: SampleProgram, stack: Stack) -> None:
    guest, stranger = closed.stranger(), closed.stranger()
    async with unchanged(stack, closed.program):
        found = problem(await _enrol(closed, stranger), 409, "not_invited")
    assert "tenure member invite" in found["remedy"]
    before = (await stack.get(f"{closed.path}/invitations"))["invited"]
    invited = await _invite(closed, [guest, guest])
    assert (invited.status_code, invited.json()["added"], invited.json()["needed"]) == (201, 1, True)
    assert invited.json()["invited"] == before + 1
    assert (await _enrol(closed, guest)).status_code == 201
    (listed,) = [
        each for each in (await stack.get(f"{closed.path}/invitations", SHOP))["items"] if each["participant"] == guest
    ]
    assert (listed["invited_by"], listed["accepted_at"] is not None) == ("demo-marketing", True)
    assert (await _invite(closed, [guest])).json()["added"] == 0


async def test_the_same_list_sent_by_two_at_once_invites_each_once(closed: SampleProgram) -> None:
    guests = [f"g-{number}" for number in range(300)]
    first, second = await asyncio.gather(_invite(closed, guests), _invite(closed, guests[::-1]))
    assert first.json()["added"] + second.json()["added"] == 300


async def test_the_step_that_writes_the_member_looks_at_the_invitation_again(closed: SampleProgram, stack: Stack) -> None:
    guest = closed.stranger()
    joining = Joining(program=closed.program, participant=guest, agreement="1997-01", at=datetime.now(UTC))
    activities = MemberActivities(stack.engine, stack.ledger)
    async with unchanged(stack, closed.program):
        with pytest.raises(ApplicationError) as caught:
            await activities.establish_member(joining)
    assert (caught.value.type, caught.value.non_retryable) == ("not_invited", True)
    await _invite(closed, [guest])
    assert (await activities.establish_member(joining)).participant == guest


@pytest.mark.parametrize(
    "participants", [[], ["Ann Lee"], ["ann@example.org"], "m-1", None, ["m-1", 7], ["x" * 64], ["m"] * 10_001]
)
async def test_a_list_of_invitations_is_of_references(closed: SampleProgram, stack: Stack, participants: Any) -> None:
    before = await stack.get(f"{closed.path}/invitations")
    found = problem(await _invite(closed, participants), 422, "invalid_request")
    assert found["field"].startswith("participants")
    assert await stack.get(f"{closed.path}/invitations") == before


async def test_the_same_key_invites_once_and_serves_no_other_list(closed: SampleProgram) -> None:
    first, second = [await _invite(closed, ["k-1"], key="invite-k") for _ in range(2)]
    assert second.json() == first.json() and second.headers["Idempotency-Replayed"] == "true"
    problem(await _invite(closed, ["k-2"], key="invite-k"), 422, "idempotency_key_reused")


async def test_nobody_is_invited_to_what_is_not_there(closed: SampleProgram, stack: Stack) -> None:
    response = await stack.post("/programs/nowhere/invitations", {"participants": ["m-1"]}, person=SHOP)
    problem(response, 404, "program_unknown")
    refused = await _invite(closed, ["m-1"], person="demo-finance")
    problem(refused, 403, "not_allowed")
