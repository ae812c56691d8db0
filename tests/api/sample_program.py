"""A program as the tests of the API use it, and how they see that a refusal was clear and changed nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import urlencode

from httpx import Response
from sqlalchemy import text
from temporalio.client import WorkflowExecutionStatus

from domain import ids
from domain.definition.document import Definition
from domain.rollout.waves import is_open_to
from tests.stack import Stack, example, program_id
from tests.waiting import approve, child_started, timer_started

SHOP = "demo-shop"
LOG = "api-log"
MUCH = 9_007_199_254_740_000
"""Points of a gift: an account holds one, and not two."""


def definition_of(program: str, provider: str = "http://127.0.0.1:9/orders", **changes: Any) -> Definition:
    """The example, with a short log, a first wave for half of the members, two generous rules, two rewards with providers."""
    original = example("cd-club.yaml", program)
    parts: dict[str, Any] = {
        "prototype": {"transactions": LOG, "criteria": [{"figure": "members", "at_least": 1}]},
        "waves": [{"id": "half", "share": 50, "minimum_time": "P45D"}, {"id": "all", "share": 100, "minimum_time": "P30D"}],
        "earning": [
            *(rule.model_dump(mode="json") for rule in original.earning),
            {"id": "gift", "event": "gift", "points": MUCH},
            {"id": "jackpot", "event": "jackpot", "rate": 1_000_000},
        ],
        "readiness": {"codes_in_stock": 0},
        "rewards": [
            *(reward.model_dump(mode="json") for reward in original.rewards),
            {"id": "ticket", "name": "A ticket", "points": 100, "fulfilment": {"kind": "voucher_codes"}},
            {
                "id": "gift-card",
                "name": "A gift card",
                "points": 100,
                "fulfilment": {"kind": "http", "address": provider},
                "fulfil_within": "PT1S",
            },
        ],
    }
    return example("cd-club.yaml", program, **(parts | changes))


async def begun(stack: Stack, prefix: str = "api", **changes: Any) -> Definition:
    """A program that has just been started, on a log that is there."""
    await stack.post(f"/transaction-logs/{LOG}", content="customer,at,amount\nc1,2026-01-01T10:00:00Z,120.00\n")
    definition = definition_of(program_id(prefix), **changes)
    response = await stack.post("/programs", definition.model_dump(mode="json"))
    assert response.status_code == 201, response.text
    return definition


async def launched(stack: Stack, provider: str, **changes: Any) -> "SampleProgram":
    """A program that the people have approved, with its first wave open; `changes` are parts of its definition."""
    definition = await begun(stack, provider=provider, **changes)
    program = definition.program
    qualification = ids.qualification(program, 1)
    await approve(stack, f"{qualification}/gate/strategy/1", "demo-marketing", "demo-finance")
    await approve(stack, f"{ids.test_phase(program, 1, 'readiness')}/gate/readiness/1", "demo-operations", "demo-marketing")
    await approve(stack, f"{qualification}/gate/launch/1", "demo-finance", "demo-legal")
    await child_started(stack.temporal, ids.lifecycle(program), ids.rollout(program, 1))
    await timer_started(stack.temporal, ids.rollout(program, 1))
    record = await stack.get(f"/programs/{program}")
    return SampleProgram(stack, definition, record["salt"], record["open_buckets"])


async def pooling(stack: Stack, provider: str) -> "SampleProgram":
    """Another one, with a second and a third currency, transfers between members, and expired points that can come back."""
    more = {"name": "More", "value_per_point": "0.01", "cost_per_point": "0.01", "expected_redemption_rate": "0.5"}
    return await launched(
        stack,
        provider,
        other_currencies=[{"code": "GEMS", **more}, {"code": "DUST", **more}],
        conversions=[
            {"from_currency": "NOTES", "to_currency": "GEMS", "rate": "0.01", "lapses_after": "P1Y"},
            {"from_currency": "NOTES", "to_currency": "DUST", "rate": "1000000"},
        ],
        transfers_between_members=True,
        clawback={"shortfall": "negative", "lowest_balance": -100},
        expiry={"kind": "after_earning", "after": "P6M", "reinstate_within": "P30D"},
    )


@dataclass
class Waiting:
    """A program whose strategy gate is open: marketing and finance are asked."""

    stack: Stack
    definition: Definition
    gate: str
    digest: str

    @property
    def program(self) -> str:
        return self.definition.program

    async def vote(self, who: str, answer: str = "approve", *, key: str | None = None, **more: Any) -> Response:
        body = {"answer": answer, "digest": self.digest, **more}
        return await self.stack.post(f"/gates/{self.gate}/decisions", body, person=who, key=key)


@dataclass
class SampleProgram:
    """A launched program, and its members as a shop serves them."""

    stack: Stack
    definition: Definition
    salt: str
    buckets: int
    _references: Any = field(default_factory=count)

    @property
    def program(self) -> str:
        return self.definition.program

    @property
    def path(self) -> str:
        return f"/programs/{self.program}"

    def stranger(self, *, reached: bool = True) -> str:
        """A reference that nobody has yet, of somebody whom the open wave does or does not reach."""
        references = (f"m-{number}" for number in self._references)
        return next(each for each in references if is_open_to(self.salt, each, self.buckets) is reached)

    async def enrol(self, participant: str, *, agreement: str = "1997-01", key: str | None = None) -> Response:
        body = {"participant": participant, "agreement": agreement}
        return await self.stack.post(f"{self.path}/members", body, person=SHOP, key=key)

    async def member(self) -> str:
        """A new member, whose workflow has come to rest."""
        participant = self.stranger()
        response = await self.enrol(participant)
        assert response.status_code == 201, response.text
        await timer_started(self.stack.temporal, ids.member(self.program, participant))
        return participant

    async def event(
        self, participant: str, amount: Any = "29.33", *, key: str | None = None, person: str = SHOP, **changes: Any
    ) -> Response:
        """A purchase of a member, now unless told otherwise: 29.33 bring 293 points."""
        body = {"type": "purchase", "occurred_at": datetime.now(UTC).isoformat(), "amount": amount, **changes}
        return await self.stack.post(f"{self.path}/members/{participant}/events", body, person=person, key=key)

    async def redeem(self, participant: str, reward: str = "sampler", *, key: str | None = None) -> Response:
        """A sampler costs 500 points."""
        return await self.stack.post(f"{self.path}/members/{participant}/redemptions", {"reward": reward}, person=SHOP, key=key)

    async def points(
        self, participant: str, what: str, body: Any = None, *, person: str = "demo-operations", key: str | None = None
    ) -> Response:
        """Have points moved by hand: `adjustments`, `transfers`, `transactions/7/reversal` and so on."""
        return await self.stack.post(f"{self.path}/members/{participant}/{what}", body or {}, person=person, key=key)

    async def statement(self, participant: str, **window: str) -> dict[str, Any]:
        """What the API tells of a member's account."""
        found: dict[str, Any] = await self.stack.get(
            f"{self.path}/members/{participant}/statement?{urlencode(window)}", "demo-operations"
        )
        return found

    async def leave(self, participant: str, *, key: str | None = None) -> Response:
        return await self.stack.post(
            f"{self.path}/members/{participant}/departure", {"why": "moves away"}, person=SHOP, key=key
        )

    async def available(self, participant: str) -> int:
        balance = await self.stack.get(f"{self.path}/members/{participant}/balance", SHOP)
        available: int = balance["available"]
        return available

    @asynccontextmanager
    async def capability_closed(self, capability: str, at: datetime) -> AsyncIterator[None]:
        """As if the program's end had been announced, with this door (`earning_until`, …) closed from the instant on."""
        statement = text(f"UPDATE store.program SET {capability} = :at WHERE id = :program")  # noqa: S608
        async with self.stack.engine.begin() as connection:
            await connection.execute(statement, {"at": at, "program": self.program})
        try:
            yield
        finally:
            async with self.stack.engine.begin() as connection:
                await connection.execute(statement, {"at": None, "program": self.program})


