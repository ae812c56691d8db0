"""The demo's person of operations, who releases a rollout that a guardrail blocks."""

import asyncio

from cli.demo.api import DemoApi
from cli.demo.narration import Teller
from cli.demo.watch import Watch

_PERSON = "demo-operations"
_LOOK_EVERY = 0.25
"""Seconds between two requests for the rollout, which is how operations find blockers."""


class Operations:
    """Releases a blocked rollout, or leaves that to the user."""

    def __init__(self, api: DemoApi, teller: Teller, watch: Watch, program: str, *, interactive: bool) -> None:
        self._api = api
        self._teller = teller
        self._watch = watch
        self._path = f"/programs/{program}/rollout"
        self._release = f'tenure --as {_PERSON} rollout release {program} --reason "seen to it"'
        self._interactive = interactive

    async def release_until_cancelled(self) -> None:
        """Release the rollout whenever something blocks it."""
        await self._watch.until_stage("rollout")
        lines: set[str] = set()
        while True:
            rollout = await self._api.get(_PERSON, self._path)
            for hold in rollout["holds"]:
                if f"{hold['wave']} {hold['what']}" not in lines:
                    lines.add(f"{hold['wave']} {hold['what']}")
                    self._teller.event(f"{hold['what']} holds the rollout at wave {hold['wave']}: {hold['why']}")
                    self._teller.command(self._release, waits=self._interactive)
            if rollout["holds"] and not self._interactive:
                # A rollout that has gone on meanwhile refuses the release, which is no failure.
                await self._api.try_post(_PERSON, f"{self._path}/release", {"reason": "seen to it"})
            await asyncio.sleep(_LOOK_EVERY)
