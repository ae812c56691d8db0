"""The API held against its own description by requests that nobody would write: Schemathesis, with and without links.

It runs against the real application with a launched club, over HTTP, as a person with every role. What is generated is the same
in every run.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, get_args

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, CheckFunction, GenerationMode, Response
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from api.app import create_app
from api.http.dependencies import Services
from domain.identity.roles import Role
from tests.api.provider import Provider
from tests.api.sample_program import SampleProgram, definition_of, launched
from tests.serving import served
from tests.stack import ISSUER, Stack, api_settings, people_entries, people_in, program_id

_ALL = [*people_entries(), {"id": "demo-all", "name": "All", "roles": list(get_args(Role))}]
_HEADERS = {"Authorization": f"Bearer {ISSUER.token('demo-all', 'All', get_args(Role))}"}
_SLOW = dict.fromkeys(
    ("rate_prototypes", "rate_evaluations", "rate_ledger", "rate_audit", "rate_failed_tokens"), "100000/minute"
)
"""More is asked here than any person may."""
_EXCLUDED: list[CheckFunction] = [
    # What is of the right shape may still name a reward or a tier that is not there: that is refused, as it should be.
    positive_data_acceptance,
    # A body of YAML may be any text, and a query may say more than the address looks at.
    negative_data_rejection,
]
_BOUNDED = settings(
    max_examples=5,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_BOUNDED_STEPS = settings(_BOUNDED, max_examples=5, stateful_step_count=10)
_LIVES = {
    "a program": ({"start_program"}, {"show_program", "list_revisions", "show_revision"}),
    "a member": ({"enrol_member", "post_event", "adjust_points"}, {"show_member", "show_balance", "show_transaction"}),
}
"""What begins something, and what its answers lead to."""
_keys = count(1)


@dataclass(frozen=True)
class Served:
    """Where the application answers, its description as it tells it, and a program and members to ask about."""

    address: str
    schema: OpenApiSchema
    known: dict[str, Any]
    bodies: Mapping[str, Callable[[], Any]]
    """A body that is taken, for those operations whose answers lead on."""
    spare: str
    """Another program, whose rollout may be paused and stopped: nobody joins it."""

    def with_its_own_bodies(self) -> OpenApiSchema:
        """The description without the bodies that come from `bodies`: to make up others takes long."""
        raw = deepcopy(self.schema.raw_schema)
        for operations in raw["paths"].values():
            for operation in operations.values():
                if operation["operationId"] in self.bodies:
                    del operation["requestBody"]
        return schemathesis.openapi.from_dict(raw)

    def ask_about_what_is_there(self, case: Case[Any]) -> None:
        """Put what is there in place of what was made up."""
        known = self.known | ({"program": self.spare} if "/rollout/" in case.operation.path else {})
        for name in case.path_parameters or {}:
            if name in known:
                case.path_parameters[name] = known[name]

    def check(self, case: Case[Any], number: int) -> None:
        """Send a request and hold the answer against the description; most requests are about what is there."""
        if number % 4:
            self.ask_about_what_is_there(case)
        _identify(case)
        case.call_and_validate(base_url=self.address, headers=_HEADERS, excluded_checks=_EXCLUDED)


def _identify(case: Case[Any]) -> None:
    """Under a key of its own; one that was left out on purpose stays so."""
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"fuzz-{next(_keys)}"


@pytest.fixture(scope="module")
async def api(stack: Stack, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The application on a port of its own, with a launched program of its own."""
    sample_program, spare = await launched(stack, provider.address), await launched(stack, provider.address)
    member = await sample_program.member()
    event = await sample_program.event(member)
    redemption = await sample_program.redeem(member, "ticket")
    assert (event.status_code, redemption.status_code) == (201, 409)
    settings = api_settings(people_in(tmp_path_factory.mktemp("fuzz"), _ALL), **_SLOW)
    app = create_app(settings, services=Services(stack.engine, stack.ledger, stack.temporal, wait_timeout=30.0))
    app.state.keys = stack.keys  # those that the stack's workers know
    known = {
        "program": sample_program.program,
        "participant": member,
        "number": event.json()["transaction"],
        "reward": "ticket",
        "name": "api-log",
        "report": "exceptions",
        "gate": f"program/{sample_program.program}/r1/gate/strategy/1",
    }
    async with app.router.lifespan_context(app), served(app) as address:
        schema = await asyncio.to_thread(schemathesis.openapi.from_url, f"{address}/openapi.json")
        yield Served(address, schema, known, _bodies(sample_program), spare.program)


