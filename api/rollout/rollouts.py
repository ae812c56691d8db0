"""The rollout of a program: its waves, who has joined by which, what its guardrails found; pause, resume, release, abort."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.authorization import require
from api.http.dependencies import Services, WithServices
from api.http.idempotency import ACCEPTED_LATER, Key, StoredResponse, idempotent
from api.http.openapi import raises, together
from api.http.read_retry import RetryReadRoute
from api.http.workflow_calls import LONG_WAIT, asked
from domain import ids
from domain.definition.document import Definition
from domain.definition.rollout import Guardrail, Wave
from domain.gates.errors import FourEyes
from domain.identity.person import Person
from domain.model import CAN_BE_KEPT, Value
from domain.programs.errors import NoRollout
from domain.rollout.errors import RolloutIsPaused, RolloutNotHeld, RolloutNotPaused, RolloutOver
from domain.rollout.openings import WaveOpening
from domain.rollout.state import ActionRecord, RolloutAction, RolloutBlocker, RolloutState, RolloutStatus
from store.gates import gates
from store.programs import programs
from store.programs.programs import ProgramRecord
from store.rollout import holdout, rollouts
from store.rollout.rollouts import CheckRecord

router = APIRouter(prefix="/programs/{program}/rollout", tags=["rollout"], route_class=RetryReadRoute)

_LOOKS = 5
"""So many of the last looks at each guardrail are shown."""
WaveState = Literal["to_come", "at_gate", "open", "passed"]


class ReasonIn(Value):
    """Why something is done to a rollout; it stands in the audit trail."""

    reason: Annotated[str, Field(min_length=1, max_length=2000), CAN_BE_KEPT]


class WaveOut(Value):
    """A wave: whom it lets in, since when, at least until when, and how many have joined by it.

    `passed`: a later one is open, or the rollout is over; whoever joined stays in. `open_until` is the earliest end of its
    minimum time, without pauses.
    """

    wave: str
    state: WaveState
    share: Decimal | None
    cohort: str | None
    opened_at: AwareDatetime | None
    open_until: AwareDatetime | None
    joined: int
    minimum_sample: int | None
    gate: str | None


class GuardrailOut(Value):
    """A guardrail with its bounds, and its last looks in the newest wave, newest first."""

    guardrail: str
    kpi: str
    at_least: Decimal | None
    at_most: Decimal | None
    on_failure: Literal["stop", "hold", "warn"]
    wave: str | None
    looks: Sequence[CheckRecord]


class RolloutOut(Value):
    """Where a rollout stands: its waves and guardrails, who has paused or stopped it and why, and what holds it.

    `over`: its waves are through, or the program ends. `holdout` is the percentage that stays out to the end, `held_out` are
    those of them who would have joined by now.
    """

    program: str
    revision: int
    status: RolloutStatus
    paused: ActionRecord | None
    paused_with_program: ActionRecord | None
    stopped: ActionRecord | None
    holds: Sequence[RolloutBlocker]
    warnings: Sequence[RolloutBlocker]
    holdout: Decimal | None
    held_out: int
    waves: Sequence[WaveOut]
    guardrails: Sequence[GuardrailOut]


class RolloutActed(Value):
    """Where a rollout stands after what was done to it."""

    program: str
    revision: int
    status: RolloutStatus
    paused: ActionRecord | None
    paused_with_program: ActionRecord | None
    stopped: ActionRecord | None
    holds: Sequence[RolloutBlocker]
    warnings: Sequence[RolloutBlocker]


Pauser = Annotated[Person, Depends(require("pause a rollout"))]
Releaser = Annotated[Person, Depends(require("release a rollout"))]
Aborter = Annotated[Person, Depends(require("abort a rollout"))]
RolloutCommand = Literal["pause", "resume", "release", "abort"]
"""What a rollout can be asked for: the names of its updates."""
Checks = Mapping[tuple[str, str], Sequence[CheckRecord]]


@router.get("", dependencies=[Depends(require("read programs"))], responses=raises(NoRollout))
async def show_rollout(program: str, services: WithServices) -> RolloutOut:
    """The newest rollout: each wave with its state and how many have joined by it, each guardrail with its last looks."""
    async with services.engine.connect() as connection:
        record = await programs.find(connection, program)
        opened = await programs.waves(connection, program)
        kept = await rollouts.listed(connection, program)
        known = [*(each.revision for each in opened), *(each.revision for each in kept)]
        if record.stage == "rollout" and record.revision_in_force is not None:
            known.append(record.revision_in_force)
        if not known:
            raise NoRollout(program)
        revision = max(known)
        definition = await programs.definition(connection, program, revision)
        state = next((each.state for each in kept if each.revision == revision), RolloutState())
        checks = await rollouts.looks(connection, program, revision, latest=_LOOKS)
        waves = await _waves(connection, record, definition, revision, opened)
        held_out = await holdout.count_held_out(connection, program)
    return RolloutOut(
        program=program,
        revision=revision,
        status=_status(record, state),
        **_to_response(state),
        holdout=definition.holdout.share if definition.holdout is not None else None,
        held_out=held_out,
        waves=waves,
        guardrails=[_guardrail(each, [wave.wave for wave in waves], checks) for each in definition.guardrails],
    )


_RESPONSES = {
    "pause": together(ACCEPTED_LATER, raises(NoRollout, RolloutIsPaused, RolloutOver)),
    "resume": together(ACCEPTED_LATER, raises(NoRollout, RolloutNotPaused, RolloutOver)),
    "release": together(ACCEPTED_LATER, raises(NoRollout, RolloutNotHeld, RolloutOver, FourEyes)),
    "abort": together(ACCEPTED_LATER, raises(NoRollout, RolloutOver)),
}


@router.post("/pause", response_model=RolloutActed, responses=_RESPONSES["pause"])
async def pause_rollout(
    program: str, body: ReasonIn, request: Request, services: WithServices, key: Key, person: Pauser
) -> JSONResponse:
    """Open no further wave and let nobody new join, until it is resumed; members keep all they have, and go on earning."""
    act = _doing(services, program, person, key, body, "pause")
    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.post("/resume", response_model=RolloutActed, responses=_RESPONSES["resume"])
async def resume_rollout(
    program: str, body: ReasonIn, request: Request, services: WithServices, key: Key, person: Pauser
) -> JSONResponse:
    """Go on after a pause; a wave's minimum time is longer by it."""
    act = _doing(services, program, person, key, body, "resume")
    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.post("/release", response_model=RolloutActed, responses=_RESPONSES["release"])
