"""The demo as a user gets it, smaller and faster: a whole life on real purchases, while parts of the stack are killed."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.acceptance.purchases import LogFaulty, cdnow, span
from cli.demo.api import DemoApi
from cli.demo.expectations import expectations
from cli.demo.narration import Teller
from cli.demo.play import Plan, Play
from cli.demo.timeline import Timeline
from domain.definition.document import Definition
from domain.definition.reading.file import read_definition
from runtime.settings import Settings
from tests.paths import EXAMPLES
from worker.embedded.stack import Stack

pytestmark = pytest.mark.processes

MEMBERS = 150
SECONDS = 80


class _Interrupting(Teller):
    """Tells as always, and does something at the end of certain months."""

    def __init__(self, console: Console, timeline: Timeline, at: dict[int, Callable[[], None]]) -> None:
        super().__init__(console, timeline)
        self._at = at
        self._month = 0

    def month(self, report: dict[str, Any], posted: int) -> None:
        super().month(report, posted)
        self._month += 1
        self._at.get(self._month, lambda: None)()


async def test_the_demo_ends_well_though_worker_and_database_are_killed(tmp_path: Path) -> None:
    try:
        purchases = cdnow()
    except LogFaulty as missing:
        pytest.skip(str(missing))
    definition = read_definition((EXAMPLES / "cd-club.yaml").read_text())
    assert isinstance(definition, Definition)
    factor = span(purchases).total_seconds() / SECONDS
    plan = Plan(purchases=purchases, definition=definition, factor=factor, members=MEMBERS, interactive=False)
    settings = Settings(home=tmp_path / "home", api_port=0, temporal_port=0, temporal_ui_port=0)
    lines: list[str] = []

    async with Stack(settings, lines.append) as stack:
        people = Path(stack.environment["TENURE_PEOPLE_FILE"])
        api = DemoApi(stack.addresses.api, people, connections=16)
        timeline = Timeline(plan.launch_at, plan.factor)
        killed = {2: lambda: stack.kill("worker"), 5: lambda: stack.kill("PostgreSQL"), 7: lambda: stack.kill("worker")}
        play = Play(plan, api, _Interrupting(Console(file=io.StringIO()), timeline, killed), timeline)
        try:
            await play.run()
        finally:
            await api.close()

    assert sum("started again" in line for line in lines) >= len(killed), lines
    missed = [each for each in expectations(play.report, play.definition, MEMBERS) if not each.met]
    assert not missed
    assert play.report["ledger_check"]["clean"]
