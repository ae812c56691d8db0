"""The worker killed in every step of a program's whole life: it goes on, nothing is written twice, ledger and audit are sound.

The same life is lived twice, once by a worker that lives and once by workers that die: what is written must be the same.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import ScheduleActionExecutionStartWorkflow

import tests.stack
import tests.waiting
from activities.ledger.seal import Sealing
from activities.queues import ActivityGroup
from domain import ids
from domain.definition.document import Definition
from runtime.database import create_engine
from store.audit import trail
from tests.api.provider import Provider, serving
from tests.conftest import Databases, _time_skipping
from tests.program_steps import AGREEMENT, SCENARIO, SIGN_OFF, ask_for_the_end, begin, pass_all_gates, revise, sample_definition
from tests.stack import Stack, program_id, stack_over
from tests.waiting import approve, done, ended, gate_open, stage_reached, started, timer_started, vote
from tests.workflows.killing import AFTER, BEFORE, Killed, deaths, killed
from tests.workflows.rollout.test_rollout_guardrails import GATE, ledger_unreadable
from worker.relay import relay
from workflows.ledger.ledger_seal import LedgerSeal

SHOP, OPERATIONS, FINANCE = "demo-shop", "demo-operations", "demo-finance"
DELAY = 900
"""Seconds that a step may take in a life whose workers die: each death costs some."""
MEMBERS_SEEN = {"figure": "members", "at_least": 1}
NOBODY_NEEDED = {"kpi": "points_outstanding", "at_least": 0}
PARTNER = {"id": "records", "name": "A record shop", "events": ["purchase"], "agreement": "7"}


def every_activity() -> set[str]:
    """The names of all activities that Tenure's workers host, so that none can be forgotten."""
    return {name for group in ActivityGroup.__subclasses__() for name in group.activity_names()}


IN_DEPTH = {
    "approve_amendment", "begin_anew", "begin_pilot", "count_joined", "end_pilot", "invite_page", "keep_failed_look",
    "keep_rollout", "look_at_guardrail", "open_cohort_wave", "piloted", "recall_amendment", "simulate_phase",
}  # fmt: skip
"""What a whole life does without: other ways of testing, rolling out and amending, which programs of their own take."""
OF_THE_CODE_BEFORE = {"run_scenarios"}
"""What only runs ask for that began before scenarios were played on a ledger."""


def lifelike(program: str, provider: str, **changes: Any) -> Definition:
    """A club in which a second is long: one wave, offers to who is silent for two, an end within twenty."""
    gate = {"deadline": "P30D", "reminders": ["PT1S"]}
    parts: dict[str, Any] = {
        "gates": {
            "strategy": gate | {"rules": [{"role": "marketing"}, {"role": "finance"}]},
            "launch": gate | {"rules": [{"role": "finance"}, {"role": "legal"}]},
            "wind_down": gate | {"rules": [{"role": "finance"}, {"role": "legal"}]},
        },
        "waves": [{"id": "all", "share": 100, "minimum_time": "PT1S"}],
        "rewards": [
            {"id": "single", "name": "A CD single", "points": 100},
            {
                "id": "card", "name": "A card", "points": 50, "fulfil_within": "PT1S",
                "fulfilment": {"kind": "http", "address": provider},
            },
        ],
        "retention": {
            "silent_after": "PT2S",
            "offer": {"points": 200, "message": "There is new music."},
            "answer_within": "PT2S",
            "at_most_every": "P300D",
        },
        "partners": [PARTNER],
        "wind_down": {
            "notice": "PT2S", "redeem_window": "PT8S", "late_files": "PT3S", "reminders": ["PT3S"], "keep_for": "PT2S",
            "remainder": "cash_out",
        },
    }  # fmt: skip
    return sample_definition(program, **(parts | changes))


