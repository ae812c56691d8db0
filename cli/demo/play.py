"""One program's whole life, from the log's first part to the closing, through the API alone."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cli.acceptance.purchases import Purchase, as_csv, invited, span
from cli.core.text import audience
from cli.demo.amendment import amended
from cli.demo.api import DemoApi
from cli.demo.approvers import Approvers
from cli.demo.narration import Teller
from cli.demo.operations import Operations
from cli.demo.shop import Shop
from cli.demo.timeline import Timeline
from cli.demo.watch import Watch
from domain.definition.document import Definition, scaled
from domain.period import Period

_OWNER = "demo-owner"
_MONTH = timedelta(days=30.436875)
_FIRST_PART = 6
"""The first sixth of the log is the past for the prototype; the launch is at its end."""
_AMEND_AT = 0.45
"""After this part of the log, the owner submits an amendment."""
_END_AT = 0.85
"""After this part of the log, the owner requests the end."""
_TIME_TO_DECIDE = Period.parse("PT1H")
"""The deadline of gates at which the user decides."""


@dataclass(frozen=True)
class Plan:
    """The plan of a demo: the log, the program, the speed, and the number of members."""

    purchases: Sequence[Purchase]
    definition: Definition
    factor: float
    members: int
    interactive: bool

    @property
    def launch_at(self) -> datetime:
        return self.purchases[0].at + span(self.purchases) / _FIRST_PART

    @property
    def amend_at(self) -> datetime:
        return self.purchases[0].at + span(self.purchases) * _AMEND_AT

    @property
    def end_at(self) -> datetime:
        return self.purchases[0].at + span(self.purchases) * _END_AT


class Play:
    """Plays a plan; at the end `report` is the program's own report, with its audit trail and the steps of its end."""

    def __init__(self, plan: Plan, api: DemoApi, teller: Teller, timeline: Timeline) -> None:
        self._plan = plan
        self._api = api
        self._teller = teller
        self._timeline = timeline
        self.definition: dict[str, Any] = {}
        self.report: dict[str, Any] = {}

    async def run(self) -> None:
        """Play the whole life. Raises DemoFailed if the program does not take the expected course."""
        self.definition = await self._definition()
        program = self.definition["program"]
        await self._load_first_part()
        await self._start()
        approvers = Approvers(self._api, self._teller, program, interactive=self._plan.interactive)
        customers = invited(self._plan.purchases, self._plan.launch_at, self._plan.members)
        self.shop = Shop(self._api, self._timeline, self.definition, customers)
        self._watch = Watch(self._api, self._teller, program)
        operations = Operations(self._api, self._teller, self._watch, program, interactive=self._plan.interactive)
        await _alongside(
            self._live(),
            self._watch.look_until_cancelled(),
            approvers.decide_until_cancelled(),
            operations.release_until_cancelled(),
        )
        self.report = await self._report()
        self.report["audit"] = await self._api.all_pages(_OWNER, f"/programs/{program}/audit")
        self.report["wind_down"] = await self._api.get(_OWNER, f"/programs/{program}/wind-down")

    async def _live(self) -> None:
        started = await self._watch.until_stage("rollout", "operation")
        self._timeline.launch(datetime.fromisoformat(started["launched_at"]))
        self._teller.event(f"launched; from here on a day of the log takes {86_400 / self._plan.factor:.2f} seconds")
        await _alongside(self._trade(), self._tell_months())

    async def _trade(self) -> None:
        """Play from the launch to the closing."""
        enrolling, amending = (asyncio.ensure_future(each) for each in (self._enrol_by_waves(), self._amend()))
        await asyncio.gather(enrolling, amending, self._buy(), self._end(enrolling, amending))
        await self._watch.until_stage("closed")

    async def _definition(self) -> dict[str, Any]:
        """The definition to play: with a new program id if its own is taken, and with every period scaled."""
        taken = {program["id"] for program in await self._api.all_pages(_OWNER, "/programs")}
        name = base = self._plan.definition.program
        number = 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        played = scaled(self._plan.definition.model_copy(update={"program": name}), self._plan.factor)
        if self._plan.interactive:
            played = _with_time_to_decide(played)
        return played.model_dump(mode="json")

    async def _load_first_part(self) -> None:
        """Load the past, on the same scale as everything else, as if it had ended just now."""
        now, plan = datetime.now(UTC), self._plan
        first = [
            purchase._replace(at=now - (plan.launch_at - purchase.at) / plan.factor)
            for purchase in plan.purchases
            if purchase.at < plan.launch_at
        ]
        # The instants differ at every run, and so does the log.
        log = f"{self.definition['prototype']['transactions']}-{now:%Y%m%d%H%M%S}"
        self.definition["prototype"]["transactions"] = log
        await self._api.post(_OWNER, f"/transaction-logs/{log}", content=as_csv(first))
        self._teller.event(f"the first part of the log, {len(first):,} purchases, is loaded as {log}")

    async def _start(self) -> None:
        started = await self._api.post(_OWNER, "/programs", self.definition)
        self._teller.event(f"Demo Owner starts the life of {started['program']} (digest {started['digest'][:12]})")
        self._teller.command("tenure --as demo-owner program start examples/cd-club.yaml")

    async def _enrol_by_waves(self) -> None:
        """Enrol the customers of each wave as it opens."""
        for number in range(len(self.definition["waves"])):
            status = await self._watch.until(partial(_has_opened, number + 1))
            wave = status["waves"][number]
            joined = await self.shop.enrol_open_wave()
            held_out = f"; {self.shop.counts['held out']} are held out" if self.definition["holdout"] else ""
            self._teller.event(f"wave {wave['wave']} ({audience(wave)}) is open: {joined} members joined{held_out}")

    async def _buy(self) -> None:
        await self.shop.post_as_due(purchase for purchase in self._plan.purchases if purchase.at >= self._plan.launch_at)

    async def _amend(self) -> None:
        """Submit an amendment and wait until it is in force; its gate shows its impact on members."""
        after, program = amended(self.definition), self.definition["program"]
        if after is None:
            return
        await self._until(self._plan.amend_at)
        await self._watch.until_stage("operation")
        handed_in = await self._api.post(_OWNER, f"/programs/{program}/revisions", after)
        number = handed_in["revision"]
        self._teller.event(f"Demo Owner hands in revision {number}, a {handed_in['weight']} amendment")
        self._teller.command(f"tenure --as demo-owner program revise {program} FILE")
        await self._watch.until(lambda status: status["revision_in_force"] == number)
        impact = await self._api.get(_OWNER, f"/programs/{program}/revisions/{number}/impact")
        self._teller.event(
            f"revision {number} is in force, after its notice; at its gate it was told: {impact['told_in_words']}"
        )
        self._teller.command(f"tenure --as demo-owner program impact {program} {number} --members")

    async def _end(self, *first: Awaitable[None]) -> None:
        """End the program, but not before all invited customers are served, which may take longer than the log."""
        await self._until(self._plan.end_at)
        for each in first:
            await each
        await self._watch.until_stage("operation")
        program = self.definition["program"]
        verdict = await self._api.post("demo-analyst", f"/programs/{program}/evaluations")
        self._teller.event(f"Demo Analyst evaluates once more: {verdict['consequence'].replace('_', ' ')}{_brought(verdict)}")
        reason = "the demo's eighteen months are over"
        await self._api.post(_OWNER, f"/programs/{program}/end", {"reason": reason})
        self._teller.event("Demo Owner asks for the end")
        self._teller.command(f'tenure --as demo-owner program end {program} --reason "{reason}"')
        announced = await self._watch.until(lambda status: status["earning_until"] is not None)
        self._teller.event("notice is given: members may still earn, until the redeem-only window begins")
        await _sleep_until(datetime.fromisoformat(announced["earning_until"]))
        await self.shop.redeem_before_the_end()

    async def _tell_months(self) -> None:
        month = self._plan.launch_at
        while True:
            month += _MONTH
            await self._until(month)
            self._teller.month(await self._report(), self.shop.counts["posted"])

    async def _report(self) -> dict[str, Any]:
        report: dict[str, Any] = await self._api.get(_OWNER, f"/programs/{self.definition['program']}/report")
        return report

    async def _until(self, instant: datetime) -> None:
        """Wait for an instant of the log."""
        if (wait := self._timeline.until(instant)) > 0:
            await asyncio.sleep(wait)


