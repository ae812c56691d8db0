"""Whatever is created says where it is: every route that answers 201, and that something is there."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Response

from store.programs import programs
from tests.api.points.test_points import expired
from tests.api.sample_program import SHOP, SampleProgram, Waiting, definition_of, launched
from tests.stack import Stack, first_revision, program_id
from tests.waiting import stage_reached

Begin = Callable[[], Awaitable[Waiting]]
Make = Callable[[SampleProgram, Begin], Awaitable[Response]]


async def _program(sample_program: SampleProgram, begin: Begin) -> Response:
    return await sample_program.stack.post("/programs", definition_of(program_id("made")).model_dump(mode="json"))


async def _revision(sample_program: SampleProgram, begin: Begin) -> Response:
    waiting = await begin()
    await waiting.vote("demo-marketing", "request_changes", reason="dearer, please")
    await stage_reached(sample_program.stack, waiting.program, "development")
    better = definition_of(waiting.program, summary="Better.")
    return await sample_program.stack.post(f"/programs/{waiting.program}/revisions", better.model_dump(mode="json"))


async def _restoration(sample_program: SampleProgram, begin: Begin) -> Response:
    """Of a revision that the store has as one that was in force once; the lifecycle gives the new one the next number."""
    other = await launched(sample_program.stack, "http://127.0.0.1:9/orders")
    then = definition_of(other.program, summary="As it was.")
    revision = first_revision(then).model_copy(update={"number": 7})
    async with sample_program.stack.engine.begin() as connection:
        await programs.add_revision(connection, revision)
        await programs.settle_revision(connection, other.program, 7, "superseded")
    return await sample_program.stack.post(f"{other.path}/revisions/7/restoration")


async def _evaluation(sample_program: SampleProgram, begin: Begin) -> Response:
    return await sample_program.stack.post(f"{sample_program.path}/evaluations")


async def _decision(sample_program: SampleProgram, begin: Begin) -> Response:
    return await (await begin()).vote("demo-marketing")


async def _delegation(sample_program: SampleProgram, begin: Begin) -> Response:
    command = {"to": "demo-legal", "until": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    return await sample_program.stack.post("/delegations", command, person="demo-marketing")


async def _api_key(sample_program: SampleProgram, begin: Begin) -> Response:
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    return await sample_program.stack.post("/api-keys", {"name": "till", "roles": ["member_service"], "expires_at": until})


async def _estimate(sample_program: SampleProgram, begin: Begin) -> Response:
    body = {"redemption_rate": "0.9", "reason": "A study"}
    return await sample_program.stack.post(f"{sample_program.path}/books/estimates", body, person="demo-finance")


async def _log(sample_program: SampleProgram, begin: Begin) -> Response:
    return await sample_program.stack.post(
        "/transaction-logs/made", content="customer,at,amount\nc1,2026-01-01T10:00:00Z,1.00\n"
    )


async def _invitations(sample_program: SampleProgram, begin: Begin) -> Response:
    return await sample_program.stack.post(
        f"{sample_program.path}/invitations", {"participants": [sample_program.stranger()]}, person=SHOP
    )


async def _member(sample_program: SampleProgram, begin: Begin) -> Response:
    return await sample_program.enrol(sample_program.stranger())


async def _event(sample_program: SampleProgram, begin: Begin) -> Response:
    return await sample_program.event(await sample_program.member())


async def _answer(sample_program: SampleProgram, begin: Begin) -> Response:
    path = f"{sample_program.path}/members/{await sample_program.member()}/answers"
    return await sample_program.stack.post(path, {"question": "recommend", "value": 9}, person=SHOP)


async def _redemption(sample_program: SampleProgram, begin: Begin) -> Response:
    member = await sample_program.member()
    await sample_program.event(member, "100")
    return await sample_program.redeem(member)


async def _codes(sample_program: SampleProgram, begin: Begin) -> Response:
    return await sample_program.stack.post(f"{sample_program.path}/rewards/ticket/codes", {"codes": ["made-1"]})


async def _adjustment(sample_program: SampleProgram, begin: Begin) -> Response:
    return await sample_program.points(await sample_program.member(), "adjustments", {"points": 5, "reason": "late delivery"})


async def _reversal(sample_program: SampleProgram, begin: Begin) -> Response:
    member = await sample_program.member()
    number = (await sample_program.event(member)).json()["transaction"]
    return await sample_program.points(member, f"transactions/{number}/reversal", {"reason": "returned"})


def _settled(how: str) -> Make:
    async def settle(sample_program: SampleProgram, begin: Begin) -> Response:
        member = await sample_program.member()
        number = (await sample_program.event(member, pending=True)).json()["transaction"]
        return await sample_program.points(member, f"transactions/{number}/{how}")

    return settle


async def _reinstatement(sample_program: SampleProgram, begin: Begin) -> Response:
    member = await sample_program.member()
    number = await expired(sample_program, member, "old", timedelta(days=10))
    return await sample_program.points(member, f"transactions/{number}/reinstatement")


async def _transfer(sample_program: SampleProgram, begin: Begin) -> Response:
    sender, receiver = await sample_program.member(), await sample_program.member()
    await sample_program.event(sender)
    return await sample_program.points(sender, "transfers", {"to": receiver, "points": 5})


async def _conversion(sample_program: SampleProgram, begin: Begin) -> Response:
    member = await sample_program.member()
    await sample_program.event(member)
    return await sample_program.points(member, "conversions", {"from_currency": "NOTES", "to_currency": "GEMS", "points": 200})


def _stopped(path: str, person: str) -> Make:
    async def stop(sample_program: SampleProgram, begin: Begin) -> Response:
        waiting = await begin()
        return await sample_program.stack.post(f"/programs/{waiting.program}/{path}", {"reason": "two tills"}, person=person)

    return stop


def _gathered(*steps: str) -> Make:
    async def gather(sample_program: SampleProgram, begin: Begin) -> Response:
        waiting = await begin()
        for step in steps:
            path = f"/programs/{waiting.program}/cohorts/friends{step}"
            response = await sample_program.stack.post(path, {"participants": ["m-1"]}, person="demo-marketing")
        return response

    return gather


def _signed(*steps: str) -> Make:
    async def sign(sample_program: SampleProgram, begin: Begin) -> Response:
        items = [{"id": "tills", "name": "The tills know the card", "owner": "operations"}]
        definition = definition_of(program_id("signed"), readiness={"items": items})
        started = await sample_program.stack.post("/programs", definition.model_dump(mode="json"))
        assert started.status_code == 201, started.text
        for step in steps:
            path = f"/programs/{definition.program}/readiness/tills/signature{step}"
            response = await sample_program.stack.post(path, {"note": "seen"}, person="demo-operations")
        return response

    return sign


CREATING: dict[str, Make] = {
    "hold_program": _stopped("holds", "demo-operations"),
    "halt_program": _stopped("halt", "demo-finance"),
    "add_to_cohort": _gathered(""),
    "remove_from_cohort": _gathered("", "/removal"),
    "sign_readiness": _signed(""),
    "unsign_readiness": _signed("", "/withdrawal"),
    "start_program": _program,
    "submit_revision": _revision,
    "restore_revision": _restoration,
    "evaluate_program": _evaluation,
    "decide_gate": _decision,
    "give_delegation": _delegation,
    "make_key": _api_key,
    "enter_estimate": _estimate,
    "load_log": _log,
    "invite_members": _invitations,
    "enrol_member": _member,
    "post_event": _event,
    "keep_answer": _answer,
    "redeem_reward": _redemption,
    "stock_reward": _codes,
    "adjust_points": _adjustment,
    "reverse_transaction": _reversal,
    "confirm_earn": _settled("confirmation"),
    "cancel_earn": _settled("cancellation"),
    "reinstate_points": _reinstatement,
    "transfer_points": _transfer,
    "convert_points": _conversion,
}


def test_every_route_that_creates_is_tried(described: dict[str, Any]) -> None:
    operations = [each for path in described["paths"].values() for each in path.values()]
    assert {each["operationId"] for each in operations if "201" in each["responses"]} == set(CREATING)


@pytest.mark.parametrize("operation", CREATING)
async def test_what_is_created_is_where_the_answer_says(
    pool: SampleProgram, begin: Begin, stack: Stack, operation: str
) -> None:
    await begin()  # so that the log of the prototypes is there
    response = await CREATING[operation](pool, begin)
    assert response.status_code == 201, response.text
    location = response.headers["Location"]
    for person in ("demo-owner", SHOP, "demo-marketing", "demo-finance"):
        found = await stack.http.get(location, headers={"Authorization": f"Bearer {person}"})
        if found.status_code == 200:
            break
    assert found.status_code == 200, (location, found.text)
