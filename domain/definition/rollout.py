"""The rollout in a program's definition: waves by cohort or share, the holdout, and guardrails between the waves."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from domain.definition.life import GatePolicy
from domain.definition.values import Count, Kpi, Length, Number, Part, Share
from domain.ids import Name


def audience(share: Decimal | None, cohort: str | None) -> str:
    """Whom a wave is open to, in a few words: 20 %, or cohort staff."""
    return f"{share} %" if share is not None else f"cohort {cohort}"


class Pace(Part):
    """A rate: so many (`count`) in each `every`."""

    count: Count
    """How many."""
    every: Length
    """In how long."""


class Wave(Part):
    """A step of the launch: a cohort, or a share of all members, may join, for at least `minimum_time` before the next."""

    id: Name
    """The wave's short name."""
    share: Share | None = None
    """Up to which percentage of members may join; those of earlier waves stay in."""
    cohort: Name | None = None
    """In place of a share: the name of a cohort that has been handed in, all of whom may join."""
    minimum_time: Length
    """How long it lasts at least; the time of a pause does not count."""
    minimum_sample: Count | None = None
    """How many members must have joined in it before the next may open."""
    invitations: Pace | None = None
    """At which rate those of its cohort are invited; until then they cannot join. Without it, all may join at once."""
    enrolment: Pace | None = None
    """How many may join in it in which time; without it, any number."""
    gate: GatePolicy | None = None
    """Who must approve before it opens."""

    @property
    def audience(self) -> str:
        """Whom it is open to, in a few words."""
        return audience(self.share, self.cohort)


class Holdout(Part):
    """Members at random who stay out to the end, so that those who are in can be compared with them."""

    share: Annotated[Number, Field(ge=1, le=10)] = Decimal(5)
    """Which percentage of members; once a wave has begun, it is changed no more."""


class Guardrail(Part):
    """A bound on a KPI that is looked at again and again while a wave is open, while the next one's gate waits too.

    A look that finds too few members has no data, and holds the rollout for a person. One whose source fails counts for
    nothing, and is told.
    """

    id: Name
    """The guardrail's short name."""
    kpi: Kpi
    """The figure; what else it needs (`lifetime`, `running_cost`) is taken from its rule under `evaluation`."""
    window: Length
    """Over how long it is taken."""
    at_least: Number | None = None
    """The least that it must be."""
    at_most: Number | None = None
    """The most that it may be."""
    minimum_sample: Count | None = None
    """From how many members (or answers) on it is told; fewer are no data."""
    every: Length
    """How often it is looked at."""
    initial_delay: Length | None = None
    """How long after a wave has opened it is looked at first, anew for each wave; without it, after the first `every`."""
    count: Annotated[int, Field(ge=1, le=100)] = 1
    """How many looks count, the last ones."""
    failures: Annotated[int, Field(ge=1, le=100)] = 1
    """With how many of them beyond the bound it fails."""
    on_failure: Literal["stop", "hold", "warn"] = "stop"
    """What follows when it fails: enrolment and earning stop, the next wave waits for a person, or it is only told."""
