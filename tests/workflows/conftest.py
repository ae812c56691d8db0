"""The histories that these tests leave: each is replayed at once, and compared with, or recorded to, `tests/histories`."""

import pytest
from temporalio.client import Client
from temporalio.worker import Replayer

from tests.histories.fingerprint import fingerprint
from tests.histories.reading import read, replayer, written
from tests.paths import HISTORIES


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-histories", action="store_true", help="keep the histories for tests/workflows/test_replay.py")


class Histories:
    """Replays what workflows have just done, which must lead to the same commands, and keeps it if so asked."""

    def __init__(self, *, record: bool) -> None:
        self._record = record
        self._replayer: Replayer = replayer()

    async def keep(self, client: Client, workflow_id: str, name: str, *, run_id: str | None = None) -> None:
        """Replay a workflow's history; `name` is what the workflow's type and the branch that it took are kept under."""
        history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        await self._replayer.replay_workflow(history)
        file = HISTORIES / f"{name}.json"
        if self._record:
            file.write_text(written(history))
            return
        now, then = fingerprint(history), fingerprint(read(file)[1])
        assert now == then, (
            f"What {name} asks of Temporal has changed: now {sorted(now - then)}, no more {sorted(then - now)}. Where no run "
            "of the code before is alive, record it anew (python -m tests.histories.record); else guard the change by "
            f"workflow.patched, keep {file.name} under another name, and record the new one beside it."
        )


@pytest.fixture(scope="session")
def histories(request: pytest.FixtureRequest) -> Histories:
    return Histories(record=bool(request.config.getoption("--record-histories", default=False)))
