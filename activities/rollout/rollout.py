"""What a rollout does to the world: opens waves to cohorts, invites at a rate, keeps what was done, looks at guardrails."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.evaluation.evaluation import definition_at, figures_of
from activities.queues import ActivityGroup, bulk
from activities.refusals import in_words
from domain.audit.chain import SYSTEM, Action, Fact
from domain.definition.rollout import Guardrail
from domain.ids import PROGRAMS_QUEUE
from domain.model import Message
from domain.programs.errors import NotLaunched
from domain.rollout import guardrails
from domain.rollout.guardrails import Check
from domain.rollout.openings import WaveOpening
from domain.rollout.state import RolloutState
from domain.rollout.waves import is_held_out
from ledger import Ledger
from store.audit import trail
from store.errors import CohortUnknown
from store.programs import programs
from store.rollout import cohorts, invitations, rollouts


class RolloutChange(Message):
    """A rollout as it stands now, and for the audit trail what was done to it: by whom, why, under which key."""

    program: str
    revision: int
    state: RolloutState
    at: datetime
    action: Action | None = None
    by: str = SYSTEM
    key: str = ""
    details: dict[str, Any] = {}


class RolloutBegun(Message):
    """A further revision is rolled out from an instant on."""

    program: str
    at: datetime


class WaveCount(Message):
    """Which wave's members are to be counted."""

    program: str
    wave: str


class InvitationPage(Message):
    """So many of a cohort are to be invited, from the one after `after` on."""

    program: str
    wave: str
    cohort: str
    after: str
    count: int
    at: datetime


class Invited(Message):
    """How many were invited now, up to whom, and whether there are more."""

    invited: int
    after: str
    more: bool


class CheckRequest(Message):
    """A guardrail of a wave is to be looked at as of an instant, for the so manieth time in that wave."""

    program: str
    revision: int
    wave: str
    guardrail: Guardrail
    number: int
    at: datetime


class CheckFailed(Message):
    """A look that came to nothing, and what went wrong."""

    look: CheckRequest
    told: str


class RolloutActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def open_cohort_wave(self, opening: WaveOpening) -> int:
        """Open the program to the wave's cohort, and settle who is in it; how many are. 0: nobody, and nothing is open."""
        async with self._engine.begin() as connection:
            try:
                found = await cohorts.find(connection, opening.program, opening.cohort or "")
            except CohortUnknown:
                return 0
            if found.size:
                await cohorts.begin(connection, opening.program, found.name, f"wave {opening.wave}", opening.at)
                await programs.open_wave(connection, opening)
        return found.size

    @activity.defn
    async def begin_anew(self, begun: RolloutBegun) -> None:
        """After a rollout that was stopped: from now on people join and earn again."""
        async with self._engine.begin() as connection:
            await rollouts.begin_anew(connection, begun.program, begun.at)

    @activity.defn
    async def keep_rollout(self, change: RolloutChange) -> None:
        """Keep where the rollout stands, what that means for who joins and earns, and who did it."""
        record = rollouts.RolloutRecord(revision=change.revision, state=change.state, at=change.at)
        async with self._engine.begin() as connection:
            await rollouts.keep(connection, change.program, record)
            if change.action is not None:
                fact = Fact(
                    program=change.program,
                    at=change.at,
                    action=change.action,
                    actor=change.by,
                    about=f"rollout/r{change.revision}",
                    key=f"{change.action}/r{change.revision}/{change.key}",
                    details=change.details,
                )
                await trail.append(connection, fact)

    @activity.defn
    async def count_joined(self, wave: WaveCount) -> int:
        """How many have joined by a wave so far."""
        async with self._engine.connect() as connection:
            return (await rollouts.count_by_wave(connection, wave.program)).get(wave.wave, 0)

    @activity.defn
    async def invite_page(self, page: InvitationPage) -> Invited:
        """Invite the next of a cohort, leaving out the holdout; a repetition invites the same ones, who stay invited."""
        async with self._engine.begin() as connection:
            in_force = await programs.in_force_at(connection, page.program, page.at)
            if in_force is None:
                raise in_words(NotLaunched, f"Program {page.program} is not in force.")
            salt = (await programs.find(connection, page.program)).salt
            invited: list[str] = []
            after, more = page.after, True
            while more and len(invited) < page.count:
                wanted = page.count - len(invited)
                found = await cohorts.participants_after(connection, page.program, page.cohort, after, wanted + 1)
                more = len(found) > wanted
                taken = found[:wanted]
                invited += [each for each in taken if not is_held_out(in_force.definition, salt, each)]
                after = taken[-1] if taken else after
            if invited:
                await invitations.invite(connection, page.program, invited, f"wave {page.wave}", page.at)
        return Invited(invited=len(invited), after=after, more=more)


class GuardrailActivities(ActivityGroup):
    QUEUE = PROGRAMS_QUEUE

    def __init__(self, engine: AsyncEngine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    @activity.defn
    @bulk
    async def look_at_guardrail(self, check: CheckRequest) -> Check:
        """Compute a guardrail's figure as of an instant, by the formula and the queries of an evaluation, and keep the look."""
        definition = await definition_at(self._engine, check.program, check.at)
        since = check.guardrail.window.before(check.at, definition.zone)
        kpis = [check.guardrail.kpi]
        figures = await figures_of(self._engine, self._ledger, check.program, definition, kpis, since, check.at)
        return await self._keep(check, guardrails.looked(check.guardrail, definition, figures, check.number, check.at))

    @activity.defn
    async def keep_failed_look(self, failed: CheckFailed) -> Check:
        """Keep that a look came to nothing: no failure of the program, and no reason to hold."""
        found = Check(number=failed.look.number, at=failed.look.at, status="source_failed", told=failed.told)
        return await self._keep(failed.look, found)

    async def _keep(self, check: CheckRequest, found: Check) -> Check:
        async with self._engine.begin() as connection:
            return await rollouts.keep_check(connection, check.program, check.revision, check.wave, check.guardrail.id, found)
