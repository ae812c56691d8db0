"""The demo's person of operations: lets a rollout go on that a guardrail holds, once they have looked at it."""

import asyncio

from cli.demo.api import DemoApi
from cli.demo.told import Teller
from cli.demo.watch import Watch

_PERSON = "demo-operations"
_LOOK_EVERY = 0.25
"""Seconds between two looks at the rollout, which is how operations learn of holds over HTTP."""


class Operations:
    """Releases what a guardrail holds, or leaves that to the user; `released` says how often it was done."""

    def __init__(self, api: DemoApi, teller: Teller, watch: Watch, program: str, *, interactive: bool) -> None:
        self._api = api
        self._teller = teller
        self._watch = watch
        self._path = f"/programs/{program}/rollout"
        self._release = f'tenure --as {_PERSON} rollout release {program} --reason "seen to it"'
        self._interactive = interactive

    async def release_until_cancelled(self) -> None:
        """Look whether anything holds the rollout, and see to it once."""
        await self._watch.until_stage("rollout")
        told: set[str] = set()
        while True:
            rollout = await self._api.get(_PERSON, self._path)
            for hold in rollout["holds"]:
                if f"{hold['wave']} {hold['what']}" not in told:
                    told.add(f"{hold['wave']} {hold['what']}")
                    self._teller.event(f"{hold['what']} holds the rollout at wave {hold['wave']}: {hold['why']}")
                    self._teller.command(self._release, waits=self._interactive)
            if rollout["holds"] and not self._interactive:
                # One that goes on by itself meanwhile is not held any more, which is a refusal and no failure.
                await self._api.try_post(_PERSON, f"{self._path}/release", {"reason": "seen to it"})
            await asyncio.sleep(_LOOK_EVERY)
