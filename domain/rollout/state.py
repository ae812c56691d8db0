"""What a rollout says of itself: who has paused, stopped or released it and why, and what holds it."""

from datetime import datetime
from typing import Literal

from domain.model import Message
from domain.programs.lifecycle import Revision
from domain.rollout.guardrails import Look, Verdict

MINIMUM_SAMPLE = "minimum_sample"
EMPTY_COHORT = "empty_cohort"
"""What holds a rollout where too few have joined the last wave, or nobody is in the next one's cohort: no ids of guardrails."""

RolloutStatus = Literal["running", "paused", "held", "stopped", "over"]


class RolloutAct(Message):
    """What a person does to a rollout, and why; `key` makes a repetition the same act."""

    by: str
    why: str
    key: str


class Deed(Message):
    """Something that was done to a rollout: by whom, why and when."""

    by: str
    why: str
    at: datetime


class Hold(Message):
    """What holds a rollout for a person, or is only told: a guardrail, or the minimum sample, of which wave, and why."""

    what: str
    wave: str
    why: str
    since: datetime


class RolloutState(Message):
    """Where a rollout stands: nothing of it is set where waves open one after the other and nobody interferes."""

    paused: Deed | None = None
    paused_with_program: Deed | None = None
    """The program as a whole is on hold; that ends with the program's hold, and not by resuming the rollout."""
    holds: tuple[Hold, ...] = ()
    warnings: tuple[Hold, ...] = ()
    stopped: Deed | None = None

    @property
    def is_paused(self) -> bool:
        return self.paused is not None or self.paused_with_program is not None

    @property
    def may_go_on(self) -> bool:
        """Whether the next wave may open, as far as people and guardrails have a say."""
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
    """A guardrail's verdict has changed, or its source fails: as of which look, in which wave."""

    guardrail: str
    wave: str
    verdict: Verdict
    look: Look
    told: str


def without(holds: tuple[Hold, ...], what: str) -> tuple[Hold, ...]:
    """The holds but that of one guardrail, or of the minimum sample."""
    return tuple(hold for hold in holds if hold.what != what)
