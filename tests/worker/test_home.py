"""The stack's folder: held by one stack at a time, never taken from others, and free of what a killed stack left running."""

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from runtime.identity.development_issuer import key_file
from worker.embedded.child import Child
from worker.embedded.errors import FolderForeign, FolderFull, PortTaken, StackAlreadyRuns
from worker.embedded.home import Home
from worker.embedded.people import ensure_issuer_key, ensure_people
from worker.embedded.ports import claim


@pytest.fixture
async def sleeper(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Child]:
    """A process that lives until someone ends it."""
    child = Child("worker", ["sleep", "600"], log=tmp_path_factory.mktemp("sleeper") / "log")
    await child.start()
    yield child
    await child.stop()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FolderForeign, match="not Tenure's"):
        Home(tmp_path).take()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("mine")
    with pytest.raises(FolderForeign, match="not a folder"):
        Home(tmp_path / "home").take()


def test_a_folder_on_a_full_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderFull, match="MiB left") as failure:
        Home(tmp_path / "home", least_free=2**62).take()
    assert "TENURE_HOME" in failure.value.remedy


def test_a_second_stack_on_the_folder_is_told_of_the_first(tmp_path: Path) -> None:
    first, second = Home(tmp_path / "home"), Home(tmp_path / "home")
    first.take()
    first.write({"pid": 4711, "api": "http://127.0.0.1:8600", "children": {}})
    with pytest.raises(StackAlreadyRuns, match=r"process 4711, at http://127\.0\.0\.1:8600"):
        second.take()
    first.release()
    second.take()
    second.release()


async def test_what_a_killed_stack_left_running_is_stopped(tmp_path: Path, sleeper: Child) -> None:
    home = Home(tmp_path / "home")
    home.take()
    home.write({"children": {"worker": {"pid": sleeper.pid, "created": sleeper.created}}})
    assert await asyncio.to_thread(home.stop_leftovers) == ["worker"]
    await sleeper.wait()
    assert not psutil.pid_exists(sleeper.pid)
    home.release()


async def test_a_stranger_that_got_the_process_id_of_a_dead_child_is_left_alone(tmp_path: Path, sleeper: Child) -> None:
    home = Home(tmp_path / "home")
    home.take()
    home.write({"children": {"worker": {"pid": sleeper.pid, "created": sleeper.created - 3600}}})
    assert await asyncio.to_thread(home.stop_leftovers) == []
    assert psutil.Process(sleeper.pid).status() != psutil.STATUS_ZOMBIE
    home.release()


def test_a_damaged_state_file_is_as_good_as_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.take()
    home.state_file.write_text('{"children": {"wor')
    assert home.stop_leftovers() == []
    home.release()


def test_a_taken_port_is_said_with_who_has_it_and_which_setting_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} of 127.0.0.1, where Temporal should listen") as failure:
            claim({"Temporal": ("127.0.0.1", port, "TENURE_TEMPORAL_PORT")})
    assert "TENURE_TEMPORAL_PORT" in failure.value.remedy


def test_two_of_our_own_on_one_port_are_refused_as_well() -> None:
    port = claim({"any": ("127.0.0.1", 0, "")})["any"]
    with pytest.raises(PortTaken, match="where the API should listen"):
        claim({"Temporal": ("127.0.0.1", port, "TENURE_TEMPORAL_PORT"), "the API": ("127.0.0.1", port, "TENURE_API_PORT")})


def test_demo_persons_have_no_secrets_and_the_issuers_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    assert ensure_people(file)
    first = file.read_text()
    people = json.loads(first)
    assert len({person["id"] for person in people}) == len(people) == 8
    assert {name for person in people for name in person} == {"id", "name", "roles"}
    assert all(person["id"].startswith("demo-") and person["name"].startswith("Demo ") for person in people)

    assert not ensure_people(file)
    assert file.read_text() == first

    assert ensure_issuer_key(file)
    key = key_file(file).read_text()
    assert stat.S_IMODE(key_file(file).stat().st_mode) == 0o600
    assert not ensure_issuer_key(file)
    assert key_file(file).read_text() == key
