"""A stack that is stopped and started again goes on where it was, running workflows included."""

from pathlib import Path
from typing import Any

import pytest

from cli.demo.api import DemoApi
from domain import ids
from ledger import Ledger
from runtime.database import create_engine
from runtime.settings import Settings
from tests.ledger.requests import an_earn
from tests.stack import example, program_id
from worker.embedded.stack import Stack

pytestmark = pytest.mark.processes

OWNER = "demo-owner"


async def test_a_second_start_goes_on_with_the_program_that_waited_at_its_gate(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", api_port=0, temporal_port=0, temporal_ui_port=0)
    program = program_id("restart")
    log = f"{program}-log"
    criteria = [{"figure": "members", "at_least": 1}]
    definition = example("starbucks.yaml", program, prototype={"transactions": log, "criteria": criteria})

    async with Stack(settings) as stack:
        api = DemoApi(stack.addresses.api, Path(stack.environment["TENURE_PEOPLE_FILE"]), connections=4)
        await api.post(OWNER, f"/transaction-logs/{log}", content="customer,at,amount\nc1,2026-01-01T10:00:00Z,12.00\n")
        await api.post(OWNER, "/programs", definition.model_dump(mode="json"))
        gate = await _gate(api, program, "strategy")
        await _approve(api, gate, "demo-marketing")
        await api.close()

    async with Stack(settings) as stack:
        api = DemoApi(stack.addresses.api, Path(stack.environment["TENURE_PEOPLE_FILE"]), connections=4)
        state = await api.get(OWNER, f"/gates/{gate['id']}")
        assert [vote["person"] for vote in state["votes"]] == ["demo-marketing"]
        await _approve(api, gate, "demo-finance")
        readiness = await _gate(api, program, "readiness")
        assert readiness["id"].startswith(ids.qualification(program, 1))
        report = await api.get(OWNER, f"/programs/{program}/report")
        assert [stage["stage"] for stage in report["stages"]] == ["requirements", "strategy", "prototype", "acceptance_test"]
        await api.close()


async def test_a_worker_that_starts_sees_to_it_that_the_ledger_is_sealed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", api_port=0, temporal_port=0, temporal_ui_port=0, seal_every=1)
    async with Stack(settings) as stack:
        address = stack.environment["TENURE_DATABASE_URL"]
        engine = create_engine(address, pool_size=2)
        await Ledger(engine).earn(an_earn("sealed-by-itself", 100))
        await engine.dispose()
        api = DemoApi(stack.addresses.api, Path(stack.environment["TENURE_PEOPLE_FILE"]), connections=4)
        while (page := await api.get(OWNER, "/ledger/verification"))["head"] is None:
            pass  # the API tells it to whoever asks, so the test asks until the Schedule has acted
        assert (page["clean"], page["unsealed"]) == (True, 0)
        await api.close()


async def _gate(api: DemoApi, program: str, name: str) -> dict[str, Any]:
    """The gate of this name, once it is open; the API tells it to whoever asks, so the test asks until it is."""
    while True:
        for gate in await api.all_pages(OWNER, "/gates", program=program):
            if gate["gate"] == name:
                return dict(gate)


async def _approve(api: DemoApi, gate: dict[str, Any], person: str) -> None:
    await api.post(person, f"/gates/{gate['id']}/decisions", {"answer": "approve", "digest": gate["subject"]["digest"]})
