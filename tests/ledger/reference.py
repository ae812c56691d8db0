"""The ledger's rules once more in plain Python, without a database: what the real one is compared with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ledger import Burn, Earn, Forfeit, Reschedule, Swept
from ledger.requests import Request

Outcome = tuple[str, int, int] | str
"""Outcome, points and balance; or the code of an error."""


@dataclass
class Lot:
    remaining: int
    expires_at: datetime | None
    number: int

    def due(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


@dataclass
class Account:
    lots: list[Lot] = field(default_factory=list)
    last_activity_at: datetime | None = None

    @property
    def balance(self) -> int:
        return sum(lot.remaining for lot in self.lots)

    def in_turn(self) -> list[Lot]:
        never = [lot for lot in self.lots if lot.expires_at is None]
        some_day = [lot for lot in self.lots if lot.expires_at is not None]
        return sorted(some_day, key=lambda lot: (lot.expires_at, lot.number)) + sorted(never, key=lambda lot: lot.number)


class ReferenceLedger:
    """One program in one currency."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.answers: dict[str, tuple[bytes, Outcome]] = {}
        self.nudged: set[str] = set()
        self.issued = self.burned = self.expired = self.forfeited = 0
        self._counted: list[tuple[str, str, datetime, int]] = []
        self._lots = 0

    def ask(self, request: Request) -> tuple[Outcome, bool]:
        """The answer, and whether the request had come before."""
        known = self.answers.get(request.key)
        if known is not None:
            same = known[0] == request.hash()
            return (known[1], True) if same else ("idempotency_key_reused", False)
        account = self.accounts.setdefault(request.participant, Account())
        outcome: Outcome
        match request:
            case Earn():
                outcome = self._earn(account, request)
            case Burn():
                outcome = self._burn(account, request)
            case Forfeit():
                self._lapse(account, request.effective_at)
                outcome = ("posted", self._forfeit(account), 0)
            case Reschedule():
                self._lapse(account, request.effective_at)
                for lot in account.lots:
                    lot.expires_at = request.expires_at
                outcome = ("posted", 0, account.balance)
        self.answers[request.key] = (request.hash(), outcome)
        return outcome, False

    def ask_many(self, requests: Sequence[Earn]) -> None:
        """A batch: member by member, and by time."""
        first: dict[str, Earn] = {}
        for request in requests:
            first.setdefault(request.key, request)
        for request in sorted(first.values(), key=lambda each: (each.participant, each.effective_at)):
            self.ask(request)

    def expire_due(self, at: datetime) -> Swept:
        return self._swept(lambda lot: lot.due(at), "expired")

    def forfeit_remainder(self, at: datetime) -> Swept:
        self.expire_due(at)
        return self._swept(lambda lot: True, "forfeited")

    def stop_expiry(self, at: datetime) -> int:
        self.expire_due(at)
        lots = [lot for account in self.accounts.values() for lot in account.lots if lot.expires_at is not None]
        for lot in lots:
            lot.expires_at = None
        return len(lots)

    def _earn(self, account: Account, request: Earn) -> Outcome:
        before, at = account.last_activity_at, request.effective_at
        if request.activity:
            for lot in account.lots:
                if lot.due(at):
                    continue
                if request.renew_lots and (before is None or at >= before):
                    lot.expires_at = request.expires_at
                elif not request.renew_lots and request.clock_stands_within is not None and before and lot.expires_at:
                    gap = at - before
                    if 0 <= gap.total_seconds() <= request.clock_stands_within.total_seconds():
                        lot.expires_at += gap
            account.last_activity_at = max(before, at) if before else at
        if request.points:
            self._lots += 1
            account.lots.append(Lot(request.points, request.expires_at, self._lots))
            self.issued += request.points
        self._counted += [(request.participant, counter, at, amount) for counter, amount in request.qualifying.items()]
        self.nudged |= set(request.nudge)
        for watch in request.watches:
            reached = sum(
                amount
                for member, counter, when, amount in self._counted
                if member == request.participant and counter == watch.counter and watch.since < when <= at
            )
            if request.nudge_on_watch and reached >= watch.at_least:
                self.nudged.add(request.nudge_on_watch)
        return ("posted", request.points, account.balance)

    def _burn(self, account: Account, request: Burn) -> Outcome:
        self._lapse(account, request.effective_at)
        if account.balance < request.points:
            return ("refused", request.points, account.balance)
        wanted = request.points
        for lot in account.in_turn():
            taken = min(wanted, lot.remaining)
            lot.remaining -= taken
            wanted -= taken
        account.lots = [lot for lot in account.lots if lot.remaining]
        self.burned += request.points
        return ("posted", request.points, account.balance)

    def _lapse(self, account: Account, at: datetime) -> None:
        self.expired += sum(lot.remaining for lot in account.lots if lot.due(at))
        account.lots = [lot for lot in account.lots if not lot.due(at)]

    def _forfeit(self, account: Account) -> int:
        points = account.balance
        self.forfeited += points
        account.lots = []
        return points

    def _swept(self, goes: Callable[[Lot], bool], figure: str) -> Swept:
        lots = points = participants = 0
        for account in self.accounts.values():
            gone = [lot for lot in account.lots if goes(lot)]
            account.lots = [lot for lot in account.lots if not goes(lot)]
            lots, points, participants = (
                lots + len(gone),
                points + sum(lot.remaining for lot in gone),
                participants + bool(gone),
            )
        setattr(self, figure, getattr(self, figure) + points)
        return Swept(lots=lots, points=points, participants=participants)
