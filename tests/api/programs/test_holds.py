"""Hold, halt and going on as people ask for them: who may, what is shut at once and what is not, what is refused."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from domain import ids
from domain.definition.document import Definition
from domain.members.membership import Membership
from domain.members.tiers import joined
from domain.programs.holds import EVERYTHING
from domain.programs.lifecycle import StageChange
from domain.rollout.openings import WaveOpening
from store.members import members
from store.programs import holds, programs
from tests.api.sample_program import problem
from tests.program_steps import AGREEMENT, ask_for_the_end, enrol, launch, sample_definition
from tests.stack import Stack, first_revision, program_id
from tests.waiting import approve, done, history_has, timer_started

SHOP, OPERATIONS, FINANCE, OWNER = "demo-shop", "demo-operations", "demo-finance", "demo-owner"
REWARDS = [{"id": "single", "name": "A CD single", "points": 100}]
REASON = {"reason": "two tills count twice"}


@pytest.fixture
async def held(stack: Stack) -> AsyncIterator["Held"]:
    """A launched program with a member who has points."""
    definition = sample_definition(program_id("held"), rewards=REWARDS, transfers_between_members=True)
    await launch(stack, definition)
    found = Held(stack, definition)
    await enrol(stack, found.program, "ann")
    assert (await found.buy(50)).status_code == 201
    yield found


class Held:
    """A program as people stop it and serve its members meanwhile."""

    def __init__(self, stack: Stack, definition: Definition) -> None:
        self.stack, self.program, self.path = stack, definition.program, f"/programs/{definition.program}"

    async def stop(self, *capabilities: str, person: str = OPERATIONS, key: str | None = None) -> Response:
        body: dict[str, Any] = REASON | ({"stops": list(capabilities)} if capabilities else {})
        return await self.stack.post(f"{self.path}/holds", body, person=person, key=key)

    async def halt(self, person: str = FINANCE) -> Response:
        return await self.stack.post(f"{self.path}/halt", {"reason": "an administrator came"}, person=person)

    async def resume(self, person: str = OPERATIONS, key: str | None = None) -> Response:
        return await self.stack.post(f"{self.path}/resumption", {"reason": "mended"}, person=person, key=key)

    async def join(self, participant: str = "bob") -> Response:
        body = {"participant": participant, "agreement": AGREEMENT}
        return await self.stack.post(f"{self.path}/members", body, person=SHOP)

    async def buy(self, dollars: int = 10, at: datetime | None = None) -> Response:
        event = {"type": "purchase", "amount": dollars, "occurred_at": (at or datetime.now(UTC)).isoformat()}
        return await self.stack.post(f"{self.path}/members/ann/events", event, person=SHOP)

    async def redeem(self) -> Response:
        return await self.stack.post(f"{self.path}/members/ann/redemptions", {"reward": "single"}, person=SHOP)

    async def give(self) -> Response:
        return await self.stack.post(f"{self.path}/members/ann/transfers", {"to": "carl", "points": 1}, person=SHOP)


async def test_a_hold_stops_joining_and_waves_unless_told_and_takes_nothing_from_members(held: Held) -> None:
    begun = await held.stop()
    assert begun.status_code == 201
    said = begun.json()
    assert (said["kind"], said["stops"], said["begun_by"], said["reason"], said["until"]) == (
        *("hold", ["enrolment", "rollout"], OPERATIONS, REASON["reason"], None),
    )
    refused = problem(await held.join(), 409, "program_on_hold")
    assert all(word in refused["detail"] for word in (OPERATIONS, REASON["reason"], "Enrolment"))
    assert f"tenure program resume {held.program}" in refused["remedy"]
    assert (await held.join("ann")).status_code == 201, "who is a member stays one"
    assert (await held.buy()).status_code == 201
    assert (await held.redeem()).status_code == 201

    rollout = ids.rollout(held.program, 1)
    await done(held.stack.temporal, rollout, "Paused")
    gone_on = await held.resume()
    assert gone_on.status_code == 200
    await done(held.stack.temporal, rollout, "Resumed")
    assert (gone_on.json()["lifted"]["lifted_by"], gone_on.json()["standing"]) == (OPERATIONS, [])
    assert (await held.join()).status_code == 201
    (shown,) = (await held.stack.get(f"{held.path}/holds"))["items"]
    assert (shown["lifted_why"], shown["until"] >= shown["since"]) == ("mended", True)


async def test_a_halt_shuts_every_door_at_once_and_on_top_of_a_hold(held: Held) -> None:
    assert (await held.join("carl")).status_code == 201
    await held.stop("enrolment")
    halted = await held.halt()
    assert (halted.status_code, halted.json()["kind"]) == (201, "suspended_insolvency")
    assert set(halted.json()["stops"]) == set(EVERYTHING)
    for refused in (await held.join(), await held.buy(), await held.redeem(), await held.give()):
        assert "administrator" in problem(refused, 409, "program_halted")["detail"]
    status = [each for each in (await held.stack.get(held.path))["holds"] if each["until"] is None]
    assert [each["kind"] for each in status] == ["hold", "suspended_insolvency"]

    problem(await held.resume(OWNER), 403, "four_eyes")
    lifted = await held.resume(FINANCE)
    assert lifted.status_code == 200, lifted.text
    assert [each["kind"] for each in lifted.json()["standing"]] == ["hold"], "the hold below it stands"
    assert (await held.redeem()).status_code == 201
    assert (await held.give()).status_code == 201
    problem(await held.join(), 409, "program_on_hold")
    assert (await held.resume(OWNER)).status_code == 200
    assert (await held.join()).status_code == 201


async def test_what_happened_before_a_stop_counts_and_what_happened_within_never_does(held: Held) -> None:
    before = datetime.now(UTC)
    await held.stop("earning")
    within = datetime.now(UTC)
    assert (await held.buy(11, before)).status_code == 201
    refused = problem(await held.buy(12, within), 409, "program_on_hold")
    assert "what happened before the stop still counts" in refused["remedy"]
    event = {
        "key": f"{held.program}-b",
        "participant": "ann",
        "type": "purchase",
        "amount": 5,
        "occurred_at": within.isoformat(),
    }
    batch = (await held.stack.post(f"{held.path}/events", {"events": [event]}, person=SHOP)).json()
    assert batch["results"][0]["problem"]["code"] == "program_on_hold"
    await held.resume()
    late = problem(await held.buy(13, within), 409, "program_on_hold")
    assert "was stopped when this happened" in late["detail"] and "does not count" in late["remedy"]
    assert (await held.buy(14)).status_code == 201
    assert (await held.stack.ledger.balance(held.program, "ann", "NOTES")).posted == 500 + 110 + 140


async def test_what_is_stopped_shows_in_the_status_and_among_the_exceptions(held: Held) -> None:
    async def report_of(report: str, column: str) -> dict[str, Any]:
        rows = (await held.stack.get(f"{held.path}/reports/{report}"))["rows"]
        return {row[column]: row for row in rows}

    assert (await report_of("status", "what"))["on hold"]["value"] is None
    await held.stop()
    assert OPERATIONS in (await report_of("status", "what"))["on hold"]["value"]
    row = (await report_of("exceptions", "kind"))["on hold"]
    assert REASON["reason"] in row["told"] and "tenure program resume" in row["remedy"]
    await held.halt()
    assert "halted" in await report_of("exceptions", "kind")
    for _ in range(2):
        assert (await held.resume()).status_code == 200
    assert {"on hold", "halted"}.isdisjoint(await report_of("exceptions", "kind"))


async def test_who_did_what_and_why_stands_in_the_audit_trail(held: Held) -> None:
    await held.stop("earning")
    await held.halt()
    await held.resume()
    await held.resume()
    trail = (await held.stack.get(f"{held.path}/audit"))["items"]
    mine = [
        (each["action"], each["actor"], each["details"]["reason"])
        for each in trail
        if (each["about"] or "").startswith("hold/")
    ]
    assert mine == [
        ("held", OPERATIONS, REASON["reason"]),
        ("halted", FINANCE, "an administrator came"),
        ("halt_lifted", OPERATIONS, "mended"),
        ("hold_lifted", OPERATIONS, "mended"),
    ]
    assert (await held.stack.get(f"{held.path}/audit/verification"))["sound"]


async def test_the_same_wish_sent_again_is_the_same_one(held: Held) -> None:
    first, again = await held.stop(key=f"{held.program}-s"), await held.stop(key=f"{held.program}-s")
    assert first.json() == again.json()
    lifted, repeated = await held.resume(key=f"{held.program}-r"), await held.resume(key=f"{held.program}-r")
    assert lifted.json() == repeated.json()
    assert len((await held.stack.get(f"{held.path}/holds"))["items"]) == 1


async def test_two_who_stop_a_program_at_once_stop_it_once(held: Held) -> None:
    answers = await asyncio.gather(*(held.stop(person=person) for person in (OPERATIONS, OWNER)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_what_cannot_be_stopped_or_lifted_is_refused_clearly_and_changes_nothing(held: Held) -> None:
    problem(await held.resume(), 409, "not_on_hold")
    problem(await held.stop(person=SHOP), 403, "not_allowed")
    problem(await held.halt("demo-marketing"), 403, "not_allowed")
    none = problem(
        await held.stack.post(f"{held.path}/holds", REASON | {"stops": []}, person=OPERATIONS), 422, "invalid_request"
    )
    assert none["field"] == "stops"
    other = problem(
        await held.stack.post(f"{held.path}/holds", REASON | {"stops": ["all"]}, person=OPERATIONS), 422, "invalid_request"
    )
    assert other["field"].startswith("stops")
    problem(await held.stack.post(f"{held.path}/halt", {}, person=FINANCE), 422, "invalid_request")
    problem(await held.stack.post("/programs/nowhere/holds", REASON, person=OPERATIONS), 404, "program_unknown")
    assert (await held.stack.get(f"{held.path}/holds"))["items"] == []

    await held.stop()
    again = problem(await held.stop(), 409, "already_on_hold")
    assert OPERATIONS in again["detail"]
    problem(await held.resume(FINANCE), 403, "not_allowed")
    await held.halt()
    problem(await held.halt(), 409, "already_halted")
    assert len((await held.stack.get(f"{held.path}/holds"))["items"]) == 2


async def test_a_program_that_has_ended_is_not_stopped(stack: Stack) -> None:
    definition = sample_definition(program_id("over"))
    now = datetime.now(UTC)
    async with stack.engine.begin() as connection:
        await programs.register(connection, first_revision(definition, now))
        await programs.change_stage(connection, StageChange(program=definition.program, stage="rejected", at=now))
    for path in ("holds", "halt"):
        response = await stack.post(f"/programs/{definition.program}/{path}", REASON, person=OPERATIONS)
        problem(response, 409, "program_ended")


async def test_a_halt_takes_effect_though_nobody_works_on_the_program(stack: Stack) -> None:
    """A program in the store whose lifecycle is not there to be told: the doors look at what is written."""
    definition = sample_definition(program_id("alone"))
    program, at = definition.program, datetime.now(UTC)
    revision = first_revision(definition, at)
    async with stack.engine.begin() as connection:
        await programs.register(connection, revision)
        await programs.put_in_force(connection, program, 1, at)
        await programs.open_wave(connection, WaveOpening(program=program, revision=1, wave="all", share=Decimal(100), at=at))
        tier_status = joined(definition, at)
        await members.establish(
            connection,
            Membership(
                program=program,
                participant="ann",
                status="active",
                tier=tier_status.tier,
                tier_since=tier_status.since,
                tier_until=tier_status.until,
                joined_at=at,
                agreement=AGREEMENT,
                journey_stage="onboarding",
            ),
        )
    alone = Held(stack, definition)
    assert (await alone.buy()).status_code == 201
    assert (await alone.halt()).status_code == 201
    for refused in (await alone.join(), await alone.buy(), await alone.redeem()):
        problem(refused, 409, "program_halted")


async def test_a_redemption_under_way_is_settled_though_redeeming_is_stopped(held: Held) -> None:
    """The member's hold is there, and the reward is not handed out yet, when the program is halted."""
    key = f"{held.program}-under-way"
    body, path = {"reward": "single"}, f"{held.path}/members/ann/redemptions"
    async with held.stack.engine.begin() as busy:
        # Whoever settles the redemption waits for the account, and the halt does not.
        await busy.execute(
            text("SELECT FROM ledger.account WHERE program = :p AND participant = 'ann' FOR UPDATE"), {"p": held.program}
        )
        asked = asyncio.create_task(held.stack.post(path, body, person=SHOP, key=key))
        await redemption_begun(held.stack, ids.redemption(SHOP, key))
        assert (await held.halt()).status_code == 201
    answer = await asked
    assert (answer.status_code, answer.json()["state"]) == (201, "fulfilled")
    problem(await held.redeem(), 409, "program_halted")
    assert (await held.stack.ledger.check(held.program)).clean


