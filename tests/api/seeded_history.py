"""A program with a past: half a year of three members, written as its workflows and the ledger would have written it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit.chain import Fact
from domain.definition.document import Definition
from domain.gates.state import GateState, Subject
from domain.members.membership import Membership
from domain.members.tiers import TierStatus
from domain.notices.gate_notices import notice_id
from domain.period import Period
from domain.programs.lifecycle import StageChange
from domain.rollout.openings import WaveOpening
from ledger import Burn, Earn, Forfeit
from store.acceptance import evidence
from store.audit import trail
from store.gates import gates
from store.members import members
from store.programs import programs
from store.rewards import redemptions
from store.tables import intervention, notice
from tests.stack import Stack, example, first_revision, program_id


def at(month: int, day: int, hour: int = 12) -> datetime:
    """An instant of 2025, in UTC."""
    return datetime(2025, month, day, hour, tzinfo=UTC)


@dataclass
class SeededHistory:
    stack: Stack
    definition: Definition

    @property
    def program(self) -> str:
        return self.definition.program

    async def report(self, name: str, as_of: str | None = None) -> dict[str, Any]:
        """A report, as the API tells it."""
        found: dict[str, Any] = await self.stack.get(self.path(name, as_of))
        return found

    async def rows(self, name: str, as_of: str | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.report(name, as_of))["rows"]
        return rows

    def path(self, name: str, as_of: str | None = None, form: str = "json") -> str:
        asked = f"&as_of={as_of}" if as_of else ""
        return f"/programs/{self.program}/reports/{name}?format={form}{asked}"


async def lived(stack: Stack, **changes: Any) -> SeededHistory:
    """Started in January, launched in February; ann stays, bob falls silent and comes back, cid leaves in May.

    `changes` are parts of the definition.
    """
    definition = example("cd-club.yaml", program_id("past"), **changes)
    seeded_history = SeededHistory(stack, definition)
    revision = first_revision(definition, at(1, 10))
    async with stack.engine.begin() as connection:
        await programs.register(connection, revision)
        await programs.put_in_force(connection, seeded_history.program, 1, at(2, 1))
        for stage, when in (("strategy", at(1, 10)), ("rollout", at(2, 1)), ("operation", at(4, 20))):
            change = StageChange.model_validate({"program": seeded_history.program, "stage": stage, "at": when})
            await programs.change_stage(connection, change)
        share = definition.waves[0].share
        opening = WaveOpening(program=seeded_history.program, revision=1, wave=definition.waves[0].id, share=share, at=at(2, 1))
        await programs.open_wave(connection, opening)
    # On the first of March in UTC it is still February in New York.
    await _join(seeded_history, "ann", at(2, 3))
    await _join(seeded_history, "bob", at(3, 1, 3))
    await _join(seeded_history, "cid", at(3, 15))
    for member, when, points in (
        ("ann", at(2, 10), 1200),
        ("ann", at(3, 10), 300),
        ("bob", at(3, 2), 700),
        ("cid", at(3, 20), 90),
        ("ann", at(4, 10), 100),
        ("ann", at(5, 10), 100),
        ("bob", at(6, 10), 200),
    ):
        await _earn(seeded_history, member, when, points)
    async with stack.engine.begin() as connection:
        ann = await members.find(connection, seeded_history.program, "ann")
        raised = TierStatus(tier="collector", since=at(3, 11), until=at(12, 31))
        await members.move(connection, ann, raised, "upgrade", at(3, 11))
        await members.close(connection, seeded_history.program, "cid", "left", at(5, 5))
    common: dict[str, Any] = {"program": seeded_history.program, "currency": definition.currency.code}
    await stack.ledger.burn(Burn(**common, participant="ann", key="burn", points=1000, effective_at=at(4, 15)))
    await stack.ledger.forfeit(Forfeit(**common, participant="cid", key="leave", effective_at=at(5, 5)))
    await _redeem(seeded_history, "fulfilled", at(4, 15), at(4, 16))
    await _redeem(seeded_history, "voided", at(5, 1), at(5, 20))
    await _redeem(seeded_history, "held", at(6, 1), None)
    return seeded_history


async def _join(seeded_history: SeededHistory, participant: str, when: datetime) -> None:
    joining = Membership(
        program=seeded_history.program,
        participant=participant,
        status="active",
        tier="listener",
        tier_since=when,
        tier_until=None,
        joined_at=when,
        agreement="1997-01",
        journey_stage="onboarding",
    )
    async with seeded_history.stack.engine.begin() as connection:
        await members.establish(connection, joining)


async def _earn(seeded_history: SeededHistory, participant: str, when: datetime, points: int) -> None:
    await seeded_history.stack.ledger.earn(
        Earn(
            program=seeded_history.program,
            participant=participant,
            currency=seeded_history.definition.currency.code,
            key=f"{participant}/{when.isoformat()}",
            points=points,
            effective_at=when,
            expires_at=Period(24).after(when, seeded_history.definition.zone),
        )
    )


async def _redeem(seeded_history: SeededHistory, state: redemptions.State, asked: datetime, settled: datetime | None) -> None:
    record = redemptions.RedemptionRecord(
        id=f"{seeded_history.program}/{asked:%m%d}",
        program=seeded_history.program,
        participant="ann",
        reward="single",
        points=1000,
        state=state,
        asked_at=asked,
        settled_at=settled,
    )
    async with seeded_history.stack.engine.begin() as connection:
        await redemptions.keep(connection, record)


async def with_trouble(seeded_history: SeededHistory) -> None:
    """All that can be stuck or go wrong, in July."""
    async with seeded_history.stack.engine.begin() as connection:
        await gates.save(connection, _gate(seeded_history, "launch", at(7, 1), at(7, 10)))
        amended = _gate(seeded_history, "amendment", at(7, 2), at(7, 20))
        await gates.save(connection, amended.model_copy(update={"outcome": "approved", "decided_at": at(7, 4)}))
        asked = f"program/{seeded_history.program}/gate/amendment/1"
        await _say(connection, seeded_history, asked, "demo-marketing", "approve", at(7, 2, 20), on_behalf_of="demo-operations")
        await _say(connection, seeded_history, asked, "demo-finance", "approve", at(7, 3))
        await _say(connection, seeded_history, asked, "demo-owner", "approve", at(7, 3), refusal="four_eyes")
        await _say(connection, seeded_history, asked, "demo-operations", "withdraw", at(7, 3))
        await _say(connection, seeded_history, asked, "demo-legal", "reject", at(7, 3))
        failed = evidence.TestRecord(revision=1, phase="rules", kind="scenario", passed=False, evidence={}, at=at(7, 5))
        await evidence.keep_test(connection, seeded_history.program, failed)
        run = evidence.PrototypeRecord(revision=1, log="some-log", passed=False, result={}, at=at(7, 6))
        await evidence.keep_prototype(connection, seeded_history.program, run)
        await connection.execute(
            insert(intervention).values(
                id=f"member/{seeded_history.program}/bob/intervention/1",
                program=seeded_history.program,
                participant="bob",
                points=1,
                message="Come back",
                delivered_at=at(7, 1),
                due=at(7, 8),
                outcome="answered",
                closed_at=at(7, 12),
            )
        )
        await connection.execute(
            text("INSERT INTO ledger.outbox (workflow_id, created_at, sent_at) VALUES (:id, :at, :sent)"),
            {"id": f"member/{seeded_history.program}/bob", "at": at(7, 9), "sent": at(7, 12)},
        )
        await connection.execute(
            insert(notice).values(
                id=notice_id(asked, "decided", 1, "log", "somebody"),
                program=seeded_history.program,
                gate=asked,
                kind="decided",
                channel="log",
                recipient="somebody",
                subject="Decided",
                body="It is approved.",
                state="dead",
                created_at=at(7, 10),
                settled_at=at(7, 11),
            )
        )


def _gate(seeded_history: SeededHistory, name: str, opened: datetime, due: datetime) -> GateState:
    subject = Subject(kind="revision", program=seeded_history.program, revision=1, title="the launch", digest="d" * 64)
    return GateState(
        id=f"program/{seeded_history.program}/gate/{name}/1",
        gate=name,
        round=1,
        subject=subject,
        policy=seeded_history.definition.gates.launch,
        excluded=(),
        opened_at=opened,
        due=due,
    )


async def _say(
    connection: AsyncConnection,
    seeded_history: SeededHistory,
    about: str,
    person: str,
    answer: str,
    when: datetime,
    **more: str,
) -> None:
    """A decision at a gate, as it stands in the audit trail."""
    details = {"answer": answer, "reason": "=1+1", "digest": "d", "key": person}
    fact = Fact.model_validate(
        {"program": seeded_history.program, "at": when, "action": "vote", "actor": person, "about": about, "details": details}
        | more
    )
    await trail.append(connection, fact)
