"""A pytest plugin: `python -m pytest -p tests.another_day --at 2028-02-29T12:00Z` runs the pure tests as if it were then.

The clock of the process is set before any module of Tenure or of the tests is there to read it, and ticks on from that instant.
Servers and other processes keep the clock of the machine and would contradict it, so that tests which need one are left out.
"""

import argparse
from datetime import datetime

import pytest
import time_machine

SERVERS = frozenset({"database", "temporal_env", "hasty_env"})
"""The fixtures that start a server. A test that uses one through other fixtures has it among its fixtures too."""


def instant(text: str) -> datetime:
    """Read an instant with its zone. Raises ArgumentTypeError with what to write instead."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no instant with a zone; write for instance 2028-02-29T12:00Z")
    return read


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--at", type=instant, metavar="INSTANT", help="run the pure tests as if it were then: 2028-02-29T12:00Z")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Set the clock."""
    at = early_config.known_args_namespace.at
    if at is not None:
        traveller = time_machine.travel(at.timestamp(), tick=True)
        traveller.start()
        early_config.add_cleanup(traveller.stop)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what uses a server or starts a process."""
    if config.getoption("--at") is None:
        return
    pure: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        served = not SERVERS.isdisjoint(getattr(item, "fixturenames", ()))
        (others if served or item.get_closest_marker("processes") else pure).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = pure
