"""Scripted members on an isolated ledger: they come to what the rules come to, and nothing of them stays."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.definition.acceptance import Scenario, ScenarioPhase
from domain.definition.document import Definition
from domain.definition.reading.file import read_definition
from insight.acceptance.rehearsed_member import rehearse
from ledger import Earn, Ledger
from ledger.rehearsal import rehearsal
from ledger.tables import metadata
from tests.domain.definitions import small
from tests.paths import EXAMPLES

BUYS = {"event": "purchase", "amount": 60}


def scenario(points: int, tier: str, *events: Mapping[str, Any], **more: Any) -> Scenario:
    expect = {"points": points, "tier": tier, "rewards": more.pop("rewards", None)}
    return Scenario.model_validate({"name": "A member", "events": list(events), "expect": expect, **more})


async def rows(engine: AsyncEngine) -> dict[str, int]:
    """How many rows each table of the ledger has."""
    async with engine.connect() as connection:
        return {
            table.name: int(await connection.scalar(select(func.count()).select_from(table)) or 0)
            for table in metadata.sorted_tables
        }


async def test_the_ledger_comes_to_the_same_and_keeps_nothing(engine: AsyncEngine) -> None:
    before = await rows(engine)
    script = scenario(
        120,
        "blue",
        BUYS,
        {"redeem": "mug", "after": "P1D"},
        {"event": "purchase", "amount": 50, "after": "P2D"},
        {"redeem": "mug", "after": "P2D"},
        {"event": "purchase", "amount": 60, "after": "P13M"},
        rewards={"redeemed": ["mug", "mug"], "may_redeem": ["mug"]},
    )
    result = await rehearse(engine, small(), script)
    assert result.differs == ()
    assert result.passed
    assert result.ledger is not None
    assert (result.ledger.points, result.ledger.tier) == (120, "blue")
    assert await rows(engine) == before
    assert sum(before.values()) == 0


async def test_what_is_rehearsed_is_there_for_the_rehearsal_alone(engine: AsyncEngine) -> None:
    """Its calls see each other, others see nothing, and the statements leave rows in every table that they are for."""
    at = "2026-01-01T00:00:00Z"
    earn = Earn.model_validate(
        {
            "program": "club",
            "participant": "ann",
            "currency": "PTS",
            "key": "one",
            "points": 10,
            "effective_at": at,
            "qualifying": {"spend": 5},
            "nudge": ["member/club/ann"],
        }
    )
    async with rehearsal(engine) as ledger:
        assert (await ledger.earn(earn)).balance == 10
        assert (await ledger.earn(earn)).duplicate
        assert (await ledger.balance("club", "ann", "PTS")).posted == 10
        assert (await Ledger(engine).balance("club", "ann", "PTS")).posted == 0
    assert set((await rows(engine)).values()) == {0}
    # The connection goes back as it was: the same earn is posted by the live ledger as if nothing had been.
    assert not (await Ledger(engine).earn(earn)).duplicate


async def test_a_rehearsal_that_breaks_off_leaves_nothing_either(engine: AsyncEngine) -> None:
    with pytest.raises(RuntimeError, match="broken off"):
        async with rehearsal(engine) as ledger:
            await ledger.earn(
                Earn.model_validate(
                    {
                        "program": "club",
                        "participant": "ann",
                        "currency": "PTS",
                        "key": "one",
                        "points": 10,
                        "effective_at": "2026-01-01T00:00:00Z",
                    }
                )
            )
            raise RuntimeError("broken off")
    assert set((await rows(engine)).values()) == {0}


async def test_points_beyond_what_an_account_can_hold_fail_the_scenario_and_the_reason_is_told(engine: AsyncEngine) -> None:
    generous = small(earning=[{"id": "per-pound", "event": "purchase", "rate": 3000}])
    big = {"event": "purchase", "amount": 1_000_000_000_000}
    result = await rehearse(engine, generous, scenario(12_000_000_000_000_000, "silver", *[big] * 4))
    assert not result.passed
    assert result.ledger is None
    assert result.differs[-1] == (
        "the ledger could not do it: The balance is 9000000000000000, and 3000000000000000 more would bring it above "
        "9007199254740992."
    )
    assert set((await rows(engine)).values()) == {0}


def examples() -> list[Definition]:
    found = [read_definition(file.read_text()) for file in sorted(EXAMPLES.glob("*.yaml"))]
    return [each for each in found if isinstance(each, Definition)]


@pytest.mark.parametrize("definition", examples(), ids=lambda definition: definition.program)
async def test_every_scenario_of_every_example_passes_on_a_ledger(engine: AsyncEngine, definition: Definition) -> None:
    for phase in definition.test_phases:
        for each in phase.scenarios if isinstance(phase, ScenarioPhase) else ():
            result = await rehearse(engine, definition, each)
            assert result.differs == (), each.name
