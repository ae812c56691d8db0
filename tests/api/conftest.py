"""One launched program for all tests of the API, and programs that wait at their first gate."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from api.app import create_app
from domain import ids
from tests.api.provider import Provider, serving
from tests.api.sample_program import SampleProgram, Waiting, begun, launched, pooling
from tests.stack import Stack, api_settings, people_in
from tests.waiting import gate_open


@pytest.fixture(scope="session")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The API's description of itself; for that, nobody needs to be there."""
    return create_app(api_settings(people_in(tmp_path_factory.mktemp("nobody"), []))).openapi()


@pytest.fixture(scope="session")
async def provider() -> AsyncIterator[Provider]:
    """A company's own reward service."""
    async with serving() as provider:
        yield provider


@pytest.fixture(scope="session")
async def sample_program(stack: Stack, provider: Provider) -> SampleProgram:
    """A launched program whose first wave is open to half of the members; nothing falls due while the tests run."""
    return await launched(stack, provider.address)


@pytest.fixture(scope="session")
async def pool(stack: Stack, provider: Provider) -> SampleProgram:
    """Another one, which has all that one can do with points."""
    return await pooling(stack, provider.address)


@pytest.fixture(scope="session")
def begin(stack: Stack) -> Callable[[], Awaitable[Waiting]]:
    """Starts programs that wait at their first gate, for what only one program can be through once."""

    async def start() -> Waiting:
        definition = await begun(stack)
        gate = ids.gate(ids.qualification(definition.program, 1), "strategy", 1)
        return Waiting(stack, definition, gate, await gate_open(stack, gate))

    return start