async def _let_go_on(stack: Stack, program: str) -> None:
    """Lift whatever the requests before have stopped."""
    while (await stack.post(f"/programs/{program}/resumption", {"reason": "go on"}, person="demo-operations")).is_success:
        pass


def _bodies(sample_program: SampleProgram) -> Mapping[str, Callable[[], Any]]:
    definition = definition_of("fuzz").model_dump(mode="json")
    return {
        "start_program": lambda: definition | {"program": program_id("fuzz")},
        "enrol_member": lambda: {
            "participant": sample_program.stranger(),
            "agreement": sample_program.definition.agreement.version,
        },
        "post_event": lambda: {"type": "purchase", "occurred_at": datetime.now(UTC).isoformat(), "amount": "12.50"},
        "adjust_points": lambda: {"points": 1, "reason": "late delivery"},
    }


def _described() -> Iterator[tuple[str, str, GenerationMode]]:
    """Every operation with requests as they should be, and, where anything can be wrong with one, as they should not."""
    for path, operations in create_app(api_settings(people_in(Path(mkdtemp()), []))).openapi()["paths"].items():
        for method, operation in operations.items():
            yield path, method.upper(), GenerationMode.POSITIVE
            if operation.get("parameters") or "requestBody" in operation:
                yield path, method.upper(), GenerationMode.NEGATIVE


@pytest.mark.parametrize(("path", "method", "mode"), list(_described()))
async def test_an_operation_answers_as_it_is_described(api: Served, path: str, method: str, mode: GenerationMode) -> None:
    numbers = count(1)

    @given(case=api.schema[path][method].as_strategy(generation_mode=mode))
    @_BOUNDED
    def each(case: Case[Any]) -> None:
        api.check(case, next(numbers))

    await asyncio.to_thread(each)


@pytest.mark.parametrize(("begin", "led_to"), list(_LIVES.values()), ids=list(_LIVES))
async def test_what_an_answer_leads_to_answers_as_it_is_described(
    stack: Stack, api: Served, begin: set[str], led_to: set[str]
) -> None:
    followed: Counter[str] = Counter()

    linked = api.with_its_own_bodies().include(operation_id=sorted(begin | led_to))

    class Linked(linked.as_state_machine()):  # type: ignore[misc]
        """Requests that can be answered well, and then what their answers lead to."""

        def step(self, input: StepInput) -> StepOutput:
            case = input.case
            operation = str(case.operation.definition.raw["operationId"])
            if not input.is_applied:
                api.ask_about_what_is_there(case)
            if operation in api.bodies:
                case.body, case.media_type = api.bodies[operation](), "application/json"
            _identify(case)
            output: StepOutput = super().step(input)
            if input.is_applied and output.response.status_code < 300:
                followed[operation] += 1
            return output

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            return {"base_url": api.address, "headers": _HEADERS}

        def validate_response(self, response: Response, case: Case[Any], additional_checks: Any = None, **kwargs: Any) -> None:
            case.validate_response(
                response,
                additional_checks=additional_checks,
                excluded_checks=_EXCLUDED,
                transport_kwargs=kwargs,
                recorder=self.recorder,
            )

    await _let_go_on(stack, api.known["program"])
    await asyncio.to_thread(Linked.run, settings=_BOUNDED_STEPS)
    assert set(followed) >= led_to, followed
