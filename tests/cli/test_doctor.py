"""`tenure doctor`: what it finds on a machine with and without a stack, and how it says so."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pytest
from typer.testing import Result

import worker.embedded.stack
from runtime.identity.keys import ensure_keys
from runtime.settings import Settings
from store.migrate import revisions
from tests.cli.conftest import Tenure
from tests.conftest import Databases
from tests.stack import Stack
from worker.embedded.errors import PortTaken
from worker.embedded.ports import claim

Findings = Mapping[str, Mapping[str, str]]
Doctor = Callable[..., Awaitable[tuple[int, Findings]]]


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    """An environment that names no server elsewhere, a folder of its own, and no port that another test could take."""
    for name in list(os.environ):
        if name.startswith(("TENURE_", "TEMPORAL_")):
            monkeypatch.delenv(name)
    ports = dict.fromkeys(("TENURE_API_PORT", "TENURE_TEMPORAL_PORT", "TENURE_TEMPORAL_UI_PORT"), 0)
    return {"TENURE_HOME": tmp_path / "home", **ports}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses every connection, and that nobody else can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens, outside of the range from which the system gives ports by itself."""
    for port in range(20_000, 30_000):
        with suppress(PortTaken):
            return claim({"any": ("127.0.0.1", port, "")})["any"]
    raise AssertionError("a port must be free")


@pytest.fixture
def doctor(tenure: Tenure, surroundings: dict[str, object]) -> Doctor:
    """Runs `tenure doctor --json` with more variables; its exit code, and the findings by name."""

    async def run(**more: object) -> tuple[int, Findings]:
        result: Result = await asyncio.to_thread(tenure, "doctor", "--json", **{**surroundings, **more})
        shown = json.loads(result.stdout)
        return result.exit_code, {finding["name"]: finding for finding in shown["findings"]}

    return run


def test_the_version_is_one_line(tenure: Tenure) -> None:
    result = tenure("--version")
    assert (result.exit_code, result.stdout) == (0, f"tenure {version('tenure')}\n")


async def test_without_a_stack_nothing_is_wrong_and_it_says_how_to_start_one(
    doctor: Doctor, surroundings: dict[str, object], free_port: int
) -> None:
    code, found = await doctor(TENURE_API_PORT=free_port)

    assert code == 0
    assert {finding["status"] for finding in found.values()} <= {"ok", "off", "warning"}
    for name in ("embedded stack", "API", "Temporal UI", "database", "Temporal service"):
        assert found[name]["status"] == "off", found[name]
        assert found[name]["detail"] == "not running; start it with `make up`"
    for name in ("Tenure", "Python", "packages", "Temporal SDK", "Temporal server", "PostgreSQL server"):
        assert found[name]["status"] == "ok", found[name]
    assert found[f"port {free_port}"]["detail"] == "free, for API"
    assert found["port of Temporal"]["detail"] == "any free one"
    home = surroundings["TENURE_HOME"]
    assert isinstance(home, Path) and not home.exists(), "the doctor only looks"


