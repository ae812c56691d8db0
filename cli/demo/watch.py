"""Polls the program's status in one place, for all parts of the demo that wait for it."""

import asyncio
from collections.abc import Callable
from typing import Any

from cli.demo.api import DemoApi, DemoFailed
from cli.demo.narration import Teller

_LOOK_EVERY = 0.25
"""Seconds between two requests for the status."""
_ASTRAY = ("development", "rejected")


class Watch:
    """Polls one program's status; `until` waits for a condition on it."""

    def __init__(self, api: DemoApi, teller: Teller, program: str) -> None:
        self._api = api
        self._teller = teller
        self._program = program
        self._status: dict[str, Any] = {}
        self._seen = asyncio.Condition()

    async def look_until_cancelled(self) -> None:
        """Poll, and print each new stage. Raises DemoFailed if the program does not take the demo's course."""
        while True:
            status = await self._api.get("demo-owner", f"/programs/{self._program}")
            if status["stage"] != self._status.get("stage"):
                self._teller.event(f"stage: {status['stage'].replace('_', ' ')}")
            if status["stage"] in _ASTRAY:
                raise DemoFailed(
                    f"The program went to stage {status['stage']}: {status['note']}",
                    remedy=f"See the evidence: `make up`, then `tenure --as demo-owner program report {self._program}`.",
                )
            async with self._seen:
                self._status = status
                self._seen.notify_all()
            await asyncio.sleep(_LOOK_EVERY)

    async def until(self, shows: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the program's status meets the condition; return the status."""
        async with self._seen:
            await self._seen.wait_for(lambda: bool(self._status) and shows(self._status))
            return self._status

    async def until_stage(self, *stages: str) -> dict[str, Any]:
        """Wait until the program is in one of these stages; return its status."""
        return await self.until(lambda status: status["stage"] in stages)
