"""The command as a test runs it: with an environment of its own, never with the one of the person who tests."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from runtime.settings import settings

Tenure = Callable[..., Result]


@pytest.fixture
def people_file(tmp_path: Path) -> Path:
    """A people file with one person."""
    file = tmp_path / "people.json"
    file.write_text(json.dumps([{"id": "fiona", "name": "Fiona", "roles": ["finance"], "token": "a-token"}]))
    return file


@pytest.fixture
def tenure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Tenure]:
    """Runs `tenure` with these words; keywords are variables of its environment."""
    for name in os.environ:
        if name.startswith("TENURE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, **environment: object) -> Result:
        settings.cache_clear()
        return CliRunner().invoke(app, list(words), env={name: str(value) for name, value in environment.items()})

    yield run
    settings.cache_clear()
