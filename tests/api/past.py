"""A program with a past: half a year of three members, written as its workflows and the ledger would have written it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit.chain import Fact
from domain.definition.document import Definition
from domain.gates.state import GateState, Subject
from domain.members.tiers import TierStatus
from domain.notices.gate_notices import notice_id
from domain.period import Period
from domain.programs.lifecycle import Membership, StageChange, WaveOpening
from ledger import Burn, Earn, Forfeit
from store.acceptance import evidence
from store.audit import trail
from store.gates import gates
from store.members import members
from store.programs import programs
from store.rewards import redemptions
from store.tables import intervention, notice
from tests.house import House, example, first_revision, program_id


def at(month: int, day: int, hour: int = 12) -> datetime:
    """An instant of 2025, in UTC."""
    return datetime(2025, month, day, hour, tzinfo=UTC)


@dataclass
class Past:
    house: House
    definition: Definition

    @property
    def program(self) -> str:
        return self.definition.program

    async def report(self, name: str, as_of: str | None = None) -> dict[str, Any]:
        """A report, as the API tells it."""
        found: dict[str, Any] = await self.house.get(self.path(name, as_of))
        return found

    async def rows(self, name: str, as_of: str | None = None) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = (await self.report(name, as_of))["rows"]
        return rows

    def path(self, name: str, as_of: str | None = None, form: str = "json") -> str:
        asked = f"&as_of={as_of}" if as_of else ""
        return f"/programs/{self.program}/reports/{name}?format={form}{asked}"


async def lived(house: House, **changes: Any) -> Past:
    """Started in January, launched in February; ann stays, bob falls silent and comes back, cid leaves in May.

    `changes` are parts of the definition.
    """
    definition = example("cd-club.yaml", program_id("past"), **changes)
    past = Past(house, definition)
    revision = first_revision(definition, at(1, 10))
    async with house.engine.begin() as connection:
        await programs.register(connection, revision)
        await programs.put_in_force(connection, past.program, 1, at(2, 1))
        for stage, when in (("strategy", at(1, 10)), ("rollout", at(2, 1)), ("operation", at(4, 20))):
            change = StageChange.model_validate({"program": past.program, "stage": stage, "at": when})
            await programs.change_stage(connection, change)
        share = definition.waves[0].share
        opening = WaveOpening(program=past.program, revision=1, wave=definition.waves[0].id, share=share, at=at(2, 1))
        await programs.open_wave(connection, opening)
    # On the first of March in UTC it is still February in New York.
    await _join(past, "ann", at(2, 3))
    await _join(past, "bob", at(3, 1, 3))
    await _join(past, "cid", at(3, 15))
    for member, when, points in (
        ("ann", at(2, 10), 1200),
        ("ann", at(3, 10), 300),
        ("bob", at(3, 2), 700),
        ("cid", at(3, 20), 90),
        ("ann", at(4, 10), 100),
        ("ann", at(5, 10), 100),
        ("bob", at(6, 10), 200),
    ):
        await _earn(past, member, when, points)
    async with house.engine.begin() as connection:
        ann = await members.find(connection, past.program, "ann")
        raised = TierStatus(tier="collector", since=at(3, 11), until=at(12, 31))
        await members.move(connection, ann, raised, "upgrade", at(3, 11))
        await members.close(connection, past.program, "cid", "left", at(5, 5))
    common: dict[str, Any] = {"program": past.program, "currency": definition.currency.code}
    await house.ledger.burn(Burn(**common, participant="ann", key="burn", points=1000, effective_at=at(4, 15)))
    await house.ledger.forfeit(Forfeit(**common, participant="cid", key="leave", effective_at=at(5, 5)))
    await _redeem(past, "fulfilled", at(4, 15), at(4, 16))
    await _redeem(past, "voided", at(5, 1), at(5, 20))
    await _redeem(past, "held", at(6, 1), None)
    return past


async def _join(past: Past, participant: str, when: datetime) -> None:
    joining = Membership(
        program=past.program,
        participant=participant,
        status="active",
        tier="listener",
        tier_since=when,
        tier_until=None,
        joined_at=when,
        agreement="1997-01",
        journey_stage="onboarding",
    )
    async with past.house.engine.begin() as connection:
        await members.establish(connection, joining)


async def _earn(past: Past, participant: str, when: datetime, points: int) -> None:
    await past.house.ledger.earn(
        Earn(
            program=past.program,
            participant=participant,
            currency=past.definition.currency.code,
            key=f"{participant}/{when.isoformat()}",
            points=points,
            effective_at=when,
            expires_at=Period(24).after(when, past.definition.zone),
        )
    )


async def _redeem(past: Past, state: redemptions.State, asked: datetime, settled: datetime | None) -> None:
    record = redemptions.RedemptionRecord(
        id=f"{past.program}/{asked:%m%d}",
        program=past.program,
        participant="ann",
        reward="single",
        points=1000,
        state=state,
        asked_at=asked,
        settled_at=settled,
    )
    async with past.house.engine.begin() as connection:
        await redemptions.keep(connection, record)


async def with_trouble(past: Past) -> None:
    """All that can be stuck or go wrong, in July."""
    async with past.house.engine.begin() as connection:
        await gates.save(connection, _gate(past, "launch", at(7, 1), at(7, 10)))
        amended = _gate(past, "amendment", at(7, 2), at(7, 20))
        await gates.save(connection, amended.model_copy(update={"outcome": "approved", "decided_at": at(7, 4)}))
        asked = f"program/{past.program}/gate/amendment/1"
        await _say(connection, past, asked, "demo-marketing", "approve", at(7, 2, 20), on_behalf_of="demo-operations")
        await _say(connection, past, asked, "demo-finance", "approve", at(7, 3))
        await _say(connection, past, asked, "demo-owner", "approve", at(7, 3), refusal="four_eyes")
        await _say(connection, past, asked, "demo-operations", "withdraw", at(7, 3))
        await _say(connection, past, asked, "demo-legal", "reject", at(7, 3))
        failed = evidence.TestRecord(revision=1, phase="rules", kind="scenario", passed=False, evidence={}, at=at(7, 5))
        await evidence.keep_test(connection, past.program, failed)
        run = evidence.PrototypeRecord(revision=1, log="some-log", passed=False, result={}, at=at(7, 6))
        await evidence.keep_prototype(connection, past.program, run)
        await connection.execute(
            insert(intervention).values(
                id=f"member/{past.program}/bob/intervention/1",
                program=past.program,
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
            {"id": f"member/{past.program}/bob", "at": at(7, 9), "sent": at(7, 12)},
        )
        await connection.execute(
            insert(notice).values(
                id=notice_id(asked, "decided", 1, "log", "somebody"),
                program=past.program,
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


def _gate(past: Past, name: str, opened: datetime, due: datetime) -> GateState:
    subject = Subject(kind="revision", program=past.program, revision=1, title="the launch", digest="d" * 64)
    return GateState(
        id=f"program/{past.program}/gate/{name}/1",
        gate=name,
        round=1,
        subject=subject,
        policy=past.definition.gates.launch,
        excluded=(),
        opened_at=opened,
        due=due,
    )


async def _say(
    connection: AsyncConnection, past: Past, about: str, person: str, answer: str, when: datetime, **more: str
) -> None:
    """A decision at a gate, as it stands in the audit trail."""
    details = {"answer": answer, "reason": "=1+1", "digest": "d", "key": person}
    fact = Fact.model_validate(
        {"program": past.program, "at": when, "action": "vote", "actor": person, "about": about, "details": details} | more
    )
    await trail.append(connection, fact)