class Life:
    """A program's whole life as people lead it, in its stages; each waits until what it began has been done."""

    def __init__(self, stack: Stack, provider: Provider) -> None:
        self.stack, self.temporal, self.provider = stack, stack.temporal, provider
        self.definition = lifelike(program_id("killed"), provider.address)
        self.program = self.definition.program
        self.lifecycle = ids.lifecycle(self.program)
        self.path = f"/programs/{self.program}"

    async def whole(self) -> None:
        """From the first definition to the erasure of what was known of its members."""
        await self.launched()
        await self.beside()
        await self.members_come_and_go()
        await self.judged_and_amended()
        await self.held()
        await self.ended()

    async def launched(self) -> None:
        """A first revision is sent back; the second passes its tests and opens its wave."""
        first = await begin(self.stack, self.definition.model_copy(update={"summary": "A first try."}))
        gate = f"{first}/gate/strategy/1"
        digest = await gate_open(self.stack, gate)
        while not (await self.stack.get(f"/gates/{gate}"))["reminded"]:
            pass  # whoever waits for the reminder reads it where it is written
        back = {"answer": "request_changes", "digest": digest, "reason": "Say what it costs"}
        await vote(self.stack, gate, "demo-marketing", **back)
        await done(self.temporal, self.lifecycle, "Revision 1: changes_requested")
        await done(self.temporal, self.lifecycle, "Stage: development")
        await pass_all_gates(self.stack, await revise(self.stack, self.definition))
        await stage_reached(self.stack, self.program, "operation")

    async def beside(self) -> None:
        """What workers do beside a program's life: a prototype by itself, test notices, the sealing of the ledger."""
        asked = await self.stack.post("/prototypes", {"definition": {"program": self.program, "revision": 2}})
        assert asked.status_code == 202, asked.text
        await ended(self.temporal, f"prototype/{asked.json()['id']}")
        key = f"{self.program}-test"
        while (await self.stack.post("/notices/test", person=OPERATIONS, key=key)).status_code != 202:
            pass  # the API itself waits, and gives up before a worker that has died is found out
        seal = await self.temporal.start_workflow(
            LedgerSeal.run, Sealing(), id=f"ledger/seal-{self.program}", task_queue=ids.BULK_QUEUE
        )
        await seal.result()

    async def members_come_and_go(self) -> None:
        """Three join; one buys and redeems, one waits for a confirmation, one leaves; all are offered something."""
        for participant in ("ann", "bob", "cora"):
            body = {"participant": participant, "agreement": AGREEMENT}
            response = await self.stack.post(f"{self.path}/members", body, person=SHOP)
            assert response.status_code == 201, response.text
        for participant in ("ann", "bob", "cora"):
            offer = ids.intervention(self.program, participant, 1)
            await started(self.temporal, offer)
            await ended(self.temporal, offer)
        for participant, pending in (("ann", False), ("bob", True)):
            event = {"type": "purchase", "amount": 50, "occurred_at": datetime.now(UTC).isoformat(), "pending": pending}
            response = await self.stack.post(f"{self.path}/members/{participant}/events", event, person=SHOP)
            assert response.status_code == 201, response.text
        assert (await self.stack.post(f"{self.path}/members/cora/departure", {}, person=SHOP)).status_code == 200
        self.provider.moods["ann"] = "never clear"
        # The provider has so little time that one death uses it up: the second card is for the other death.
        for number, (reward, state) in enumerate((("single", "fulfilled"), ("card", "voided"), ("card", "voided"))):
            key = f"{self.program}-{number}"
            await self.stack.post(f"{self.path}/members/ann/redemptions", {"reward": reward}, person=SHOP, key=key)
            result = await self.temporal.get_workflow_handle(ids.redemption(SHOP, key)).result()
            assert result["state"] == state

    async def judged_and_amended(self) -> None:
        """An evaluation, a sweep, and an amendment that moves members at once."""
        assert (await self.stack.post(f"{self.path}/evaluations", person="demo-analyst")).status_code == 201
        await done(self.temporal, self.lifecycle, "Look at the newest verdict")
        schedule = self.temporal.get_schedule_handle(ids.expiry_schedule(self.program))
        await schedule.trigger()
        while not (actions := (await schedule.describe()).info.recent_actions):
            pass
        action = actions[-1].action
        assert isinstance(action, ScheduleActionExecutionStartWorkflow)
        await ended(self.temporal, action.workflow_id)
        tiers = [tier.model_dump(mode="json") for tier in self.definition.tiers]
        tiers[1] |= {"reach": {"all": [{"counter": "spend", "at_least": "200"}]}, "keep": None}
        amended = lifelike(self.program, self.provider.address, tiers=tiers, transition="at_once")
        await pass_all_gates(self.stack, await revise(self.stack, amended))
        await done(self.temporal, self.lifecycle, "Have the members looked at whom revision 3 concerns")

    async def held(self) -> None:
        """A hold that stops redeeming, and its end."""
        body = {"reason": "two tills count twice", "stops": ["redeeming"]}
        assert (await self.stack.post(f"{self.path}/holds", body, person=OPERATIONS)).status_code == 201
        await done(self.temporal, self.lifecycle, "No point expires while nothing can be redeemed")
        response = await self.stack.post(f"{self.path}/resumption", {"reason": "mended"}, person=OPERATIONS)
        assert response.status_code == 200, response.text

    async def ended(self) -> None:
        """A further amendment waits at its gate when the end is approved; then the end, and the erasure after it."""
        amendment = await revise(self.stack, lifelike(self.program, self.provider.address, summary="Never in force."))
        await gate_open(self.stack, f"{amendment}/gate/strategy/1")
        await approve(self.stack, await ask_for_the_end(self.stack, self.program), FINANCE, "demo-legal")
        result = await self.temporal.get_workflow_handle(self.lifecycle).result()
        assert result["stage"] == "closed"
        await self.temporal.get_workflow_handle(ids.erasure(self.program)).result()

    async def rolled_out_in_depth(self, databases: Databases) -> None:
        """A cohort at a rate, a sample, a guardrail whose source fails, a pause; stopped and begun anew; one called back."""
        staff = {"id": "staff", "cohort": "staff", "minimum_time": "PT1S", "invitations": {"count": 1, "every": "PT1S"}}
        waves = [staff, {"id": "all", "share": 100, "minimum_time": "PT1S", "minimum_sample": 1, "gate": GATE}]
        look = {"id": "points", "kpi": "points_outstanding", "window": "P30D", "at_most": 10**9, "every": "PT2S"}
        phases = [
            {"id": "rules", "kind": "scenario", "scenarios": [SCENARIO]},
            {"id": "play", "kind": "prototype", "transactions": f"{self.program}-log", "criteria": [MEMBERS_SEEN]},
            SIGN_OFF,
        ]
        asked = {"waves": waves, "guardrails": [look], "test_phases": phases, "amendments": {"notice": "P30D"}}
        definition = lifelike(self.program, self.provider.address, **asked)
        first = await begin(self.stack, definition)
        people = {"participants": ["ann", "bob"]}
        assert (await self.stack.post(f"{self.path}/cohorts/staff", people, person="demo-marketing")).status_code == 201
        rollout = ids.rollout(self.program, 1)
        async with ledger_unreadable(databases, self.stack):
            await pass_all_gates(self.stack, first)
            watch = ids.guardrail(rollout, "staff", "points")
            await started(self.temporal, watch)
            await done(self.temporal, watch, "Look 1: the source failed")
        await self._act("pause")
        await self._act("resume")
        await approve(self.stack, f"{rollout}/gate/all/1", OPERATIONS)
        await done(self.temporal, rollout, "Count who has joined in wave all")
        await self._act("abort")
        await done(self.temporal, rollout, "Stopped")
        again = lifelike(self.program, self.provider.address, **asked, summary="Mended.")
        await pass_all_gates(self.stack, await revise(self.stack, again))
        await started(self.temporal, ids.rollout(self.program, 2))
        await done(self.temporal, ids.rollout(self.program, 2), "Count who has joined in wave all")
        body = {"participant": "cora", "agreement": AGREEMENT}
        assert (await self.stack.post(f"{self.path}/members", body, person=SHOP)).status_code == 201
        await stage_reached(self.stack, self.program, "operation")
        dearer = lifelike(self.program, self.provider.address, **asked, expiry={"kind": "never"})
        await pass_all_gates(self.stack, await revise(self.stack, dearer))
        await done(self.temporal, self.lifecycle, "Tell the members of revision 3")
        back = await self.stack.post(f"{self.path}/revisions/3/withdrawal", {"reason": "the points stay"})
        assert (back.status_code, back.json()["status"]) == (200, "withdrawn"), back.text

    async def given_up_after_a_pilot(self) -> None:
        """Another program, which nobody launches: the member of its pilot gets the whole end."""
        program = program_id("piloted")
        pilot = {"id": "friends", "kind": "pilot", "cohort": "friends", "lasts": "PT15S", "criteria": [NOBODY_NEEDED]}
        first = await begin(self.stack, lifelike(program, self.provider.address, test_phases=[pilot]))
        path, people = f"/programs/{program}/cohorts/friends", {"participants": ["dan"]}
        assert (await self.stack.post(path, people, person="demo-marketing")).status_code == 201
        await approve(self.stack, f"{first}/gate/strategy/1", "demo-marketing", FINANCE)
        await timer_started(self.temporal, ids.test_phase(program, 1, "friends"))
        body = {"participant": "dan", "agreement": AGREEMENT}
        assert (await self.stack.post(f"/programs/{program}/members", body, person=SHOP)).status_code == 201
        gate = f"{first}/gate/launch/1"
        await vote(self.stack, gate, FINANCE, answer="reject", digest=await gate_open(self.stack, gate), reason="no such club")
        assert (await self.temporal.get_workflow_handle(ids.lifecycle(program)).result())["stage"] == "rejected"
        assert (await self.stack.get(f"/programs/{program}/members/dan", SHOP))["status"] == "ended"

    async def _act(self, what: str) -> None:
        response = await self.stack.post(f"{self.path}/rollout/{what}", {"reason": "so be it"}, person=OPERATIONS)
        assert response.status_code in (200, 202), response.text

    async def written(self) -> dict[str, Any]:
        """What the life has left in the database, without what depends on how long it took: reminders and instants."""
        tables = {
            "stages": "SELECT stage FROM store.stage_change WHERE program = :program ORDER BY id",
            "revisions": "SELECT number, status FROM store.revision WHERE program = :program ORDER BY number",
            "waves": "SELECT wave, share FROM store.wave_opening WHERE program = :program",
            "gates": "SELECT id, outcome FROM store.gate WHERE program = :program ORDER BY id",
            "evidence": "SELECT revision, phase, passed FROM store.test_result WHERE program = :program ORDER BY 1, 2",
            "prototypes": "SELECT revision, passed FROM store.prototype_run WHERE program = :program ORDER BY 1",
            "audit": "SELECT action, actor, about, refusal, count(*) FROM store.audit "
            "WHERE program = :program AND action <> 'gate_reminded' GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3",
            "notices": "SELECT kind, gate, state, count(*) FROM store.notice "
            "WHERE program = :program AND kind <> 'reminded' GROUP BY 1, 2, 3 ORDER BY 1, 2",
            "members": "SELECT status, count(*) FROM store.member WHERE program = :program GROUP BY 1 ORDER BY 1",
            "moves": "SELECT change, to_tier, count(*) FROM store.tier_change "
            "WHERE program = :program GROUP BY 1, 2 ORDER BY 1, 2",
            "offers": "SELECT points, count(*) FROM store.intervention WHERE program = :program GROUP BY 1",
            "redemptions": "SELECT reward, state FROM store.redemption WHERE program = :program ORDER BY 1",
            "evaluations": "SELECT consequence FROM store.evaluation WHERE program = :program",
            "holds": "SELECT kind, lifted_by FROM store.program_hold WHERE program = :program",
            "steps": "SELECT step, ended_at IS NOT NULL FROM store.wind_down_step WHERE program = :program ORDER BY number",
            "told": "SELECT audience, kind, count(*) FROM store.announcement "
            "WHERE program = :program GROUP BY 1, 2 ORDER BY 1, 2",
            "books": "SELECT status FROM store.books_period WHERE program = :program ORDER BY period",
            "ledger": "SELECT kind, outcome, points, count(*) FROM ledger.txn "
            "WHERE program = :program AND kind <> 'expire' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        }
        found: dict[str, Any] = {}
        async with self.stack.engine.connect() as connection:
            for name, query in tables.items():
                rows = await connection.execute(text(query), {"program": self.program})
                found[name] = [tuple(str(cell).replace(self.program, "PROGRAM") for cell in row) for row in rows]
        return found

    async def check(self) -> None:
        """Ledger and audit trail are sound."""
        report = await self.stack.ledger.check(self.program)
        assert report.clean, report.drifts
        assert (await trail.verify(self.stack.engine, self.program)).sound


@asynccontextmanager
async def _living(databases: Databases, folder: Path, wanted: list[str]) -> AsyncIterator[tuple[Life, Killed]]:
    """A stack of its own whose workers are processes that die so, on a Temporal server on which nobody else polls."""
    address = await databases.create()
    engine = create_engine(address, pool_size=10)
    async with _time_skipping(folder) as environment, serving() as provider:
        stack, app = stack_over(engine, environment.client, folder)
        async with app.router.lifespan_context(app), stack.http:
            relaying = asyncio.create_task(relay(engine, environment.client))
            async with killed(environment, address, wanted, keys=folder / "verification-keys.json") as worker:
                yield Life(stack, provider), worker
            relaying.cancel()
    await engine.dispose()
    await databases.drop(address)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a worker waits until the one after the next has found out that it died."""
    monkeypatch.setattr(tests.waiting, "_WAIT_TIMEOUT", DELAY)
    monkeypatch.setattr(tests.stack, "_WAIT_TIMEOUT", DELAY)


@pytest.mark.usefixtures("patient")
async def test_a_program_is_launched_though_its_worker_is_killed_as_it_puts_it_in_force_and_opens_its_wave(
    database: Databases, tmp_path: Path
) -> None:
    wanted = [*deaths(["put_in_force"], AFTER), *deaths(["open_wave"], BEFORE)]
    async with _living(database, tmp_path, wanted) as (life, worker):
        await life.launched()
        assert worker.left == []
        await life.check()
        written = await life.written()
    assert written["stages"] == [
        (stage,)
        for stage in (
            "requirements",
            "strategy",
            "development",
            "strategy",
            "prototype",
            "acceptance_test",
            "rollout",
            "operation",
        )
    ]
    assert written["waves"] == [("all", "100")]
    assert written["revisions"] == [("1", "changes_requested"), ("2", "in_force")]
    votes = [row for row in written["audit"] if row[0] == "vote"]
    assert [row[-1] for row in votes] == ["1"] * 6


@pytest.mark.long
@pytest.mark.usefixtures("patient")
async def test_a_life_goes_on_though_its_worker_is_killed_in_every_step_before_it_and_after_it(
    database: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with _living(database, tmp_path_factory.mktemp("lives"), []) as (life, _):
        await life.whole()
        await life.check()
        undisturbed = await life.written()
    walked = every_activity() - IN_DEPTH - OF_THE_CODE_BEFORE
    async with _living(database, tmp_path_factory.mktemp("dies"), deaths(sorted(walked))) as (life, worker):
        await life.whole()
        assert worker.left == [], "an activity that no step of this life asks for is not walked: let one"
        assert set(worker.died) == {f"{name}:{when}" for name in walked for when in (BEFORE, AFTER)}
        await life.check()
        written = await life.written()
    assert written == undisturbed


@pytest.mark.long
@pytest.mark.usefixtures("patient")
async def test_other_ways_to_test_roll_out_and_amend_go_on_though_their_worker_is_killed_in_every_step(
    database: Databases, tmp_path: Path
) -> None:
    async with _living(database, tmp_path, deaths(sorted(IN_DEPTH))) as (life, worker):
        await life.rolled_out_in_depth(database)
        await life.given_up_after_a_pilot()
        assert worker.left == []
        await life.check()


def test_the_walk_is_of_every_activity_that_is_hosted() -> None:
    """The list is the classes' own (`tests/worker/test_registry.py`): a new activity is walked, or the walk fails."""
    assert len(every_activity()) > 50
