"""The ledger's rules once more in plain Python, without a database: what the real one is compared with."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from domain.members.tiers import Watch
from ledger import (
    Adjust,
    Burn,
    Cancel,
    Capture,
    Confirm,
    Convert,
    Earn,
    Forfeit,
    Hold,
    Reinstate,
    Reschedule,
    Reverse,
    Swept,
    Transfer,
    Void,
)
from ledger.requests import Request

Outcome = tuple[str, str | None, int, int] | str
"""Outcome, refusal, points and balance; or the code of an error."""


class Refusal(Exception):
    def __init__(self, code: str, points: int = 0) -> None:
        self.code, self.points = code, points


@dataclass(eq=False)
class Lot:
    amount: int
    expires_at: datetime | None
    number: int
    earned_at: datetime
    remaining: int = 0
    held: int = 0
    expires: list[tuple[datetime, int]] = field(default_factory=list)
    reinstated: int = 0

    def __post_init__(self) -> None:
        self.remaining = self.amount

    def due(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    @property
    def free(self) -> int:
        return self.remaining - self.held


Parts = list[tuple[Lot, int]]


@dataclass(eq=False)
class Kept:
    points: int
    parts: Parts
    expires_at: datetime
    state: str = "open"


@dataclass(eq=False)
class Waiting:
    earn: Earn
    state: str = "open"
    confirmed: "Done | None" = None


@dataclass(eq=False)
class Done:
    """A posted transaction, as far as later ones may want to know of it."""

    kind: str
    account: "Account"
    points: int
    parts: Parts = field(default_factory=list)
    lot: Lot | None = None
    qualifying: dict[str, int] = field(default_factory=dict)
    counted_at: datetime | None = None
    kept: Kept | None = None
    waiting: Waiting | None = None
    reversed: int = 0
    times: int = 0
    uncounted: Counter[str] = field(default_factory=Counter)


@dataclass(eq=False)
class Account:
    currency: str
    lots: list[Lot] = field(default_factory=list)
    holds: list[Kept] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    debt: int = 0
    last_activity_at: datetime | None = None

    @property
    def balance(self) -> int:
        return sum(lot.remaining for lot in self.lots) - self.debt

    @property
    def held(self) -> int:
        return sum(hold.points for hold in self.holds if hold.state == "open")

    @property
    def pending(self) -> int:
        return sum(each.earn.points for each in self.waiting if each.state == "open")

    def in_turn(self) -> list[Lot]:
        return sorted((lot for lot in self.lots if lot.remaining), key=_turn)

    def pick(self, points: int, only: Callable[[Lot], bool] = lambda lot: True) -> Parts:
        parts = []
        for lot in self.in_turn():
            taken = min(points, lot.free)
            if taken and only(lot):
                parts.append((lot, taken))
                points -= taken
        return parts

    def pick_exactly(self, points: int) -> Parts:
        if self.balance - self.held < points:
            raise Refusal("insufficient_points", points)
        return self.pick(points)


def _turn(lot: Lot) -> tuple[bool, float, int]:
    return (lot.expires_at is None, lot.expires_at.timestamp() if lot.expires_at else 0.0, lot.number)


def _take(parts: Parts) -> int:
    for lot, points in parts:
        lot.remaining -= points
    return sum(points for _, points in parts)


class ReferenceLedger:
    """One program."""

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], Account] = {}
        self.answers: dict[str, tuple[bytes, Outcome]] = {}
        self.done: dict[str, Done] = {}
        self.nudged: set[str] = set()
        self.figures: dict[str, Counter[str]] = defaultdict(Counter)
        self._counted: list[tuple[str, str, datetime, int]] = []
        self._lots = 0

    def ask(self, request: Request) -> tuple[Outcome, bool]:
        """The answer, and whether the request had come before."""
        known = self.answers.get(request.key)
        if known is not None:
            same = known[0] == request.hash()
            return (known[1], True) if same else ("idempotency_key_reused", False)
        account, at = self._account(request.participant, request.currency), request.effective_at
        outcome: Outcome
        if isinstance(request, Earn):
            outcome = self._earn(account, request)
        else:
            self._bring_up_to_date(account, at)
            try:
                done = self._do(account, request)
            except Refusal as refusal:
                outcome = ("refused", refusal.code, refusal.points, account.balance)
            else:
                self.done[request.key] = done
                outcome = ("posted", None, done.points, account.balance)
                # A new expiry that is past lets expire nothing by itself: it is for the next who comes.
                if not isinstance(request, Reschedule):
                    self._bring_up_to_date(account, at)
        self.answers[request.key] = (request.hash(), outcome)
        return outcome, False

    def ask_many(self, requests: Sequence[Earn]) -> None:
        """A batch: member by member, and by time."""
        first: dict[str, Earn] = {}
        for request in requests:
            first.setdefault(request.key, request)
        for request in sorted(first.values(), key=lambda each: (each.participant, each.currency, each.effective_at)):
            self.ask(request)

    def expire_due(self, at: datetime) -> Swept:
        gone: list[tuple[str, Parts]] = []
        for (participant, _), account in self.accounts.items():
            if any(lot.free and lot.due(at) for lot in account.lots):
                self._settle(account)
                gone.append((participant, self._expire(account, at)))
        return _swept(gone)

    def expire_holds(self, at: datetime) -> Swept:
        freed: list[tuple[str, Parts]] = []
        for (participant, _), account in self.accounts.items():
            parts = self._time_out(account, at)
            if parts:
                freed.append((participant, parts))
                self._settle(account)
                self._expire(account, at)
        return _swept(freed)

    def forfeit_remainder(self, at: datetime) -> Swept:
        gone: list[tuple[str, Parts]] = []
        for (participant, _), account in self.accounts.items():
            self._bring_up_to_date(account, at)
            gone.append((participant, self._forfeit(account)))
        return _swept(gone)

    def stop_expiry(self, at: datetime) -> int:
        self.expire_due(at)
        for account in self.accounts.values():
            self._bring_up_to_date(account, at)
        lots = [lot for account in self.accounts.values() for lot in account.in_turn() if lot.expires_at and not lot.due(at)]
        for lot in lots:
            lot.expires_at = None
        return len(lots)

    def counters(self, participant: str) -> dict[str, int]:
        sums: Counter[str] = Counter()
        for member, counter, _, amount in self._counted:
            if member == participant:
                sums[counter] += amount
        return {counter: amount for counter, amount in sums.items() if amount}

    def _account(self, participant: str, currency: str) -> Account:
        return self.accounts.setdefault((participant, currency), Account(currency))

    def _new_lot(self, account: Account, points: int, earned_at: datetime, expires_at: datetime | None) -> Lot | None:
        if not points:
            return None
        self._lots += 1
        account.lots.append(Lot(points, expires_at, self._lots, earned_at))
        return account.lots[-1]

    # What comes first

    def _bring_up_to_date(self, account: Account, at: datetime) -> None:
        self._time_out(account, at)
        self._settle(account)
        self._expire(account, at)

    def _time_out(self, account: Account, at: datetime) -> Parts:
        freed: Counter[Lot] = Counter()
        for hold in account.holds:
            if hold.state == "open" and hold.expires_at <= at:
                hold.state = "timed_out"
                freed.update(dict(hold.parts))
        for lot, points in freed.items():
            lot.held -= points
        return list(freed.items())

    def _settle(self, account: Account) -> None:
        account.debt -= _take(account.pick(account.debt))

    def _expire(self, account: Account, at: datetime) -> Parts:
        parts = [(lot, lot.free) for lot in account.lots if lot.free and lot.due(at)]
        for lot, points in parts:
            lot.expires.append((at, points))
        self.figures[account.currency]["expired"] += _take(parts)
        return parts

    def _forfeit(self, account: Account) -> Parts:
        parts = [(lot, lot.free) for lot in account.lots if lot.free]
        self.figures[account.currency]["forfeited"] += _take(parts)
        return parts

    # Earning

    def _earn(self, account: Account, request: Earn) -> Outcome:
        before, at = account.last_activity_at, request.effective_at
        if request.activity:
            for lot in account.in_turn():
                if lot.due(at):
                    continue
                if request.renew_lots and (before is None or at >= before):
                    lot.expires_at = request.expires_at
                elif not request.renew_lots and request.clock_stands_within is not None and before and lot.expires_at:
                    gap = at - before
                    if 0 <= gap.total_seconds() <= request.clock_stands_within.total_seconds():
                        lot.expires_at += gap
            account.last_activity_at = max(before, at) if before else at
        self.nudged |= set(request.nudge)
        done = Done(request.kind, account, 0 if request.pending else request.points)
        if request.pending:
            done.waiting = Waiting(request)
            account.waiting.append(done.waiting)
        else:
            self._post(done, request, request.expires_at)
        self.done[request.key] = done
        return ("posted", None, done.points, account.balance)

    def _post(self, done: Done, earn: Earn, expires_at: datetime | None) -> None:
        at = earn.effective_at
        done.lot = self._new_lot(done.account, earn.points, at, expires_at)
        self.figures[done.account.currency]["issued"] += earn.points
        done.qualifying, done.counted_at = dict(earn.qualifying), at
        self._counted += [(earn.participant, counter, at, amount) for counter, amount in earn.qualifying.items()]
        if earn.nudge_on_watch and any(self._reached(earn.participant, watch, at) for watch in earn.watches):
            self.nudged.add(earn.nudge_on_watch)

    def _reached(self, participant: str, watch: Watch, until: datetime) -> bool:
        mine = [each for each in self._counted if each[:2] == (participant, watch.counter)]
        return sum(amount for *_, at, amount in mine if watch.since < at <= until) >= watch.at_least

    # All the rest

    def _do(self, account: Account, request: Request) -> Done:
        figures = self.figures[account.currency]
        match request:
            case Burn(points=points):
                parts = account.pick_exactly(points)
                figures["burned"] += _take(parts)
                return Done("burn", account, points, parts=parts)
            case Forfeit():
                return Done("forfeit", account, sum(points for _, points in self._forfeit(account)))
            case Reschedule():
                for lot in account.in_turn():
                    if not lot.due(request.effective_at):
                        lot.expires_at = request.expires_at
                return Done("reschedule", account, 0)
            case Hold(points=points):
                kept = Kept(points, account.pick_exactly(points), request.expires_at)
                for lot, part in kept.parts:
                    lot.held += part
                account.holds.append(kept)
                return Done("hold", account, points, kept=kept)
            case Capture():
                return self._capture(account, request)
            case Void():
                kept = self._kept(account, request.hold)
                _end(kept, "voided")
                return Done("void", account, kept.points)
            case Confirm():
                waiting = self._waiting(account, request.earn)
                waiting.state = "confirmed"
                waiting.confirmed = Done("confirm", account, waiting.earn.points)
                self._post(waiting.confirmed, waiting.earn, request.expires_at or waiting.earn.expires_at)
                return waiting.confirmed
            case Cancel():
                waiting = self._waiting(account, request.earn)
                waiting.state = "cancelled"
                return Done("cancel", account, waiting.earn.points)
            case Reverse():
                return self._reverse(account, request)
            case Reinstate():
                return self._reinstate(account, request)
            case Adjust(points=points):
                if points > 0:
                    self._new_lot(account, points, request.effective_at, request.expires_at)
                else:
                    _take(account.pick_exactly(-points))
                figures["adjusted"] += points
                return Done("adjustment", account, abs(points))
            case Transfer(points=points):
                parts = account.pick_exactly(points)
                getter = self._account(request.to_participant, request.currency)
                self._bring_up_to_date(getter, request.effective_at)
                _take(parts)
                for lot, part in parts:
                    self._new_lot(getter, part, lot.earned_at, lot.expires_at)
                self._bring_up_to_date(getter, request.effective_at)
                return Done("transfer", account, points)
            case Convert(points=points):
                parts = account.pick_exactly(points)
                received = int(Fraction(request.rate) * points)
                if not received:
                    raise Refusal("converts_to_nothing", points)
                getter = self._account(request.participant, request.to_currency)
                self._bring_up_to_date(getter, request.effective_at)
                _take(parts)
                self._new_lot(getter, received, request.effective_at, request.expires_at)
                figures["converted"] += points
                self.figures[request.to_currency]["converted"] -= received
                self._bring_up_to_date(getter, request.effective_at)
                return Done("convert", account, points)
        raise AssertionError(f"the reference knows no {type(request).__name__}")

    def _mine(self, account: Account, key: str) -> Done | None:
        done = self.done.get(key)
        return done if done is not None and done.account is account else None

    def _kept(self, account: Account, key: str) -> Kept:
        done = self._mine(account, key)
        if done is None or done.kept is None:
            raise Refusal("unknown_hold")
        if done.kept.state != "open":
            raise Refusal(f"hold_{done.kept.state}", done.kept.points)
        return done.kept

    def _capture(self, account: Account, request: Capture) -> Done:
        kept = self._kept(account, request.hold)
        points = kept.points if request.points is None else request.points
        if points > kept.points:
            raise Refusal("exceeds_hold", points)
        _end(kept, "captured")
        parts, left = [], points
        for lot, part in sorted(kept.parts, key=lambda each: _turn(each[0])):
            parts.append((lot, min(left, part)))
            left -= min(left, part)
        self.figures[account.currency]["burned"] += _take(parts)
        return Done("capture", account, points, parts=parts)

    def _waiting(self, account: Account, key: str) -> Waiting:
        done = self._mine(account, key)
        if done is None or done.kind not in {"earn", "bonus"}:
            raise Refusal("unknown_earn")
        if done.waiting is None:
            raise Refusal("not_pending", done.points)
        if done.waiting.state != "open":
            raise Refusal(f"earn_{done.waiting.state}", done.waiting.earn.points)
        return done.waiting

    def _reverse(self, account: Account, request: Reverse) -> Done:
        done = self._mine(account, request.of)
        if done is None:
            raise Refusal("unknown_transaction")
        if done.kind in {"reversal", "clawback"}:
            raise Refusal("reversal_of_reversal", done.points)
        if done.kind not in {"earn", "bonus", "confirm", "burn", "capture"}:
            raise Refusal("not_reversible", done.points)
        if done.waiting is not None:
            if done.waiting.confirmed is None:
                code = "earn_pending" if done.waiting.state == "open" else "earn_cancelled"
                raise Refusal(code, done.waiting.earn.points)
            done = done.waiting.confirmed
        left = done.points - done.reversed
        if (left == 0 and (done.points or done.times)) or (request.points or 0) > left:
            raise Refusal("exceeds_original", request.points or 0)
        points = request.points or left
        kind = (
            self._give_back(account, request, done, points) if done.parts else self._claw_back(account, request, done, points)
        )
        done.reversed += points
        done.times += 1
        for counter, amount in done.qualifying.items():
            share = Fraction(done.reversed, done.points) if done.points else Fraction(1)
            back = int(amount * share + Fraction(1, 2)) - done.uncounted[counter]
            done.uncounted[counter] += back
            assert done.counted_at is not None
            self._counted.append((request.participant, counter, done.counted_at, -back))
        return Done(kind, account, points)

    def _give_back(self, account: Account, request: Reverse, done: Done, points: int) -> str:
        """What remains taken is what a smaller burn would have taken."""
        left, parts = points, []
        for lot, taken in sorted(done.parts, key=lambda each: _turn(each[0]), reverse=True):
            back = min(left, taken)
            left -= back
            parts.append((lot, taken - back))
            lot.remaining += back
            if back and lot.due(request.effective_at) and request.reinstate_until:
                lot.expires_at = request.reinstate_until
        done.parts = parts
        self.figures[account.currency]["burned"] -= points
        return "reversal"

    def _claw_back(self, account: Account, request: Reverse, done: Done, points: int) -> str:
        parts = account.pick(points, lambda lot: lot is done.lot)
        if request.shortfall in {"other_lots", "negative"}:
            own = sum(part for _, part in parts)
            parts += account.pick(points - own, lambda lot: lot is not done.lot)
        missing = points - sum(part for _, part in parts)
        if missing and request.shortfall in {"refuse", "other_lots"}:
            raise Refusal("insufficient_points", points)
        if missing and request.shortfall == "negative":
            if account.debt + missing > -request.lowest_allowed:
                raise Refusal("below_lowest_allowed", points)
            account.debt += missing
        if missing and request.shortfall == "loss":
            self.figures[account.currency]["lost"] += missing
        _take(parts)
        self.figures[account.currency]["clawed_back"] += points
        return "clawback"

    def _reinstate(self, account: Account, request: Reinstate) -> Done:
        assert request.since is not None
        points = 0
        for lot in account.lots:
            meant = sum(part for at, part in lot.expires if request.since <= at <= request.effective_at)
            back = min(meant, sum(part for _, part in lot.expires) - lot.reinstated)
            if back:
                lot.reinstated += back
                lot.remaining += back
                lot.expires_at = request.expires_at
                points += back
        if not points:
            raise Refusal("nothing_to_reinstate")
        self.figures[account.currency]["expired"] -= points
        return Done("reinstate", account, points)


def _end(kept: Kept, state: str) -> None:
    kept.state = state
    for lot, part in kept.parts:
        lot.held -= part


def _swept(gone: Iterable[tuple[str, Parts]]) -> Swept:
    gone = [(participant, parts) for participant, parts in gone if parts]
    points: Any = [part for _, parts in gone for _, part in parts]
    return Swept(lots=len(points), points=sum(points), participants=len({participant for participant, _ in gone}))
