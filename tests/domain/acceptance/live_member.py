"""A member as the live program keeps them: the API rates and watches, the ledger sums, a review comes by nudge or by timer.

It holds plain lists where the live program has tables, and sums them anew each time, so that it shares no shortcut with the
playback that it is compared with.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.definition.document import Definition
from domain.members import benefits, tiers
from domain.points import earning, expiry
from domain.window import Span


@dataclass
class Lot:
    points: int
    expires_at: datetime | None


class LiveMember:
    def __init__(self, definition: Definition, joined_at: datetime) -> None:
        self.definition = definition
        self.joined_at = joined_at
        self.tier_status = tiers.joined(definition, joined_at)
        self.issued = self.expired = self.reviews = 0
        self.lots: list[Lot] = []
        self.counted: list[tuple[str, datetime, int]] = []
        self.changes = [(self.tier_status.tier, joined_at)]
        self.keys: set[str] = set()
        self.last_activity: datetime | None = None
        for benefit in benefits.on_joining(definition):
            self._bonus(f"benefit/{benefit.id}", benefit.points or 0, joined_at)
        self.next_review_at = tiers.next_review_at(definition, self.tier_status, self._held(joined_at), joined_at)

    @property
    def balance(self) -> int:
        return sum(lot.points for lot in self.lots)

    def advance(self, to: datetime) -> None:
        """Timers and sweeps, in the order of their instants."""
        while True:
            next_expiry = min((lot.expires_at for lot in self.lots if lot.expires_at is not None), default=None)
            if (
                next_expiry is not None
                and next_expiry <= to
                and (self.next_review_at is None or next_expiry <= self.next_review_at)
            ):
                due = [lot for lot in self.lots if lot.expires_at is not None and lot.expires_at <= next_expiry]
                self.expired += sum(lot.points for lot in due)
                self.lots = [lot for lot in self.lots if lot not in due]
            elif self.next_review_at is not None and self.next_review_at <= to:
                self.review(self.next_review_at)
            else:
                return

    def post(self, event: earning.Event, at: datetime) -> None:
        definition = self.definition
        self.advance(at)
        tier = self.tier_status.tier
        capped = earning.capped(definition, event.type, at, self.joined_at)
        already = {each.counter: self._sum(each.counter, each.span) for each in capped}
        rating = earning.rate(definition, tier, event, at=at, already=already)
        watches = tiers.watches(definition, tier, at, joined=self.joined_at, until=self.tier_status.until)
        if not rating.taken:
            return
        self._activity(at)
        self._earn(rating.points, at)
        self.counted += [(counter, at, amount) for counter, amount in rating.qualifying.items()]
        if any(self._sum(each.counter, Span(each.since, at)) >= each.at_least for each in watches):
            self.review(at)

    def review(self, at: datetime) -> None:
        definition, before = self.definition, self.tier_status
        self.reviews += 1
        counters = {name: self._sum(name, span) for name, span in tiers.spans(definition, at, self.joined_at).items()}
        spans = tiers.earlier_spans(definition, at, self.joined_at)
        earlier = {name: self._sum(name, span) for name, span in spans.items()} if spans is not None else None
        outcome = tiers.review(definition, before, counters, at, earlier=earlier, held=self._held(at), joined=self.joined_at)
        self.tier_status = outcome.standing
        if outcome.standing != before:
            self.changes.append((outcome.standing.tier, at))
        if expiry.tier_change_reschedules(definition, before.tier, self.tier_status.tier):
            for lot in self.lots:
                lot.expires_at = expiry.lot_expiry(definition, self.tier_status.tier, at)
        for milestone, window in tiers.milestones(definition, counters, earlier, at, self.joined_at):
            self._bonus(f"milestone/{milestone.id}/{window}", milestone.points, at)
        for benefit in benefits.of_change(definition, outcome.change, self.tier_status.tier):
            self._bonus(f"benefit/{benefit.id}/{self.tier_status.tier}/{at}", benefit.points or 0, at)
        self.next_review_at = tiers.next_review_at(definition, self.tier_status, self._held(at), at)

    def _held(self, at: datetime) -> dict[str, timedelta]:
        return tiers.held(self.definition, self.changes, at)

    def _sum(self, counter: str, span: Span) -> int:
        return sum(amount for name, at, amount in self.counted if name == counter and span.since < at <= span.until)

    def _activity(self, at: datetime) -> None:
        stands = expiry.clock_stands_within(self.definition)
        if expiry.renews_lots(self.definition):
            for lot in self.lots:
                lot.expires_at = expiry.lot_expiry(self.definition, self.tier_status.tier, at)
        elif stands is not None and self.last_activity is not None and at - self.last_activity <= stands.approximate():
            for lot in self.lots:
                lot.expires_at = lot.expires_at and lot.expires_at + (at - self.last_activity)
        self.last_activity = at

    def _bonus(self, key: str, points: int, at: datetime) -> None:
        if key not in self.keys:
            self.keys.add(key)
            self._earn(points, at)

    def _earn(self, points: int, at: datetime) -> None:
        if points:
            self.lots.append(Lot(points, expiry.lot_expiry(self.definition, self.tier_status.tier, at)))
            self.issued += points
