"""The API held against its own description by requests that nobody would write: Schemathesis, with and without links.

It runs against the real application with a launched club, over HTTP, as a person with every role. What is generated is the same
in every run.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, get_args

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from api.app import create_app
from api.services import Services
from domain.definition import Role
from runtime.settings import Settings
from tests.api.club import launched
from tests.api.provider import Provider
from tests.house import House
from tests.serving import served

_TOKEN = "all-roles"
_HEADERS = {"Authorization": f"Bearer {_TOKEN}"}
_EXCLUDED = [
    # What is of the right shape may still name a reward or a tier that is not there: that is refused, as it should be.
    positive_data_acceptance,
    # A body of YAML may be any text, and a query may say more than the address looks at.
    negative_data_rejection,
]
_BOUNDED = settings(
    max_examples=6,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_BOUNDED_STEPS = settings(_BOUNDED, max_examples=10, stateful_step_count=8)
_keys = count(1)


@dataclass(frozen=True)
class Served:
    """Where the application answers, its description as it tells it, and a program and members to ask about."""

    address: str
    schema: OpenApiSchema
    known: dict[str, str]

    def check(self, case: Case, number: int) -> None:
        """Send a request and hold the answer against the description; most requests are about what is there."""
        if number % 4:
            for name in case.path_parameters or {}:
                if name in self.known:
                    case.path_parameters[name] = self.known[name]
        _identify(case)
        case.call_and_validate(base_url=self.address, headers=_HEADERS, excluded_checks=_EXCLUDED)


def _identify(case: Case) -> None:
    """Under a key of its own; one that was left out on purpose stays so."""
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"fuzz-{next(_keys)}"


@pytest.fixture(scope="module")
async def api(house: House, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The application on a port of its own, with a launched program of its own."""
    club = await launched(house, provider.address)
    member = await club.member()
    event = await club.event(member)
    redemption = await club.redeem(member, "ticket")
    assert (event.status_code, redemption.status_code) == (201, 409)
    people = tmp_path_factory.mktemp("fuzz") / "people.json"
    people.write_text(json.dumps([{"id": "demo-all", "name": "All", "roles": get_args(Role), "token": _TOKEN}]))
    app = create_app(Settings(people_file=people), services=Services(house.engine, house.ledger, house.temporal, patience=30.0))
    known = {
        "program": club.program,
        "participant": member,
        "number": event.json()["transaction"],
        "reward": "ticket",
        "name": "api-log",
        "gate": f"program/{club.program}/r1/gate/strategy/1",
    }
    async with app.router.lifespan_context(app), served(app) as address:
        schema = await asyncio.to_thread(schemathesis.openapi.from_url, f"{address}/openapi.json")
        yield Served(address, schema, known)


def _nobody() -> Path:
    """A people file with nobody in it: enough for the description alone."""
    file = Path(mkdtemp()) / "people.json"
    file.write_text("[]")
    return file


def _described() -> Iterator[tuple[str, str, GenerationMode]]:
    """Every operation with requests as they should be, and, where anything can be wrong with one, as they should not."""
    for path, operations in create_app(Settings(people_file=_nobody())).openapi()["paths"].items():
        for method, operation in operations.items():
            yield path, method.upper(), GenerationMode.POSITIVE
            if operation.get("parameters") or "requestBody" in operation:
                yield path, method.upper(), GenerationMode.NEGATIVE


@pytest.mark.parametrize(("path", "method", "mode"), _described())
async def test_an_operation_answers_as_it_is_described(api: Served, path: str, method: str, mode: GenerationMode) -> None:
    numbers = count(1)

    @given(case=api.schema[path][method].as_strategy(generation_mode=mode))
    @_BOUNDED
    def each(case: Case) -> None:
        api.check(case, next(numbers))

    await asyncio.to_thread(each)


async def test_what_an_answer_leads_to_answers_as_it_is_described(api: Served) -> None:
    class Linked(api.schema.as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: Case) -> None:
            _identify(case)

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:
            return {"base_url": api.address, "headers": _HEADERS}

        def validate_response(self, response: Any, case: Case, additional_checks: Any = (), **kwargs: Any) -> None:
            case.validate_response(response, excluded_checks=_EXCLUDED, headers=_HEADERS)

    await asyncio.to_thread(Linked.run, settings=_BOUNDED_STEPS)
