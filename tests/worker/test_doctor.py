"""The doctor's probes: each says what it finds, and none can delay or end the others."""

import json
import socket
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from runtime.settings import Settings
from worker.doctor.examination import PROBES, examine
from worker.doctor.finding import Examination, Finding, Status, Topic
from worker.doctor.machine import signing_keys
from worker.doctor.servers import clock_finding
from worker.doctor.surroundings import Surroundings
from worker.embedded.child import Child
from worker.embedded.home import Home

OwnSettings = Callable[..., Settings]
DATABASE, STACK = (Topic.SERVERS, "database"), (Topic.STACK, "embedded stack")


@pytest.fixture
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OwnSettings:
    """Settings of a folder of this test's own, whatever the environment says."""
    import os

    for name in list(os.environ):
        if name.startswith(("TENURE_", "TEMPORAL_")):
            monkeypatch.delenv(name)

    def settings(**more: object) -> Settings:
        return Settings(home=tmp_path / "home", api_port=0, temporal_port=0, temporal_ui_port=0).model_copy(update=more)

    return settings


async def test_a_server_that_never_answers_is_wrong_and_delays_no_other_probe(own_settings: OwnSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        url = f"postgresql://someone:secret@127.0.0.1:{silent.getsockname()[1]}/tenure"
        examination = await examine(
            own_settings(database_url=url), timeout=0.5, probes={key: PROBES[key] for key in (DATABASE, STACK)}
        )
    stack, database = sorted(examination.findings, key=lambda finding: finding.name, reverse=True)
    assert (stack.name, stack.status) == ("embedded stack", Status.OFF)
    assert (database.status, database.detail) == (Status.WRONG, "no answer within 0.5 s")
    assert database.remedy


async def test_a_probe_that_fails_is_a_finding_and_hides_no_other(own_settings: OwnSettings) -> None:
    async def broken(_: Surroundings) -> Sequence[Finding]:
        raise ZeroDivisionError("a fault of the probe")

    examination = await examine(own_settings(), probes={DATABASE: broken, STACK: PROBES[STACK]})

    assert [(finding.name, finding.status) for finding in examination.findings] == [
        ("database", Status.WRONG),
        ("embedded stack", Status.OFF),
    ]
    assert "ZeroDivisionError: a fault of the probe" in examination.findings[0].detail
    assert examination.status is Status.WRONG


@pytest.mark.parametrize(
    "written", ["", "[]", "{", '{"pid": "x", "children": 3}', '{"pid": 1, "created": 0.5, "children": {"api": 7}}']
)
async def test_a_damaged_state_file_counts_as_a_stack_that_does_not_run(own_settings: OwnSettings, written: str) -> None:
    settings = own_settings()
    settings.home.mkdir()
    Home(settings.home).state_file.write_text(written)
    examination = await examine(settings, probes={STACK: PROBES[STACK]})
    assert [finding.status for finding in examination.findings] == [Status.OFF]


async def test_programs_that_a_killed_stack_left_running_are_named(own_settings: OwnSettings, tmp_path: Path) -> None:
    settings = own_settings()
    settings.home.mkdir()
    worker = Child("worker", ["sleep", "600"], log=tmp_path / "log")
    await worker.start()
    try:
        dead = {"pid": worker.pid, "created": worker.created - 3600}
        state = {**dead, "children": {"worker": {"pid": worker.pid, "created": worker.created}, "api": dead}}
        Home(settings.home).state_file.write_text(json.dumps(state))
        (found,) = (await examine(settings, probes={STACK: PROBES[STACK]})).findings
    finally:
        await worker.stop()
    assert found.status is Status.WARNING
    assert found.detail == f"killed; it left running: worker (process {worker.pid})"
    assert "make up" in (found.remedy or "")


@pytest.mark.parametrize(
    ("seconds", "status", "detail"),
    [
        (0.25, Status.OK, "as the database's, to 0.250 s"),
        (-2, Status.OK, "as the database's, to 2.000 s"),
        (5, Status.WARNING, "the database's clock is 5 s ahead of this machine's"),
        (-30, Status.WARNING, "the database's clock is 30 s behind this machine's"),
        (3600, Status.WRONG, "the database's clock is 3,600 s ahead of this machine's"),
    ],
)
def test_a_clock_that_differs_is_a_warning_and_from_half_a_minute_on_wrong(seconds: float, status: Status, detail: str) -> None:
    found = clock_finding(timedelta(seconds=seconds))
    assert (found.status, found.detail) == (status, detail)
    assert (found.remedy is None) == (status is Status.OK)


async def test_keys_that_the_settings_name_must_be_there(own_settings: OwnSettings, tmp_path: Path) -> None:
    missing = own_settings(signing_keys_file=tmp_path / "none.json")
    (found,) = await signing_keys(Surroundings.of(missing))
    assert (found.status, str(tmp_path / "none.json") in found.detail) == (Status.WRONG, True)
    assert "TENURE_SIGNING_KEYS_FILE" in (found.remedy or "")


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([Status.OK, Status.OFF], Status.OK),
        ([Status.OFF, Status.WARNING, Status.OK], Status.WARNING),
        ([Status.WARNING, Status.WRONG, Status.OK], Status.WRONG),
    ],
)
def test_an_examination_is_as_bad_as_its_worst_finding(statuses: list[Status], worst: Status) -> None:
    findings = tuple(Finding(topic=Topic.STACK, name="any", status=status, detail="any") for status in statuses)
    assert Examination(findings=findings).status is worst
