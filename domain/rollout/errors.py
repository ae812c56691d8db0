"""What a rollout refuses: to pause, to resume or to be released where that would change nothing."""

from domain.refusals import Refused


class RolloutIsPaused(Refused):
    """A rollout is paused once; whoever has paused it is told."""

    code = "rollout_is_paused"
    title = "The rollout is paused already"
    detail = "The rollout has been paused since 10 Mar 2026 09:30:00 UTC by demo-operations."
    remedy = "Resume it once the reason is gone."


class RolloutNotPaused(Refused):
    """Only what was paused is resumed; what a guardrail holds is released."""

    code = "rollout_not_paused"
    title = "Nobody has paused the rollout"
    detail = "Nobody has paused the rollout."
    remedy = "See what it waits for with `tenure rollout show`: what holds it is released, and not resumed."


class RolloutNotHeld(Refused):
    """Only what a guardrail, a sample that is too small, or an empty cohort holds is released."""

    code = "rollout_not_held"
    title = "Nothing holds the rollout"
    detail = "Nothing holds the rollout."
    remedy = "See what it waits for with `tenure rollout show`."


class RolloutOver(Refused):
    """The rollout has been stopped, or the program ends."""

    code = "rollout_over"
    title = "The rollout is over"
    detail = "The rollout is over: stopped by demo-operations: the till gives double points."
    remedy = "Hand in a further revision, or ask for the end; `tenure rollout show` says where it stands."
