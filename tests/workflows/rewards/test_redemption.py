"""Redemption: the points of a member are spent for a reward, or back, whichever way it ends."""

from datetime import UTC, datetime
from typing import Any

from domain import ids
from tests.program_steps import buy, enrol, handle, launch, sample_definition, shown
from tests.stack import Stack, program_id
from tests.workflows.conftest import Histories

REWARDS = [
    {"id": "single", "name": "A CD single", "points": 300},
    {"id": "ticket", "name": "A ticket", "points": 100, "fulfilment": {"kind": "voucher_codes"}},
]


async def test_points_are_spent_given_back_or_refused_and_the_history_tells(stack: Stack, histories: Histories) -> None:
    program = program_id("redeems")
    definition = sample_definition(program, rewards=REWARDS)
    await launch(stack, definition)
    await enrol(stack, program, "ann")
    await buy(stack, definition, "ann", 50, datetime.now(UTC))

    async def redeemed(reward: str) -> tuple[str, dict[str, Any]]:
        key = f"{program}-{reward}-{await available()}"
        path = f"/programs/{program}/members/ann/redemptions"
        await stack.post(path, {"reward": reward}, person="demo-shop", key=key)
        workflow_id = ids.redemption("demo-shop", key)
        return workflow_id, await handle(stack, workflow_id).result()

    async def available() -> int:
        return (await stack.ledger.balance(program, "ann", definition.currency.code)).available

    workflow_id, result = await redeemed("single")
    assert (result["state"], await available()) == ("fulfilled", 200)
    assert "Fulfilled" in await shown(stack.temporal, workflow_id)
    await histories.keep(stack.temporal, workflow_id, "Redemption-fulfilled")

    workflow_id, result = await redeemed("single")
    assert (result["state"], await available()) == ("refused", 200)
    await histories.keep(stack.temporal, workflow_id, "Redemption-refused")

    workflow_id, result = await redeemed("ticket")
    assert (result["state"], result["why"], await available()) == ("voided", "The reward is out of stock.", 200)
    await histories.keep(stack.temporal, workflow_id, "Redemption-voided")