def problem(response: Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a response, which must be whole, and of this status and code."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert (document["code"], document["status"]) == (code, status), document
    assert document["type"].endswith(f"/{code}")
    for sentence in ("title", "detail", "remedy"):
        assert len(document[sentence]) > 10, document
    return document


async def report(stack: Stack, program: str) -> dict[str, Any]:
    """All that is known of a program: its report with members, points and books, and its gates as they stand.

    Without the redemptions (each is kept, the refused ones too, and its points are in the books) and the journey stages, at
    which the members' workflows look in their own time.
    """
    found: dict[str, Any] = await stack.get(f"/programs/{program}/report")
    del found["redemptions"], found["members"]["journey_stage"]
    return found | {"gate_states": (await stack.get(f"/gates?program={program}&open=false&limit=200"))["items"]}


@asynccontextmanager
async def unchanged(stack: Stack, program: str) -> AsyncIterator[None]:
    """Whatever is done within changes nothing that is known of the program."""
    before = await report(stack, program)
    yield
    assert await report(stack, program) == before


async def runs(stack: Stack, workflow_id: str) -> bool:
    """Whether a workflow is still under way."""
    described = await stack.temporal.get_workflow_handle(workflow_id).describe()
    return described.status == WorkflowExecutionStatus.RUNNING


async def unanswered(stack: Stack, key: str) -> None:
    """As if the process had died just now, after what the request did and before its answer was written down."""
    statement = text("UPDATE store.request SET status = NULL, answer = NULL WHERE key = :key")
    async with stack.engine.begin() as connection:
        await connection.execute(statement, {"key": key})
