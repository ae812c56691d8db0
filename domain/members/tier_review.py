"""A member's tier review, put together once: which sums it rests on, whose conditions apply, and what follows from it.

The live review, the rehearsal, the playback of a simulation and the impact of an amendment get their sums from different
sources; all of them come here with the sums, and `tiers.review` decides.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.definition.document import Definition
from domain.members import tiers
from domain.members.tiers import Reached, Standing
from domain.points import expiry
from domain.programs import amendments
from domain.window import Span

Stays = Sequence[tuple[str, datetime]]
"""Which tier a member came into, and when, in order."""


class Sums(NamedTuple):
    """Each counter's sum over its window, and over the window before; None where the rules do not ask for that."""

    counters: Mapping[str, int]
    earlier: Mapping[str, int] | None


class Grandfathered(NamedTuple):
    """An earlier revision by whose conditions the tier is held, and the sums by its counters and windows."""

    judge: amendments.Judge
    sums: Sums


class TierReview(NamedTuple):
    """What a review at an instant came to."""

    definition: Definition
    before: Standing
    outcome: tiers.Review
    sums: Sums
    at: datetime
    joined: datetime
    earlier_raises: bool

    @property
    def standing(self) -> Standing:
        """The standing from now on."""
        return self.outcome.standing

    @property
    def milestones(self) -> tuple[Reached, ...]:
        """Every milestone that is reached, however often that was found before."""
        earlier = self.sums.earlier if self.earlier_raises else None
        return tiers.milestones(self.definition, self.sums.counters, earlier, self.at, self.joined)

    @property
    def reschedules_lots(self) -> bool:
        """Whether the member's lots get the end that the new tier gives, counted from the review."""
        return expiry.tier_change_reschedules(self.definition, self.before.tier, self.standing.tier)


def review(
    definition: Definition,
    standing: Standing,
    sums: Sums,
    stays: Stays,
    at: datetime,
    joined: datetime,
    *,
    amended: bool = False,
    earlier_raises: bool = True,
    grandfathered: Grandfathered | None = None,
) -> TierReview:
    """Review a tier by a definition; `tiers.review` says what `amended` and `earlier_raises` mean.

    `stays` may be empty where neither the definition nor the earlier revision asks how long a tier was held.
    """
    former = None
    if grandfathered is not None:
        judge, own = grandfathered
        held = time_held(judge.definition, stays, at)
        former = tiers.Former(judge.definition, judge.tier, own.counters, own.earlier, held)
    outcome = tiers.review(
        definition,
        standing,
        sums.counters,
        at,
        earlier=sums.earlier,
        held=time_held(definition, stays, at),
        joined=joined,
        amended=amended,
        earlier_raises=earlier_raises,
        former=former,
    )
    return TierReview(definition, standing, outcome, sums, at, joined, earlier_raises)


def next_review(definition: Definition, standing: Standing, stays: Stays, at: datetime) -> datetime | None:
    """When time alone will change what a review finds; None where it never will."""
    return tiers.next_look(definition, standing, time_held(definition, stays, at), at)


def time_held(definition: Definition, stays: Stays, at: datetime) -> dict[str, timedelta]:
    """How long each tier was held up to an instant, where the definition asks for it; else nothing."""
    return tiers.held(definition, stays, at) if tiers.asks_time_held(definition) else {}


def summed_spans(definition: Definition, at: datetime, joined: datetime) -> list[Mapping[str, Span]]:
    """The spans over which a review wants the counters summed, and those of the windows before where it asks for them."""
    earlier = tiers.earlier_spans(definition, at, joined)
    return [tiers.spans(definition, at, joined), *([earlier] if earlier is not None else [])]


def summed(definition: Definition, at: datetime, joined: datetime, total: Callable[[str, Span], int]) -> Sums:
    """The sums that a review wants, each taken from a source that knows a counter's sum over a span."""
    counters, *earlier = (
        {counter: total(counter, span) for counter, span in spans.items()} for spans in summed_spans(definition, at, joined)
    )
    return Sums(counters, earlier[0] if earlier else None)
