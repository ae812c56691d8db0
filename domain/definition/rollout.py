"""The rollout in a program's definition: waves by cohort or share, the holdout, and guardrails between the waves."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from domain.definition.gates import GatePolicy
from domain.definition.values import Count, Kpi, Length, Number, Part, Share
from domain.ids import Name


def audience(share: Decimal | None, cohort: str | None) -> str:
    """The audience of a wave, in a few words: 20 %, or cohort staff."""
    return f"{share} %" if share is not None else f"cohort {cohort}"


class Pace(Part):
    """A rate: `count` members in each `every`."""

    count: Count
    """The number of members."""
    every: Length
    """The time."""


class Wave(Part):
    """A step of the launch: a cohort, or a share of all members, may join, for at least `minimum_time` before the next."""

    id: Name
    """The wave's short name."""
    share: Share | None = None
    """The percentage of members who may join, including those of earlier waves."""
    cohort: Name | None = None
    """In place of a share: the name of a cohort whose participants may join."""
    minimum_time: Length
    """The shortest time that it lasts; pauses do not count."""
    minimum_sample: Count | None = None
    """The fewest members who must have joined in it before the next wave opens."""
    invitations: Pace | None = None
    """The rate at which the cohort is invited; before the invitation nobody can join. Without it, all may join at once."""
    enrolment: Pace | None = None
    """The most members who may join in it in a time; without it, any number."""
    gate: GatePolicy | None = None
    """The gate before it opens."""

    @property
    def audience(self) -> str:
        """Its audience, in a few words."""
        return audience(self.share, self.cohort)


class Holdout(Part):
    """Members at random who stay out of the program to its end, for comparison with those who are in."""

    share: Annotated[Number, Field(ge=1, le=10)] = Decimal(5)
    """The percentage of members; fixed once a wave has begun."""


class Guardrail(Part):
    """A bound on a KPI that is checked at intervals while a wave is open, and while the next wave's gate waits.

    A check with too few members has no data, and the rollout waits for a person. A check whose source fails does not count, and
    causes a warning.
    """

    id: Name
    """The guardrail's short name."""
    kpi: Kpi
    """The figure; its other terms (`lifetime`, `running_cost`) come from its rule under `evaluation`."""
    window: Length
    """The time over which it is computed, back from the check."""
    at_least: Number | None = None
    """The least that it must be."""
    at_most: Number | None = None
    """The most that it may be."""
    minimum_sample: Count | None = None
    """The fewest members (or answers) from which it is computed; with fewer there is no data."""
    every: Length
    """The time between two checks."""
    initial_delay: Length | None = None
    """The time from the opening of each wave to its first check; without it, `every`."""
    count: Annotated[int, Field(ge=1, le=100)] = 1
    """The number of last checks that count."""
    failures: Annotated[int, Field(ge=1, le=100)] = 1
    """The number of these checks beyond the bound that makes it fail."""
    on_failure: Literal["stop", "hold", "warn"] = "stop"
    """The consequence of a failure: enrolment and earning stop, the next wave waits for a person, or a warning."""