async def release_rollout(
    program: str, body: ReasonIn, request: Request, services: WithServices, key: Key, person: Releaser
) -> JSONResponse:
    """Let a rollout go on that a guardrail, too small a sample or an empty cohort holds; not by who owns or edited it."""
    act = _doing(services, program, person, key, body, "release")
    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


@router.post("/abort", response_model=RolloutActed, responses=_RESPONSES["abort"])
async def abort_rollout(
    program: str, body: ReasonIn, request: Request, services: WithServices, key: Key, person: Aborter
) -> JSONResponse:
    """Stop a rollout: nobody joins and nothing is earned any more; what was issued is honoured.

    The owner then hands in a further revision, in whose rollout those who are in stay in, or asks for the end.
    """
    act = _doing(services, program, person, key, body, "abort")
    return await idempotent(request, services, person, key, act, wait_timeout=services.wait_timeout)


def _doing(
    services: Services, program: str, person: Person, key: str, body: ReasonIn, command: RolloutCommand
) -> Callable[[], Awaitable[StoredResponse]]:
    async def act() -> StoredResponse:
        async with services.engine.connect() as connection:
            record = await programs.find(connection, program)
        if record.stage != "rollout" or record.revision_in_force is None:
            raise NoRollout(program)
        handle = services.temporal.get_workflow_handle(ids.rollout(program, record.revision_in_force))
        name = ids.asked(person.id, key)
        action = RolloutAction(by=person.id, why=body.reason, key=name)
        update = handle.execute_update(command, action, id=name, result_type=RolloutState)
        answer: RolloutState = await asked(update, gone=NoRollout(program), wait_timeout=LONG_WAIT)
        acted = RolloutActed(program=program, revision=record.revision_in_force, status=answer.status, **_to_response(answer))
        return StoredResponse(200, acted.model_dump(mode="json"))

    return act


def _to_response(state: RolloutState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in RolloutState.model_fields}


def _status(record: ProgramRecord, state: RolloutState) -> RolloutStatus:
    """A rollout is over where the program has gone on from it; one that was stopped is so until then."""
    return state.status if record.stage == "rollout" else "over"


async def _waves(
    connection: AsyncConnection,
    record: ProgramRecord,
    definition: Definition,
    revision: int,
    opened: Sequence[WaveOpening],
) -> list[WaveOut]:
    mine = {each.wave: each for each in opened if each.revision == revision}
    joined = await rollouts.count_by_wave(connection, record.id)
    waiting = {each.gate: each.id for each in await gates.listed(connection, record.id, open_only=True)}
    last = next((wave.id for wave in reversed(definition.waves) if wave.id in mine), None)

    def to_response(wave: Wave) -> WaveOut:
        opening = mine.get(wave.id)
        gate = waiting.get(wave.id) if opening is None else None
        state: WaveState = "at_gate" if gate is not None else "to_come"
        if opening is not None:
            state = "open" if wave.id == last and record.stage == "rollout" else "passed"
        return WaveOut(
            wave=wave.id,
            state=state,
            share=wave.share,
            cohort=wave.cohort,
            opened_at=opening.at if opening is not None else None,
            open_until=wave.minimum_time.after(opening.at, definition.zone) if opening is not None else None,
            joined=joined.get(wave.id, 0),
            minimum_sample=wave.minimum_sample,
            gate=gate,
        )

    return [to_response(wave) for wave in definition.waves]


def _guardrail(guardrail: Guardrail, waves: Sequence[str], checks: Checks) -> GuardrailOut:
    looked = [wave for wave in waves if (wave, guardrail.id) in checks]
    return GuardrailOut(
        guardrail=guardrail.id,
        kpi=guardrail.kpi,
        at_least=guardrail.at_least,
        at_most=guardrail.at_most,
        on_failure=guardrail.on_failure,
        wave=looked[-1] if looked else None,
        looks=checks[looked[-1], guardrail.id] if looked else [],
    )