async def redemption_begun(stack: Stack, workflow_id: str) -> None:
    """Wait until a redemption has begun."""
    while True:
        try:
            await history_has(
                stack.temporal, workflow_id, lambda event: event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
            )
            return
        except RPCError:
            continue  # it is being started


async def test_the_end_of_a_program_may_begin_while_it_is_halted(held: Held) -> None:
    await held.halt()
    await approve(held.stack, await ask_for_the_end(held.stack, held.program), FINANCE, "demo-legal")
    await timer_started(held.stack.temporal, ids.wind_down(held.program))
    await done(held.stack.temporal, ids.wind_down(held.program), "Announce the end")
    problem(await held.buy(), 409, "program_halted")
    assert (await held.stack.get(held.path))["stage"] == "wind_down"


async def test_holds_come_in_pages(held: Held) -> None:
    async with held.stack.engine.begin() as connection:
        for number in range(3):
            at = datetime.now(UTC) - timedelta(days=9 - number)
            begun = await holds.begin(connection, held.program, "hold", ("rollout",), "why", OWNER, at, f"k{number}")
            await holds.lift(connection, begun, OWNER, "so", at + timedelta(hours=1), f"l{number}")
    first = await held.stack.get(f"{held.path}/holds?limit=2")
    rest = await held.stack.get(f"{held.path}/holds?limit=2&cursor={first['next']}")
    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]
