"""Assembles a member's tier review in one place: its sums, the revision whose conditions apply, and its results.

The live review, the rehearsal, the playback of a simulation and the impact of an amendment get their sums from different
sources; all of them bring the sums here, and `tiers.review` decides.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.definition.document import Definition
from domain.members import tiers
from domain.members.tiers import Reached, TierStatus
from domain.points import expiry
from domain.programs import amendments
from domain.window import Span

Stays = Sequence[tuple[str, datetime]]
"""The tiers of a member with their first instants, in order."""


class Sums(NamedTuple):
    """Each counter's sum over its window, and over the window before; None if the rules do not need that."""

    counters: Mapping[str, int]
    earlier: Mapping[str, int] | None


class Grandfathered(NamedTuple):
    """An earlier revision under whose conditions the tier is held, and the sums by its counters and windows."""

    judge: amendments.GrandfatheredTier
    sums: Sums


class TierReview(NamedTuple):
    """The result of a review at an instant."""

    definition: Definition
    before: TierStatus
    outcome: tiers.Review
    sums: Sums
    at: datetime
    joined: datetime
    earlier_raises: bool

    @property
    def standing(self) -> TierStatus:
        """The standing from now on."""
        return self.outcome.standing

    @property
    def milestones(self) -> tuple[Reached, ...]:
        """Every milestone that is reached, including those found by earlier reviews."""
        earlier = self.sums.earlier if self.earlier_raises else None
        return tiers.milestones(self.definition, self.sums.counters, earlier, self.at, self.joined)

    @property
    def reschedules_lots(self) -> bool:
        """Whether the member's lots get a new expiry by the new tier, counted from the review."""
        return expiry.tier_change_reschedules(self.definition, self.before.tier, self.standing.tier)


def review(
    definition: Definition,
    tier_status: TierStatus,
    sums: Sums,
    stays: Stays,
    at: datetime,
    joined: datetime,
    *,
    amended: bool = False,
    earlier_raises: bool = True,
    grandfathered: Grandfathered | None = None,
) -> TierReview:
    """Review a tier by a definition; `tiers.review` explains `amended` and `earlier_raises`.

    `stays` may be empty if neither the definition nor the earlier revision needs the time for which a tier was held.
    """
    grandfathered_revision = None
    if grandfathered is not None:
        grandfathered_tier, own = grandfathered
        held = time_held(grandfathered_tier.definition, stays, at)
        grandfathered_revision = tiers.GrandfatheredRevision(
            grandfathered_tier.definition, grandfathered_tier.tier, own.counters, own.earlier, held
        )
    outcome = tiers.review(
        definition,
        tier_status,
        sums.counters,
        at,
        earlier=sums.earlier,
        held=time_held(definition, stays, at),
        joined=joined,
        amended=amended,
        earlier_raises=earlier_raises,
        grandfathered=grandfathered_revision,
    )
    return TierReview(definition, tier_status, outcome, sums, at, joined, earlier_raises)


def next_review(definition: Definition, tier_status: TierStatus, stays: Stays, at: datetime) -> datetime | None:
    """When time alone will change the result of a review; None if it never will."""
    return tiers.next_review_at(definition, tier_status, time_held(definition, stays, at), at)


def time_held(definition: Definition, stays: Stays, at: datetime) -> dict[str, timedelta]:
    """How long each tier was held up to an instant; empty if the definition does not need it."""
    return tiers.held(definition, stays, at) if tiers.asks_time_held(definition) else {}


def summed_spans(definition: Definition, at: datetime, joined: datetime) -> list[Mapping[str, Span]]:
    """The spans of the counters' sums for a review, and those of the windows before if it needs them."""
    earlier = tiers.earlier_spans(definition, at, joined)
    return [tiers.spans(definition, at, joined), *([earlier] if earlier is not None else [])]


def summed(definition: Definition, at: datetime, joined: datetime, total: Callable[[str, Span], int]) -> Sums:
    """The sums for a review; `total` gives a counter's sum over a span."""
    counters, *earlier = (
        {counter: total(counter, span) for counter, span in spans.items()} for spans in summed_spans(definition, at, joined)
    )
    return Sums(counters, earlier[0] if earlier else None)