def test_for_a_person_the_findings_stand_under_headings_with_remedies_and_a_verdict(
    tenure: Tenure, surroundings: dict[str, object]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        surroundings["TENURE_TEMPORAL_PORT"] = taken.getsockname()[1]
        result = tenure("doctor", **surroundings)
    lines = result.stdout.rstrip().splitlines()
    assert result.exit_code == 1
    headings = ["What is installed", "This machine", "The embedded stack", "The servers"]
    assert [line for line in lines if line in headings] == headings
    (fault,) = (number for number, line in enumerate(lines) if line.startswith("wrong"))
    assert f"port {surroundings['TENURE_TEMPORAL_PORT']}" in lines[fault]
    assert lines[fault + 1].strip().startswith("Stop what listens there")
    assert lines[-1].startswith("1 thing is wrong")


async def test_a_taken_port_is_wrong_and_says_who_has_it(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, found = await doctor(TENURE_TEMPORAL_PORT=port)
    assert code == 1
    assert found[f"port {port}"]["status"] == "wrong"
    assert f"process {os.getpid()}" in found[f"port {port}"]["detail"]
    assert "TENURE_TEMPORAL_PORT" in found[f"port {port}"]["remedy"]


async def test_the_port_of_another_tenure_is_a_warning(doctor: Doctor, address: str) -> None:
    port = address.rpartition(":")[2]
    code, found = await doctor(TENURE_API_PORT=port)
    assert code == 0
    assert (found["API"]["status"], found["API"]["detail"]) == ("ok", f"answers at {address}")
    assert found[f"port {port}"]["status"] == "warning"
    assert "another Tenure" in found[f"port {port}"]["detail"]


async def test_an_api_that_the_settings_name_must_answer(doctor: Doctor, closed_port: int) -> None:
    code, found = await doctor(TENURE_API_URL=f"http://127.0.0.1:{closed_port}")
    assert (code, found["API"]["status"]) == (1, "wrong")
    assert "TENURE_API_URL" in found["API"]["detail"]


async def test_a_variable_that_tenure_does_not_know_is_a_warning_with_the_one_that_was_meant(doctor: Doctor) -> None:
    code, found = await doctor(TENURE_DATABSE_URL="postgresql://me:secret@127.0.0.1/tenure")
    assert code == 0
    assert (found["settings"]["status"], found["settings"]["remedy"]) == (
        "warning",
        "Correct it to TENURE_DATABASE_URL, or unset it.",
    )
    assert "secret" not in json.dumps(found)


async def test_a_variable_that_the_file_of_notices_names_is_known(doctor: Doctor, tmp_path: Path) -> None:
    notices = tmp_path / "notices.json"
    notices.write_text(json.dumps({"mail": {"password_variable": "TENURE_SMTP_PASSWORD"}}))
    _, found = await doctor(TENURE_SMTP_PASSWORD="secret", TENURE_NOTICES_FILE=notices)
    assert found["settings"]["status"] == "ok"
    _, found = await doctor(TENURE_SMTP_PASSWORD="secret")
    assert found["settings"]["status"] == "warning"
    assert "secret" not in json.dumps(found)


async def test_a_migrated_database_is_ok_in_everything(doctor: Doctor, database_url: str) -> None:
    code, found = await doctor(TENURE_DATABASE_URL=database_url)
    assert code == 0
    assert found["database"]["detail"].startswith("PostgreSQL ")
    assert found["schema"]["detail"] == f"revision {revisions()[-1]}, the newest"
    assert [found[name]["status"] for name in ("database", "schema", "database role", "clock")] == ["ok"] * 4
    assert found["PostgreSQL server"]["status"] == "off"


@pytest.mark.parametrize(
    ("revision", "detail"),
    [
        (revisions()[-3], f"revision {revisions()[-3]}, 2 behind {revisions()[-1]}"),
        ("9999", "revision 9999, which this code does not know"),
    ],
)
async def test_a_database_of_another_revision_is_wrong(doctor: Doctor, database_url: str, revision: str, detail: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
    await connection.close()
    code, found = await doctor(TENURE_DATABASE_URL=database_url)
    assert (code, found["schema"]["status"], found["schema"]["detail"]) == (1, "wrong", detail)


async def test_an_empty_database_is_wrong(doctor: Doctor, database: Databases) -> None:
    code, found = await doctor(TENURE_DATABASE_URL=database.server.url_of("postgres"))
    assert (code, found["schema"]["detail"]) == (1, "the database is empty")
    assert "make up" in found["schema"]["remedy"]


async def test_a_user_who_may_not_act_as_the_application_is_told_what_to_grant(doctor: Doctor, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("DROP ROLE IF EXISTS visitor")
    await connection.execute("CREATE ROLE visitor LOGIN")
    await connection.execute("GRANT SELECT ON alembic_version TO visitor")
    try:
        code, found = await doctor(TENURE_DATABASE_URL=database_url.replace("postgres@", "visitor@"))
    finally:
        await connection.execute("DROP OWNED BY visitor")
        await connection.execute("DROP ROLE visitor")
        await connection.close()
    assert (code, found["database role"]["status"]) == (1, "wrong")
    assert 'GRANT tenure_application TO "visitor"' in found["database role"]["remedy"]


async def test_a_database_that_does_not_answer_is_wrong_and_its_password_stays_unsaid(doctor: Doctor, closed_port: int) -> None:
    code, found = await doctor(TENURE_DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{closed_port}/tenure")
    assert (code, found["database"]["status"]) == (1, "wrong")
    assert "TENURE_DATABASE_URL" in found["database"]["remedy"]
    assert "secret" not in json.dumps(found)


async def test_a_temporal_service_with_workers_is_ok_in_everything(doctor: Doctor, stack: Stack) -> None:
    code, found = await doctor(TEMPORAL_ADDRESS=stack.temporal.service_client.config.target_host)
    assert code == 0
    names = ("Temporal service", "search attributes", "workers")
    assert {name: found[name]["status"] for name in names} == dict.fromkeys(names, "ok")
    assert found["Temporal server"]["status"] == "off"


async def test_a_namespace_that_is_not_there_is_wrong(doctor: Doctor, stack: Stack) -> None:
    address = stack.temporal.service_client.config.target_host
    code, found = await doctor(TEMPORAL_ADDRESS=address, TEMPORAL_NAMESPACE="elsewhere")
    assert code == 1
    assert "elsewhere" in found["search attributes"]["detail"] + found["Temporal service"]["detail"]


async def test_a_temporal_service_that_does_not_answer_is_wrong(doctor: Doctor, closed_port: int) -> None:
    code, found = await doctor(TEMPORAL_ADDRESS=f"127.0.0.1:{closed_port}")
    assert (code, found["Temporal service"]["status"]) == (1, "wrong")
    assert "TEMPORAL_ADDRESS" in found["Temporal service"]["remedy"]


async def test_a_key_file_that_others_may_read_is_a_warning_and_a_damaged_one_wrong(
    doctor: Doctor, surroundings: dict[str, object]
) -> None:
    home = surroundings["TENURE_HOME"]
    assert isinstance(home, Path)
    home.mkdir()
    (home / "TENURE").touch()
    signing = home / "signing-keys.json"
    ensure_keys(signing, home / "verification-keys.json", datetime(2026, 1, 1, tzinfo=UTC))
    _, found = await doctor()
    assert found["signing keys"]["status"] == "ok"
    signing.chmod(0o644)
    code, found = await doctor()
    assert (code, found["signing keys"]["status"]) == (0, "warning")
    assert "chmod 600" in found["signing keys"]["remedy"]
    signing.write_text("{}")
    code, found = await doctor()
    assert (code, found["signing keys"]["status"]) == (1, "wrong")


async def test_a_folder_that_is_not_tenures_is_wrong(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("two years of work")
    code, found = await doctor(TENURE_HOME=tmp_path / "thesis")
    assert (code, found["data folder"]["status"]) == (1, "wrong")
    assert "TENURE_HOME" in found["data folder"]["remedy"]


async def test_a_stack_that_runs_is_ok_in_everything(doctor: Doctor, surroundings: dict[str, object]) -> None:
    home = surroundings["TENURE_HOME"]
    assert isinstance(home, Path)
    settings = Settings(home=home, api_port=0, temporal_port=0, temporal_ui_port=0)  # ports that only its own file tells
    async with worker.embedded.stack.Stack(settings) as stack:
        code, found = await doctor()
        addresses = stack.addresses

    assert code == 0, [finding for finding in found.values() if finding["status"] == "wrong"]
    for name in ("embedded stack", "PostgreSQL", "Temporal", "worker", "api", "signing keys", "data folder"):
        assert found[name]["status"] == "ok", found[name]
    assert found["API"]["detail"] == f"answers at {addresses.api}"
    assert found["Temporal UI"]["detail"] == f"answers at {addresses.temporal_ui}"
    assert found[f"port {addresses.temporal.rpartition(':')[2]}"]["detail"] == "ours, for Temporal"
    names = ("database", "schema", "database role", "clock", "Temporal service", "search attributes")
    assert {name: found[name]["status"] for name in names} == dict.fromkeys(names, "ok")

    code, found = await doctor()
    assert (code, found["embedded stack"]["status"], found["signing keys"]["status"]) == (0, "off", "ok")