def _has_opened(waves: int, status: dict[str, Any]) -> bool:
    return len(status["waves"]) >= waves


def _brought(verdict: dict[str, Any]) -> str:
    """The program's margin against the holdout in words, if it was judged by that."""
    for result in verdict["results"]:
        if result["kpi"] == "incremental_margin" and result["interval"] is not None:
            value, low, high = (round(float(each)) for each in (result["value"], *result["interval"].values()))
            return f"; margin beyond the holdout's {value:,}, by chance anything from {low:,} to {high:,}"
    return ""


def _with_time_to_decide(definition: Definition) -> Definition:
    """The same program, with an hour for every decision, because a user decides more slowly than the demo."""

    def longer(part: Any) -> Any:
        if isinstance(part, dict):
            if "rules" in part and "deadline" in part:
                return part | {"deadline": _TIME_TO_DECIDE}
            return {key: longer(value) for key, value in part.items()}
        if isinstance(part, (list, tuple)):
            return tuple(longer(value) for value in part)
        return part

    return Definition.model_validate(longer(definition.model_dump()))


async def _sleep_until(instant: datetime) -> None:
    await asyncio.sleep(max(0.0, (instant - datetime.now(instant.tzinfo)).total_seconds()))


async def _alongside(life: Awaitable[None], *company: Awaitable[None]) -> None:
    """Run `life` to its end, with `company` beside it; the first failure ends all."""
    tasks = [asyncio.ensure_future(each) for each in (life, *company)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        done = next(task for task in tasks if task.done())
        await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
