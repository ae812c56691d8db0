"""A member played in memory by the rules that the live program uses, for scenarios and for the prototype."""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime

from domain.definition import Definition
from domain.earning import Event, Rating, rate
from domain.expiry import clock_stands_within, lot_expiry, renews_lots, tier_change_reschedules
from domain.tiers import joined, placed, review, window_start


@dataclass(slots=True)
class _Lot:
    remaining: int
    expires_at: datetime | None


class PlayedMember:
    """One member's lots, counters and standing. Instants must not go back; the totals are in points."""

    def __init__(self, definition: Definition, at: datetime, tier: str | None = None) -> None:
        self.definition = definition
        self.standing = placed(definition, tier, at) if tier and tier != definition.base_tier.id else joined(definition, at)
        self.issued = self.burned = self.expired = 0
        self._lots: list[_Lot] = []
        self._counted: deque[tuple[datetime, dict[str, int]]] = deque()
        self._sums: Counter[str] = Counter()
        self._last_activity: datetime | None = None
        stands = clock_stands_within(definition)
        self._clock_stands_within = stands.approximate() if stands else None

    @property
    def balance(self) -> int:
        return self.issued - self.burned - self.expired

    def advance(self, to: datetime) -> None:
        """Let time pass: lots lapse and tiers are reviewed, each at its own instant, in order."""
        while True:
            lapses = min((lot.expires_at for lot in self._lots if lot.expires_at), default=None)
            ends = self.standing.until
            if lapses and lapses <= to and (ends is None or lapses <= ends):
                self._lapse(lapses)
            elif ends and ends <= to:
                self._review(ends)
            else:
                return

    def post(self, event: Event, at: datetime) -> Rating:
        """Rate an event in the tier that the member has when it happens, earn its points, and review the tier."""
        self.advance(at)
        rating = rate(self.definition, self.standing.tier, event)
        if not rating.rules:
            return rating
        self._note_activity(at)
        if rating.points:
            self._lots.append(_Lot(rating.points, lot_expiry(self.definition, self.standing.tier, at)))
            self.issued += rating.points
        self._counted.append((at, rating.qualifying))
        self._sums.update(rating.qualifying)
        self._review(at)
        return rating

    def burn(self, points: int) -> None:
        """Take points from the lots that lapse first. Raises ValueError for more than the balance."""
        if points > self.balance:
            raise ValueError(f"{points} points asked of a balance of {self.balance}; ask for less")
        self.burned += points
        self._lots.sort(key=lambda lot: (lot.expires_at is None, lot.expires_at))
        for lot in self._lots:
            taken = min(points, lot.remaining)
            lot.remaining -= taken
            points -= taken
        self._lots = [lot for lot in self._lots if lot.remaining]

    def _note_activity(self, at: datetime) -> None:
        if renews_lots(self.definition):
            self._reschedule(lot_expiry(self.definition, self.standing.tier, at))
        elif self._clock_stands_within is not None and self._last_activity is not None:
            gap = at - self._last_activity
            if gap <= self._clock_stands_within:
                for lot in self._lots:
                    lot.expires_at = lot.expires_at and lot.expires_at + gap
        self._last_activity = at

    def _review(self, at: datetime) -> None:
        since = window_start(self.definition, at)
        while self._counted and self._counted[0][0] <= since:
            self._sums.subtract(self._counted.popleft()[1])
        before = self.standing.tier
        self.standing = review(self.definition, self.standing, self._sums, at).standing
        if tier_change_reschedules(self.definition, before, self.standing.tier):
            self._reschedule(lot_expiry(self.definition, self.standing.tier, at))

    def _reschedule(self, expires_at: datetime | None) -> None:
        for lot in self._lots:
            lot.expires_at = expires_at

    def _lapse(self, as_of: datetime) -> None:
        self.expired += sum(lot.remaining for lot in self._lots if lot.expires_at and lot.expires_at <= as_of)
        self._lots = [lot for lot in self._lots if not (lot.expires_at and lot.expires_at <= as_of)]
