"""A member's journey by their activity: onboarding, using, lapsing; and when silence calls for an offer."""

from datetime import datetime

from domain.definition.document import Definition
from domain.model import Message
from domain.programs.stages import JourneyStage


class Silence(Message):
    """Whether a member is silent, whether an offer is due now, and when to check again."""

    has_come: bool
    offer_due: bool
    look_at: datetime | None


def silence(definition: Definition, last_activity: datetime, last_intervention: datetime | None, at: datetime) -> Silence:
    """A member is silent after `silent_after` without activity; the offer comes at most once in `at_most_every`."""
    policy = definition.retention
    if policy is None:
        return Silence(has_come=False, offer_due=False, look_at=None)
    falls_silent = policy.silent_after.after(last_activity, definition.zone)
    if falls_silent > at:
        return Silence(has_come=False, offer_due=False, look_at=falls_silent)
    if last_intervention is not None:
        allowed = policy.at_most_every.after(last_intervention, definition.zone)
        if allowed > at:
            return Silence(has_come=True, offer_due=False, look_at=allowed)
    return Silence(has_come=True, offer_due=True, look_at=policy.at_most_every.after(at, definition.zone))


def journey_stage(*, has_activity: bool, silent: bool) -> JourneyStage:
    """Onboarding until the first activity, using while active, lapsing once silent."""
    if silent:
        return "lapsing"
    return "using" if has_activity else "onboarding"
