"""The demo's approvers: demo people who decide at each gate as it opens, or the user in their place."""

import asyncio

from cli.demo.api import DemoApi
from cli.demo.narration import Teller

_LOOK_EVERY = 0.25
"""Seconds between two requests for open gates, which is how the approvers find them."""


class Approvers:
    """One person for each role; each vote is printed with the command that a person would type."""

    def __init__(self, api: DemoApi, teller: Teller, program: str, *, interactive: bool) -> None:
        self._api = api
        self._teller = teller
        self._program = program
        self._interactive = interactive
        self._seen: set[str] = set()

    async def decide_until_cancelled(self) -> None:
        """Decide once at each gate that opens."""
        while True:
            for gate in await self._api.all_pages("demo-owner", "/gates", program=self._program, open=True):
                if gate["id"] not in self._seen:
                    self._seen.add(gate["id"])
                    await self._decide(gate)
            await asyncio.sleep(_LOOK_EVERY)

    async def _decide(self, gate: dict[str, object]) -> None:
        subject = gate["subject"]
        policy = gate["policy"]
        assert isinstance(subject, dict)
        assert isinstance(policy, dict)
        roles = [rule["role"] for rule in policy["rules"]]
        self._teller.gate(str(gate["gate"]), str(subject["title"]), roles)
        for role in roles:
            person = f"demo-{role}"
            self._teller.command(f"tenure --as {person} gate approve {gate['id']}", waits=self._interactive)
            if not self._interactive:
                answer = {"answer": "approve", "digest": subject["digest"], "reason": "the demo's figures hold"}
                await self._api.post(person, f"/gates/{gate['id']}/decisions", answer)
