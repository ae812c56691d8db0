"""An amendment on its way: minor or substantial, told to members, waiting for its date, called back, overtaken, rolled back."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from domain import ids
from store.programs import programs
from tests.program_steps import (
    SCENARIO,
    SIGN_OFF,
    ask_for_the_end,
    buy,
    enrol,
    forward,
    forward_until,
    handle,
    now_of,
    operate,
    pass_all_gates,
    pass_to_launch_gate,
    revise,
    sample_definition,
    shown,
)
from tests.stack import Stack, program_id
from tests.waiting import approve, continued_as_new, done, gate_open, timer_started
from tests.workflows.conftest import Histories

NOTICE = {"amendments": {"notice": "P30D"}}


def dearer(program: str, **changes: Any) -> Any:
    """The club with a dearer single: a substantial amendment."""
    return sample_definition(
        program, **({"rewards": [{"id": "single", "name": "A CD single", "points": 1200}]} | NOTICE | changes)
    )


async def revisions(stack: Stack, program: str) -> list[str]:
    return [revision["status"] for revision in (await stack.get(f"/programs/{program}"))["revisions"]]


async def approved(stack: Stack, environment: WorkflowEnvironment, program: str, **changes: Any) -> datetime:
    """A program in operation, with an amendment that is approved and waits; from when on it is in force."""
    await operate(stack, environment, sample_definition(program, **(NOTICE | changes)))
    await pass_all_gates(stack, await revise(stack, dearer(program, **changes)))
    return await waits(stack, program)


async def waits(stack: Stack, program: str, number: int = 2) -> datetime:
    """Wait until an amendment is approved, its members told; from when on it is in force."""
    await done(stack.temporal, ids.lifecycle(program), f"Tell the members of revision {number}")
    record = await stack.get(f"/programs/{program}/revisions/{number}")
    assert record["status"] == "approved"
    return datetime.fromisoformat(record["effective_from"])


async def test_a_minor_amendment_asks_the_launch_gate_alone(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("minor")
    await operate(stack, temporal_env, sample_definition(program, **NOTICE))
    await enrol(stack, program, "ann")
    handed_in = await stack.post(
        f"/programs/{program}/revisions",
        sample_definition(program, summary="In other words.", **NOTICE).model_dump(mode="json"),
    )
    assert handed_in.json()["weight"] == "minor"
    amendment = ids.qualification(program, 2)
    gate = f"{amendment}/gate/launch/1"
    await gate_open(stack, gate)
    title = (await stack.get(f"/gates/{gate}"))["subject"]["title"]
    assert "the launch of a minor amendment (1 member; nobody moves tier" in title
    evidence = await stack.get(f"/gates/{gate}/evidence")
    assert (evidence["weight"], evidence["impact"]["members"], evidence["prototype"]) == ("minor", 1, None)
    assert f"to act: `tenure gate approve {gate}`" in await shown(stack.temporal, ids.lifecycle(program))
    await approve(stack, gate, "demo-finance", "demo-legal")
    await done(stack.temporal, ids.lifecycle(program), "Have the members looked at whom revision 2 concerns")
    assert await revisions(stack, program) == ["superseded", "in_force"], "nothing is asked of members, who need no notice"
    assert (await stack.get(f"/programs/{program}/revisions/2/notices", "demo-shop"))["items"] == []
    await histories.keep(stack.temporal, amendment, "RevisionQualification-minor")


async def test_a_minor_amendment_that_is_declared_substantial_goes_the_whole_way(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("declared")
    await operate(stack, temporal_env, sample_definition(program))
    amendment = await revise(stack, sample_definition(program, summary="In other words."), weight="substantial")
    await pass_all_gates(stack, amendment)
    await done(stack.temporal, ids.lifecycle(program), "Have the members looked at whom revision 2 concerns")
    assert (await stack.get(f"/programs/{program}/revisions/2"))["weight"] == "substantial"


async def test_a_written_policy_approves_what_takes_nothing_from_anybody_and_nothing_else(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    """Before the launch nobody knows whom it takes what from: people decide, and so they do where somebody loses a tier."""
    program = program_id("harmless")
    definition = sample_definition(program)
    gates = definition.gates.model_dump(mode="json", exclude_defaults=True)
    bounds = [{"figure": figure, "at_most": 0} for figure in ("members_down", "members_losing")]
    gates["launch"] |= {"automatic": {"bounds": bounds}}
    await operate(stack, temporal_env, sample_definition(program, gates=gates))
    member = await enrol(stack, program, "ann")
    await buy(stack, definition, "ann", 120, await now_of(temporal_env, member))
    await done(stack.temporal, member.id, "Review tier and activity", times=2)
    await revise(stack, sample_definition(program, gates=gates, summary="In other words."))
    await done(stack.temporal, ids.lifecycle(program), "Have the members looked at whom revision 2 concerns")
    assert (await stack.get(f"/gates/{ids.qualification(program, 2)}/gate/launch/1"))["by_policy"] is True

    tiers = [tier.model_dump(mode="json") for tier in definition.tiers]
    tiers[1] |= {"reach": {"all": [{"counter": "spend", "at_least": "200"}]}, "keep": None}
    harder = await revise(stack, sample_definition(program, gates=gates, tiers=tiers, transition="at_once"))
    gate = await pass_to_launch_gate(stack, harder)
    await gate_open(stack, gate)
    found = await stack.get(f"/gates/{gate}")
    assert (found["outcome"], found["subject"]["figures"]["members_down"]) == (None, "1")
    assert "1 from collector to listener" in found["subject"]["title"]


async def test_the_gates_of_the_revision_in_force_decide_about_those_of_the_next(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("gates")
    definition = sample_definition(program)
    await operate(stack, temporal_env, definition)
    gates = definition.gates.model_dump(mode="json")
    alone = {"rules": [{"role": "marketing"}]}
    amendment = await revise(stack, sample_definition(program, gates=gates | {"strategy": alone, "launch": alone}))
    await approve(stack, f"{amendment}/gate/strategy/1", "demo-marketing")
    gate = await stack.get(f"/gates/{amendment}/gate/strategy/1")
    assert (gate["outcome"], {rule["role"] for rule in gate["policy"]["rules"]}) == (None, {"marketing", "finance"})


async def test_members_have_their_notice_before_an_amendment_takes_effect(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("notice")
    lifecycle = ids.lifecycle(program)
    await operate(stack, temporal_env, sample_definition(program, **NOTICE))
    for member in ("ann", "bob"):
        await enrol(stack, program, member)
    await pass_all_gates(stack, await revise(stack, dearer(program)))
    at = await waits(stack, program)
    now = await now_of(temporal_env, handle(stack, lifecycle))
    assert timedelta(days=29, hours=23) < at - now <= timedelta(days=30)
    assert await revisions(stack, program) == ["in_force", "approved"]

    found = (await stack.get(f"/programs/{program}/revisions/2/notices", "demo-shop"))["items"]
    assert [(each["recipient"], each["kind"]) for each in found] == [("ann", "amendment"), ("bob", "amendment")]
    assert found[0]["changes"] == ["A CD single now costs 1,200 points instead of 1,000."]
    assert datetime.fromisoformat(found[0]["told"]["effective_from"]) == at
    (single,) = await stack.get(f"/programs/{program}/rewards")
    assert single["points"] == 1000, "nobody is shown it before its date"
    details = await shown(stack.temporal, lifecycle)
    assert "revision 2 is approved and takes effect on" in details
    assert f"tenure program recall {program} 2" in details

    async with stack.engine.connect() as connection:
        before = await programs.in_force_at(connection, program, at - timedelta(microseconds=1))
        since = await programs.in_force_at(connection, program, at)
    assert before is not None and since is not None
    assert (before.number, since.number) == (1, 2), "it is in force from its date on, whether or not a worker says so then"

    await forward_until(temporal_env, handle(stack, lifecycle), at)
    await done(stack.temporal, lifecycle, "Have the members looked at whom revision 2 concerns")
    assert await revisions(stack, program) == ["superseded", "in_force"]
    record = await stack.get(f"/programs/{program}/revisions/2")
    assert datetime.fromisoformat(record["effective_from"]) == at
    (single,) = await stack.get(f"/programs/{program}/rewards")
    assert single["points"] == 1200
    assert "takes effect on" not in await shown(stack.temporal, lifecycle)
    third = await revise(stack, sample_definition(program, summary="A third.", **NOTICE))
    assert third == ids.qualification(program, 3)
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-amendment-with-notice")


async def test_who_joins_while_an_amendment_waits_is_told_of_it_too(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("latecomer")
    await approved(stack, temporal_env, program)
    await enrol(stack, program, "ann")
    found = (await stack.get(f"/programs/{program}/revisions/2/notices", "demo-shop"))["items"]
    assert [(each["recipient"], each["kind"]) for each in found] == [("ann", "amendment")]


async def test_events_around_the_switch_are_each_rated_once_by_the_revision_of_their_instant(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    """Events at, before and after the instant come in any order, more than once, while the switch happens."""
    program, chance = program_id("switch"), random.Random(7)
    definition = sample_definition(program)
    lifecycle = ids.lifecycle(program)
    await operate(stack, temporal_env, definition)
    earning = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in definition.earning]
    for rule in earning:
        if rule["event"] == "purchase":
            rule |= {"rate": "20", "tier_rates": {}}
    scenario = SCENARIO | {"expect": {"points": 200, "tier": "listener"}}
    tests = [{"id": "rules", "kind": "scenario", "scenarios": [scenario]}, SIGN_OFF]
    asked = datetime.now(UTC) + timedelta(minutes=4)
    doubled = sample_definition(program, earning=earning, test_phases=tests)
    amendment = await revise(stack, doubled, effective_from=f"{asked:%Y-%m-%dT%H:%M:%SZ}")
    await pass_all_gates(stack, amendment)
    at = await waits(stack, program)
    assert at == asked.replace(microsecond=0)
    people = [f"m-{n}" for n in range(4)]
    for person in people:
        await enrol(stack, program, person)

    joined = datetime.now(UTC)
    instants = [joined, at - timedelta(seconds=1), at - timedelta(microseconds=1), at, at + timedelta(microseconds=1)]
    instants.append(at + timedelta(seconds=30))
    posts = [(person, place) for person in people for place in range(len(instants)) for _ in range(3)]
    chance.shuffle(posts)

    async def post(person: str, place: int) -> None:
        body = {"type": "purchase", "occurred_at": instants[place].isoformat(), "amount": "10"}
        answer = await stack.post(
            f"/programs/{program}/members/{person}/events", body, person="demo-shop", key=f"{program}-{person}-{place}"
        )
        assert answer.status_code == 201, answer.text

    switching = asyncio.create_task(forward(temporal_env, handle(stack, lifecycle), timedelta(minutes=10)))
    for start in range(0, len(posts), 6):
        await asyncio.gather(*(post(*each) for each in posts[start : start + 6]))
    await switching
    await done(stack.temporal, lifecycle, "Have the members looked at whom revision 2 concerns")
    for person in people:
        path = f"/programs/{program}/members/{person}"
        balance = await stack.get(f"{path}/balance", "demo-shop")
        assert balance["posted"] == 3 * 100 + 3 * 200
    statement = await stack.get(f"/programs/{program}/members/m-0/statement", "demo-operations")
    first = next(each for each in statement["entries"] if each["details"].get("revision") == 1)
    back = await stack.post(
        f"/programs/{program}/members/m-0/transactions/{first['txn_id']}/reversal",
        {"reason": "returned"},
        person="demo-operations",
    )
    assert back.status_code == 201, back.text
    assert (await stack.get(f"/programs/{program}/members/m-0/balance", "demo-shop"))["posted"] == 2 * 100 + 3 * 200
    check = await stack.get(f"/programs/{program}/ledger-check")
    assert check["clean"], check


async def test_an_approved_amendment_is_called_back_before_its_date(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("recalled")
    lifecycle = ids.lifecycle(program)
    await operate(stack, temporal_env, sample_definition(program, **NOTICE))
    await enrol(stack, program, "ann")
    await pass_all_gates(stack, await revise(stack, dearer(program)))
    at = await waits(stack, program)

    path = f"/programs/{program}/revisions"
    second = await stack.post(path, sample_definition(program, summary="Another.").model_dump(mode="json"))
    assert (second.status_code, second.json()["code"]) == (409, "amendment_waits")
    assert f"tenure program recall {program} 2" in second.json()["remedy"]
    wrong = await stack.post(f"/programs/{program}/revisions/1/withdrawal", {"reason": "a slip"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "nothing_to_recall")

    path = f"/programs/{program}/revisions/2/withdrawal"
    recalled = await stack.post(path, {"reason": "the price stays"}, key=f"{program}-recall")
    assert (recalled.status_code, recalled.json()["status"]) == (200, "withdrawn")
    again = await stack.post(path, {"reason": "the price stays"}, key=f"{program}-recall")
    assert again.json() == recalled.json()
    other = await stack.post(path, {"reason": "the price stays"})
    assert (other.status_code, other.json()["code"]) == (409, "nothing_to_recall")
    assert await revisions(stack, program) == ["in_force", "withdrawn"]
    found = (await stack.get(f"/programs/{program}/revisions/2/notices", "demo-shop"))["items"]
    assert [each["kind"] for each in found] == ["amendment", "amendment-recalled"]
    trail = (await stack.get(f"/programs/{program}/audit"))["items"]
    (entry,) = [each for each in trail if each["action"] == "revision_recalled"]
    assert (entry["actor"], entry["details"]["reason"]) == ("demo-owner", "the price stays")

    await forward_until(temporal_env, handle(stack, lifecycle), at)
    async with stack.engine.connect() as connection:
        in_force = await programs.in_force_at(connection, program, at)
    assert in_force is not None
    assert in_force.number == 1
    assert await revise(stack, dearer(program)) == ids.qualification(program, 3), "the same may come again, for another date"
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-amendment-recalled")


async def test_the_end_of_a_program_takes_back_what_waits_for_its_date(
    stack: Stack, temporal_env: WorkflowEnvironment, histories: Histories
) -> None:
    program = program_id("ends")
    lifecycle = ids.lifecycle(program)
    at = await approved(stack, temporal_env, program)
    await approve(stack, await ask_for_the_end(stack, program), "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    assert await revisions(stack, program) == ["in_force", "withdrawn"]
    async with stack.engine.connect() as connection:
        in_force = await programs.in_force_at(connection, program, at)
    assert in_force is not None
    assert in_force.number == 1
    trail = (await stack.get(f"/programs/{program}/audit"))["items"]
    (entry,) = [each for each in trail if each["action"] == "revision_recalled"]
    assert (entry["actor"], entry["details"]["reason"]) == ("tenure", "the program ends")
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-amendment-ended")


async def test_an_amendment_takes_effect_while_a_gate_decides_about_the_end(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    """Time does not pass faster in a workflow whose gate is open: the notice is one of seconds."""
    program = program_id("meanwhile")
    lifecycle = ids.lifecycle(program)
    await approved(stack, temporal_env, program, amendments={"notice": "PT10S"})
    gate = await ask_for_the_end(stack, program)
    await gate_open(stack, gate)
    await done(stack.temporal, lifecycle, "Have the members looked at whom revision 2 concerns")
    assert await revisions(stack, program) == ["superseded", "in_force"]
    await approve(stack, gate, "demo-finance", "demo-legal")
    await timer_started(stack.temporal, ids.wind_down(program))
    assert await revisions(stack, program) == ["superseded", "in_force"]


async def test_what_waits_is_carried_from_run_to_run(
    hasty_stack: Stack, hasty_env: WorkflowEnvironment, histories: Histories
) -> None:
    stack, program = hasty_stack, program_id("carried")
    lifecycle = ids.lifecycle(program)
    await operate(stack, hasty_env, sample_definition(program, **NOTICE))
    runs = [(await handle(stack, lifecycle).describe()).raw_description.workflow_execution_info.first_run_id]
    runs.append(await continued_as_new(stack.temporal, lifecycle, runs[-1]))
    await pass_all_gates(stack, await revise(stack, dearer(program)))
    runs.append(await continued_as_new(stack.temporal, lifecycle, runs[-1]))
    state = await handle(stack, lifecycle).query("state")
    assert (state["approved"]["revision"]["number"], state["in_force"]["number"]) == (2, 1)
    assert "takes effect on" in await shown(stack.temporal, lifecycle)
    at = datetime.fromisoformat(state["approved"]["effective_from"])
    await forward_until(hasty_env, handle(stack, lifecycle), at)
    await done(stack.temporal, lifecycle, "Have the members looked at whom revision 2 concerns")
    assert await revisions(stack, program) == ["superseded", "in_force"]
    await histories.keep(stack.temporal, lifecycle, "ProgramLifecycle-amendment-carried", run_id=runs[2])


async def test_an_earlier_revision_is_handed_in_again_and_goes_the_same_way(
    stack: Stack, temporal_env: WorkflowEnvironment
) -> None:
    program = program_id("rollback")
    lifecycle = ids.lifecycle(program)
    definition = sample_definition(program)
    await operate(stack, temporal_env, definition)
    tiers = [tier.model_dump(mode="json", exclude_defaults=True) for tier in definition.tiers]
    tiers[2] |= {"id": "archivist", "replaces": ["curator"]}
    rates = [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in definition.earning]
    for rule in rates:
        rule.pop("tier_rates", None)
    expiry = definition.expiry.model_dump(mode="json", exclude_defaults=True) | {"exempt_tiers": []}
    await pass_all_gates(stack, await revise(stack, sample_definition(program, tiers=tiers, earning=rates, expiry=expiry)))
    await done(stack.temporal, lifecycle, "Have the members looked at whom revision 2 concerns")

    path = f"/programs/{program}/revisions"
    in_force = await stack.post(f"{path}/2/restoration")
    assert (in_force.status_code, in_force.json()["code"]) == (409, "nothing_to_restore")
    restored = await stack.post(f"{path}/1/restoration")
    assert restored.status_code == 201, restored.text
    assert (restored.json()["revision"], restored.json()["weight"]) == (3, "substantial")
    shown_again = await stack.get(f"{path}/3")
    assert (shown_again["restores"], shown_again["definition"]["earning"]) == (
        1,
        (await stack.get(f"{path}/1"))["definition"]["earning"],
    )
    assert shown_again["definition"]["tiers"][2] == {**(await stack.get(f"{path}/1"))["definition"]["tiers"][2]} | {
        "replaces": ["archivist"]
    }
    await pass_all_gates(stack, ids.qualification(program, 3))
    await done(stack.temporal, lifecycle, "Have the members looked at whom revision 3 concerns")
    assert await revisions(stack, program) == ["superseded", "superseded", "in_force"]
    trail = (await stack.get(f"/programs/{program}/audit"))["items"]
    assert [each["details"].get("restores") for each in trail if each["action"] == "revision_submitted"] == [None, None, 1]


async def test_what_is_not_approved_cannot_be_rolled_back_to(stack: Stack, temporal_env: WorkflowEnvironment) -> None:
    program = program_id("never")
    await operate(stack, temporal_env, sample_definition(program))
    amendment = await revise(stack, dearer(program))
    gate = await pass_to_launch_gate(stack, amendment)
    body = {"answer": "reject", "digest": await gate_open(stack, gate), "reason": "too dear"}
    await stack.post(f"/gates/{gate}/decisions", body, person="demo-legal")
    await done(stack.temporal, ids.lifecycle(program), "Revision 2: rejected")
    refused = await stack.post(f"/programs/{program}/revisions/2/restoration")
    assert (refused.status_code, refused.json()["code"]) == (409, "never_in_force")


@pytest.mark.parametrize("asked", ["2020-01-01", "2020-01-01T00:00:00Z"])
async def test_a_date_that_has_passed_is_refused(stack: Stack, temporal_env: WorkflowEnvironment, asked: str) -> None:
    program = program_id("past")
    await operate(stack, temporal_env, sample_definition(program))
    path = f"/programs/{program}/revisions?effective_from={asked}"
    refused = await stack.post(path, dearer(program).model_dump(mode="json"))
    found = refused.json()
    assert (refused.status_code, found["code"], found["field"]) == (422, "effective_date_past", "effective_from")
    assert await revisions(stack, program) == ["in_force"]
