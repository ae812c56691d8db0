"""The command as a test runs it: with an environment of its own, never with the one of the person who tests."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.app import create_app
from api.http.dependencies import Services
from cli.main import app
from runtime.settings import settings
from tests.serving import served
from tests.stack import Stack, api_settings, people_in, token_of

Tenure = Callable[..., Result]
Ask = Callable[..., Awaitable[Result]]


@pytest.fixture
def people_file(tmp_path: Path) -> Path:
    """A people file with one person."""
    return people_in(tmp_path, [{"id": "fiona", "name": "Fiona", "roles": ["finance"]}])


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


@pytest.fixture(scope="module")
async def address(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The API over real HTTP."""
    people = people_in(tmp_path_factory.mktemp("people"))
    services = Services(stack.engine, stack.ledger, stack.temporal)
    api = create_app(api_settings(people), services=services)
    api.state.keys = stack.keys  # those that the stack's workers know
    async with served(api) as address:
        yield address


@pytest.fixture
def ask_as(tenure: Tenure, address: str) -> Callable[[str], Ask]:
    """Makes what runs `tenure` against this API, as this person unless another one is named."""

    def as_person(usual: str) -> Ask:
        async def run(*words: str, person: str = usual) -> Result:
            return await asyncio.to_thread(tenure, *words, TENURE_API_URL=address, TENURE_TOKEN=token_of(person))

        return run

    return as_person
