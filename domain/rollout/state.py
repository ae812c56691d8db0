"""The state of a rollout: who has paused, stopped or released it and why, and its blockers."""

from datetime import datetime
from typing import Literal

from domain.model import Message
from domain.programs.lifecycle import Revision
from domain.rollout.guardrails import Check, Verdict

MINIMUM_SAMPLE = "minimum_sample"
EMPTY_COHORT = "empty_cohort"
"""Blockers that are no guardrails: too few members in the last wave, or an empty cohort of the next one."""

RolloutStatus = Literal["running", "paused", "held", "stopped", "over"]


class RolloutAction(Message):
    """An action of a person on a rollout, with the reason; `key` makes a repetition the same action."""

    by: str
    why: str
    key: str


class ActionRecord(Message):
    """A recorded action on a rollout: by whom, why and when."""

    by: str
    why: str
    at: datetime


class RolloutBlocker(Message):
    """A blocker or a warning of a rollout: a guardrail, the minimum sample or an empty cohort, its wave, and the reason."""

    what: str
    wave: str
    why: str
    since: datetime


class RolloutState(Message):
    """The state of a rollout: nothing is set while waves open one after the other without any interruption."""

    paused: ActionRecord | None = None
    paused_with_program: ActionRecord | None = None
    """The program as a whole is on hold; this ends with the program's hold, and not by resuming the rollout."""
    holds: tuple[RolloutBlocker, ...] = ()
    warnings: tuple[RolloutBlocker, ...] = ()
    stopped: ActionRecord | None = None

    @property
    def is_paused(self) -> bool:
        return self.paused is not None or self.paused_with_program is not None

    @property
    def may_go_on(self) -> bool:
        """Whether no pause and no blocker keeps the next wave from opening."""
        return not self.is_paused and not self.holds

    @property
    def status(self) -> RolloutStatus:
        if self.stopped is not None:
            return "stopped"
        if self.is_paused:
            return "paused"
        return "held" if self.holds else "running"


class RolloutStart(Revision):
    """A revision to roll out; `begun` are the waves that an earlier rollout has begun, whose members stay in."""

    begun: tuple[str, ...] = ()


class GuardrailSaid(Message):
    """A guardrail's verdict has changed, or its source fails; with the check and the wave."""

    guardrail: str
    wave: str
    verdict: Verdict
    look: Check
    told: str


def without(holds: tuple[RolloutBlocker, ...], what: str) -> tuple[RolloutBlocker, ...]:
    """The blockers without that of one guardrail, or of the minimum sample."""
    return tuple(hold for hold in holds if hold.what != what)
