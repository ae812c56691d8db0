"""Playback: a member in memory under the rules of the live program, for scenarios and for the prototype."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.definition.cache import cached_per_definition
from domain.definition.document import Definition
from domain.definition.rewards import Benefit
from domain.members.benefits import of_change, on_joining
from domain.members.tier_review import Sums, next_review, review
from domain.members.tiers import asks_earlier, joined, placed
from domain.points.earning import Event, Rating, cap_counter, cap_window, capped, rate
from domain.points.expiry import clock_stands_within, lot_expiry, renews_lots
from domain.window import Span, Window


@dataclass(slots=True)
class _Lot:
    remaining: int
    expires_at: datetime | None


class _Tally:
    """The sums of the counters of one window; `earlier` are those of the window before, if windows follow each other."""

    def __init__(self, window: Window, definition: Definition, joined_at: datetime) -> None:
        self._window = window
        self.repeats = window.repeats
        self._zone = definition.zone
        self._joined_at = joined_at
        self._span: Span | None = None
        self._counted: deque[tuple[datetime, Mapping[str, int]]] = deque()
        self.sums: Counter[str] = Counter()
        self.earlier: Counter[str] = Counter()

    def roll(self, at: datetime) -> None:
        """Advance to this instant."""
        if self._window.kind == "rolling":
            since = self._window.span(at, self._zone).since
            while self._counted and self._counted[0][0] <= since:
                self.sums.subtract(self._counted.popleft()[1])
        elif self._window.repeats and (self._span is None or at > self._span.until):
            span = self._window.span(at, self._zone, self._joined_at)
            follows = self._span is not None and span.since == self._span.until
            self.earlier = self.sums if follows else Counter()
            self.sums = Counter()
            self._span = span

    def add(self, at: datetime, qualifying: Mapping[str, int]) -> None:
        if self._window.kind == "rolling":
            self._counted.append((at, qualifying))
        self.sums.update(qualifying)


@cached_per_definition
def _windows(definition: Definition) -> Mapping[str, Window]:
    """The window of every counter, including those of capped rules."""
    windows = {counter.id: counter.window or definition.qualification_window for counter in definition.counters}
    capped_rules = (rule for rule in definition.earning if rule.cap is not None and rule.cap.per != "event")
    return windows | {cap_counter(rule): cap_window(definition, rule) for rule in capped_rules}


@cached_per_definition
def _distinct(definition: Definition) -> tuple[Window, ...]:
    return tuple(dict.fromkeys(_windows(definition).values()))


class PlayedMember:
    """One member's lots, counters and tier. Instants must not go back; the totals are in points."""

    def __init__(self, definition: Definition, at: datetime, tier: str | None = None) -> None:
        self.definition = definition
        self.joined_at = at
        begins_above = tier is not None and tier != definition.base_tier.id
        self.tier_status = placed(definition, tier, at, at) if tier and begins_above else joined(definition, at)
        self.issued = self.burned = self.expired = 0
        self._lots: list[_Lot] = []
        self._tallies: dict[Window, _Tally] = {}
        self._last_activity: datetime | None = None
        stands = clock_stands_within(definition)
        self._clock_stands_within = stands.approximate() if stands else None
        self._paid: set[tuple[str, datetime]] = set()
        self._stays = [(self.tier_status.tier, at)]
        if tier is None:
            self._give(on_joining(definition), at)
        self._next_review_at = next_review(definition, self.tier_status, self._stays, at)

    @property
    def balance(self) -> int:
        return self.issued - self.burned - self.expired

    def advance(self, to: datetime) -> None:
        """Advance to an instant: lots expire and tiers are reviewed, each at its own instant, in order."""
        while True:
            expires = min((lot.expires_at for lot in self._lots if lot.expires_at), default=None)
            ends = self._next_review_at
            if expires and expires <= to and (ends is None or expires <= ends):
                self._expire(expires)
            elif ends and ends <= to:
                self._review(ends)
            else:
                return

    def post(self, event: Event, at: datetime, *, confirmed: bool = True) -> Rating:
        """Rate an event in the member's tier at that instant, earn its points, and review the tier.

        An event whose pending points are not confirmed is an activity and nothing else.
        """
        self.advance(at)
        rating = rate(self.definition, self.tier_status.tier, event, at=at, already=self._already(event.type, at))
        if not rating.taken:
            return rating
        self._note_activity(at)
        if not rating.pending or confirmed:
            self._earn(rating.points, at)
            self._count(rating.qualifying, at)
        self._review(at)
        return rating

    def burn(self, points: int) -> None:
        """Spend points of the lots that expire first. Raises ValueError for more than the balance."""
        if points > self.balance:
            raise ValueError(f"{points} points asked of a balance of {self.balance}; ask for less")
        self.burned += points
        self._lots.sort(key=lambda lot: (lot.expires_at is None, lot.expires_at))
        for lot in self._lots:
            taken = min(points, lot.remaining)
            lot.remaining -= taken
            points -= taken
        self._lots = [lot for lot in self._lots if lot.remaining]

    def _already(self, event_type: str, at: datetime) -> Mapping[str, int]:
        """The points that the capped rules for the event have given in the spans of their caps."""
        rules = capped(self.definition, event_type, at, self.joined_at)
        return {rule.counter: self._rolled(_windows(self.definition)[rule.counter], at).sums[rule.counter] for rule in rules}

    def _sums(self, at: datetime) -> Sums:
        """Every counter's sum over its window, and over the window before if the rules need it."""
        tallies = [self._rolled(window, at) for window in _distinct(self.definition)]
        asked = asks_earlier(self.definition)
        sums: dict[str, int] = {}
        earlier: dict[str, int] = {}
        for tally in tallies:
            sums.update(tally.sums)
            if asked:
                earlier.update(tally.earlier if tally.repeats else tally.sums)
        return Sums(sums, earlier if asked else None)

    def _rolled(self, window: Window, at: datetime) -> _Tally:
        tally = self._tallies.get(window)
        if tally is None:
            tally = self._tallies[window] = _Tally(window, self.definition, self.joined_at)
        tally.roll(at)
        return tally

    def _earn(self, points: int, at: datetime) -> None:
        if points:
            self._lots.append(_Lot(points, lot_expiry(self.definition, self.tier_status.tier, at)))
            self.issued += points

    def _count(self, qualifying: Mapping[str, int], at: datetime) -> None:
        windows = _windows(self.definition)
        by_window: dict[Window, dict[str, int]] = {}
        for counter, amount in qualifying.items():
            by_window.setdefault(windows[counter], {})[counter] = amount
        for window, amounts in by_window.items():
            self._rolled(window, at).add(at, amounts)

    def _note_activity(self, at: datetime) -> None:
        if renews_lots(self.definition):
            self._reschedule(lot_expiry(self.definition, self.tier_status.tier, at))
        elif self._clock_stands_within is not None and self._last_activity is not None:
            gap = at - self._last_activity
            if gap <= self._clock_stands_within:
                for lot in self._lots:
                    lot.expires_at = lot.expires_at and lot.expires_at + gap
        self._last_activity = at

    def _review(self, at: datetime) -> None:
        definition, before = self.definition, self.tier_status
        done = review(definition, before, self._sums(at), self._stays, at, self.joined_at)
        self.tier_status = done.standing
        if self.tier_status.tier != before.tier:
            self._stays.append((self.tier_status.tier, at))
        if done.reschedules_lots:
            self._reschedule(lot_expiry(definition, self.tier_status.tier, at))
        for each, window_begins in done.milestones:
            if (each.id, window_begins) not in self._paid:
                self._paid.add((each.id, window_begins))
                self._earn(each.points, at)
        self._give(of_change(definition, done.outcome.change, self.tier_status.tier), at)
        self._next_review_at = next_review(definition, self.tier_status, self._stays, at)

    def _give(self, benefits: Iterable[Benefit], at: datetime) -> None:
        for benefit in benefits:
            self._earn(benefit.points or 0, at)

    def _reschedule(self, expires_at: datetime | None) -> None:
        for lot in self._lots:
            lot.expires_at = expires_at

    def _expire(self, as_of: datetime) -> None:
        self.expired += sum(lot.remaining for lot in self._lots if lot.expires_at and lot.expires_at <= as_of)
        self._lots = [lot for lot in self._lots if not (lot.expires_at and lot.expires_at <= as_of)]
