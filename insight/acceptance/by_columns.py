"""The columnar simulation: it plays all members at once, with exactly the result of `insight/acceptance/member_by_member.py`.

A member's tier depends on the qualifications that their sums meet. Between two events with the same met qualifications, and
before the tier ends, no review changes anything. So sums are taken over whole columns, and only the few events that change the
met qualifications are walked through: the first one of every member, then the second, and so on. Points follow from the tiers,
expiries from the gaps between activities, redemptions from the points issued.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt
import polars as pl

from domain.definition.document import Definition
from domain.definition.expiry_kinds import expiry_rule
from domain.definition.values import Condition
from insight.acceptance.column_plan import (
    NEVER,
    Bools,
    Ints,
    NotVectorizable,
    Plan,
    Rule,
    instant,
    microseconds,
    plan,
    ratio_of,
)
from insight.acceptance.event_log import ATTRIBUTE, EventLog
from insight.acceptance.member_by_member import cheapest_by_rank
from insight.acceptance.outcome import Months, Outcome

ROWS_AT_ONCE = 400_000
"""Rows of one part: their columns fit into the processor's caches, and a log of any size into memory."""
_DAY = 86_400_000_000
_SHORTEST_MONTH = 28 * _DAY
Tiers = npt.NDArray[np.int8]


def play(definition: Definition, log: EventLog, *, rows_at_once: int = ROWS_AT_ONCE) -> Outcome:
    """Play every member. Raises NotVectorizable if the definition, or the log, cannot be played by columns."""
    at = log.frame["at"]
    start, end = at.min(), at.max()
    assert isinstance(start, datetime)
    assert isinstance(end, datetime)
    made = plan(definition, start, end)
    months = Months.between(start, end, definition.zone)
    firsts = _firsts(log.frame["customer"])
    book = _Book(made, months, microseconds(end), len(firsts))
    limits = np.append(firsts, log.frame.height)
    member = 0
    while member < len(firsts):
        until = max(int(np.searchsorted(limits, limits[member] + rows_at_once, side="right")) - 1, member + 1)
        rows = log.frame.slice(int(limits[member]), int(limits[until] - limits[member]))
        _Part(book, rows, limits[member : until + 1] - limits[member], member).play()
        member = until
    return book.outcome(log.frame["customer"].gather(firsts).cast(pl.String).to_list(), start, end)


def _firsts(customers: pl.Series) -> Ints:
    """Return the row of each member's first event."""
    changed = (customers != customers.shift(1)).fill_null(True)
    return changed.arg_true().to_numpy().astype(np.int64)


class _Book:
    """The sums over all parts of the log."""

    def __init__(self, made: Plan, months: Months, end: int, members: int) -> None:
        self.plan = made
        self.months = months
        self.begins = np.array([microseconds(each) for each in months.begins], dtype=np.int64)
        self.end = end
        self.tiers = np.zeros(members, dtype=np.int8)
        self.issued, self.burned, self.expired = (np.zeros(members, dtype=np.int64) for _ in range(3))
        count = len(months)
        self.transactions, self.money, self.issued_in, self.burned_in, self.expired_in = (
            np.zeros(count, dtype=np.int64) for _ in range(5)
        )
        self.moves = np.zeros((count, len(made.definition.tiers)), dtype=np.int64)

    def month(self, at: Ints) -> Ints:
        return np.searchsorted(self.begins, at, side="right") - 1

    def add(self, column: Ints, month: Ints, values: Ints | None = None) -> None:
        """Add to a column of months (without `values`: 1 for each row). Raises NotVectorizable if a sum might not be exact."""
        if values is None:
            column += np.bincount(month, minlength=len(column))
            return
        if len(values) and int(values.max()) * len(values) >= 2**53:
            raise NotVectorizable("sums are larger than what columns hold")
        column += np.bincount(month, weights=values, minlength=len(column)).astype(np.int64)

    def outcome(self, customers: list[str], start: datetime, end: datetime) -> Outcome:
        return Outcome(
            customers=customers,
            tiers=self.tiers.tolist(),
            issued=self.issued.tolist(),
            burned=self.burned.tolist(),
            expired=self.expired.tolist(),
            months=self.months,
            transactions=self.transactions.tolist(),
            money=self.money.tolist(),
            issued_in=self.issued_in.tolist(),
            burned_in=self.burned_in.tolist(),
            expired_in=self.expired_in.tolist(),
            tiers_at_end=np.cumsum(self.moves, axis=0).tolist(),
            start=start,
            end=end,
        )


@dataclass
class _Changes:
    """Changes of tier: the first row, the step in rank, and whether the event of that row was still rated in the old tier."""

    rows: list[Ints]
    steps: list[Ints]
    by_event: list[Bools]


class _Part:
    """Some whole members of the log; `limits` has each member's first row, and the row after the last."""

    def __init__(self, book: _Book, rows: pl.DataFrame, limits: Ints, first_member: int) -> None:
        self.book, self.plan, self.rows, self.limits = book, book.plan, rows, limits
        self.starts, self.height, self.members = limits[:-1], rows.height, len(limits) - 1
        self.slice = slice(first_member, first_member + self.members)
        self.at = rows["at"].dt.epoch("us").to_numpy()
        self.money = rows["money"].to_numpy()
        self.month = book.month(self.at)
        self.window = (np.searchsorted(self.plan.bounds, self.at, side="right") - 1).astype(np.int64)
        self.is_first = np.zeros(self.height, dtype=np.bool_)
        self.is_first[self.starts] = True
        self._events: dict[str, Bools] = {}

    def play(self) -> None:
        takes = [self._takes(rule) for rule in self.plan.rules]
        adds, counted = self._adds(takes)
        taken = counted
        for each in takes:
            taken = taken | each
        begins_window = self.is_first.copy()
        begins_window[1:] |= self.window[1:] != self.window[:-1]
        sums = {
            name: _sums(column, self.starts if name in self.plan.forever else np.flatnonzero(begins_window))
            for name, column in adds.items()
        }
        after, before = self._tiers(sums, taken)
        points = self._points(takes, before)
        self._pay_milestones(points, sums, begins_window)
        points[self.starts] += self.plan.joining_points
        self._settle(points, after, taken)

    def _of_type(self, event: str) -> Bools:
        found = self._events.get(event)
        if found is None:
            found = self._events[event] = (self.rows["event"] == event).to_numpy()
        return found

    def _takes(self, each: Rule) -> Bools:
        rule = each.rule
        takes = self._of_type(rule.event)
        if each.minimum:
            takes = takes & (self.money >= each.minimum)
        if each.begins is not None:
            takes = takes & (self.at >= each.begins)
        if each.ends is not None:
            takes = takes & (self.at < each.ends)
        return self._hold(rule.when, takes)

    def _hold(self, conditions: tuple[Condition, ...], where: Bools) -> Bools:
        for condition in conditions:
            column = f"{ATTRIBUTE}{condition.attribute}"
            if column in self.rows.columns:
                where = where & _holds(condition, self.rows[column])
            elif condition.is_not is None or condition.is_ is not None or condition.one_of:
                where = np.zeros_like(where)
        return where

    def _adds(self, takes: list[Bools]) -> tuple[dict[str, Ints], Bools]:
        """Return each event's addition to each counter that a tier or milestone uses; and the events that a counter counts."""
        # A counter with events of its own takes those; one without takes the events of the rules that count. Counters that no
        # tier or milestone uses matter only for the second result: whether an event is taken at all.
        plan = self.plan
        none: Bools = np.zeros(self.height, dtype=np.bool_)
        counting = none
        for each, where in zip(plan.rules, takes, strict=True):
            if each.rule.counts:
                counting = counting | where
        adds: dict[str, Ints] = {}
        added = none
        wanted = {counter.id for counter in plan.counters}
        for counter in plan.definition.counters:
            where = none
            for event in counter.events:
                where = where | self._of_type(event)
            where = self._hold(counter.when, where if counter.events else counting)
            if counter.id not in wanted and (not counter.events or counter.counts == "points"):
                continue  # a rule takes every event that it counts
            match counter.counts:
                case "amount":
                    column = np.where(where, self.money, 0)
                case "events":
                    column = where.astype(np.int64)
                case "attribute":
                    column = np.where(where, self._attribute(counter.attribute or "", where), 0)
                case "points":
                    column = np.where(where, self._counted_points(takes), 0)
                case _:
                    assert_never(counter.counts)
            if counter.events:
                added = added | (column > 0)
            if counter.id in wanted:
                adds[counter.id] = column
        return adds, added

    def _attribute(self, name: str, where: Bools, *, needed: bool = False) -> Ints:
        """Return an attribute of whole numbers, 0 if missing.

        Raises NotVectorizable for others: the simulation by member names the event.
        """
        column = f"{ATTRIBUTE}{name}"
        if column not in self.rows.columns:
            if needed and where.any():
                raise NotVectorizable("an attribute is missing")
            return np.zeros(self.height, dtype=np.int64)
        values = self.rows[column]
        if not values.dtype.is_integer():
            raise NotVectorizable("an attribute is not of whole numbers")
        if needed and (values.is_null().to_numpy() & where).any():
            raise NotVectorizable("an attribute is missing")
        found: Ints = values.fill_null(0).cast(pl.Int64).to_numpy()
        if (found < 0).any():
            raise NotVectorizable("an attribute is below 0")
        return found

    def _counted_points(self, takes: list[Bools]) -> Ints:
        """Return the points of the rules that count; the plan ensures that they are the same in every tier."""
        tiers = np.zeros(self.height, dtype=np.int8)
        total = np.zeros(self.height, dtype=np.int64)
        for each, where in zip(self.plan.rules, takes, strict=True):
            if each.rule.counts:
                total += np.where(where, self._base(each, where, tiers), 0)
        return total

    def _base(self, each: Rule, where: Bools, tiers: Tiers) -> Ints | int:
        if each.rule.points is not None:
            return each.rule.points
        assert each.rate is not None
        amounts = self.money if each.rule.per == "amount" else self._attribute(each.rule.per, where, needed=True)
        return each.rate.of(amounts, tiers)

    def _points(self, takes: list[Bools], tiers: Tiers) -> Ints:
        total = np.zeros(self.height, dtype=np.int64)
        for each, where in zip(self.plan.rules, takes, strict=True):
            points: Any = self._base(each, where, tiers)
            if each.bonus is not None:
                whole = np.full(self.height, points, dtype=np.int64) if isinstance(points, int) else points
                points = whole + each.bonus.of(whole, tiers)
            total += np.where(where, points, 0)
        return total

    def _pay_milestones(self, points: Ints, sums: dict[str, Ints], begins_window: Bools) -> None:
        """Add each milestone's points to the event that reaches it, once in each window."""
        for milestone, needed in self.plan.milestones:
            reached = sums[milestone.counter] >= needed
            begins = self.is_first if milestone.counter in self.plan.forever else begins_window
            anew = reached.copy()
            anew[1:] &= ~(reached[:-1] & ~begins[1:])
            points[anew] += milestone.points

    def _tiers(self, sums: dict[str, Ints], taken: Bools) -> tuple[Tiers, Tiers]:
        """Return each row's tier after its event, and the tier in which the event is rated."""
        # Only the events at which the met qualifications differ from those of the member's event before, or the window does,
        # are walked through. The changes found are summed up along the rows, which gives the tier of every row.
        book = self.book
        book.moves[:, 0] += np.bincount(self.month[self.starts], minlength=len(book.months))
        met = self._met(sums)
        after = np.zeros(self.height, dtype=np.int8)
        if met is None or not met.any():
            return after, after
        rows = np.flatnonzero(taken)
        of_member = np.repeat(np.arange(self.members), np.diff(self.limits))
        ever = np.zeros(self.members, dtype=np.bool_)
        ever[of_member[met != 0]] = True
        rows = rows[ever[of_member[rows]]]
        looks = np.ones(len(rows), dtype=np.bool_)
        looks[1:] = (
            (of_member[rows[1:]] != of_member[rows[:-1]])
            | (self.window[rows[1:]] != self.window[rows[:-1]])
            | (met[rows[1:]] != met[rows[:-1]])
        )
        changes = self._walk(rows[looks], of_member, met)
        if not changes.rows:
            return after, after
        where, steps, by_event = np.concatenate(changes.rows), np.concatenate(changes.steps), np.concatenate(changes.by_event)
        moved = np.zeros(self.height + 1, dtype=np.int64)
        np.add.at(moved, where, steps)
        moved[self.starts[1:]] -= self.book.tiers[self.slice][:-1]
        after = np.cumsum(moved[:-1]).astype(np.int8)
        before = after.copy()
        before[where[by_event]] -= steps[by_event].astype(np.int8)
        return after, before

    def _met(self, sums: dict[str, Ints]) -> Ints | None:
        """Return the qualifications met after each event: a bit for each tier's reach, and above these one for its keep."""
        tiers = self.plan.definition.tiers
        bits: Ints | None = None
        for rank, tier in enumerate(tiers):
            for place, qualification in ((rank, tier.reach), (rank + len(tiers), tier.keep)):
                met = self.plan.met(qualification, sums)
                if met is not None:
                    shifted = met.astype(np.int64) << place
                    bits = shifted if bits is None else bits | shifted
        return bits

    def _walk(self, looks: Ints, of_member: npt.NDArray[Any], met: Ints) -> _Changes:
        """Walk through the reviews of all members in parallel: those at events (`looks`) and those at ends of validity."""
        # In each round every active member takes their next review: the end of the tier if it is not later than the next event
        # (`timed`), else that event. `now` and `earlier` are the qualifications met in the current window and the one before; a
        # timed review in a new window meets none yet. A member drops out after the last event and the last end in the log.
        plan, book = self.plan, self.book
        found = _Changes([], [], [])
        members, firsts, counts = np.unique(of_member[looks], return_index=True, return_counts=True)
        place, stop = firsts.astype(np.int64), (firsts + counts).astype(np.int64)
        rank = np.zeros(len(members), dtype=np.int64)
        until = np.full(len(members), NEVER, dtype=np.int64)
        window = np.full(len(members), -9, dtype=np.int64)
        now, earlier = (np.zeros(len(members), dtype=np.int64) for _ in range(2))
        active = np.arange(len(members))
        while True:
            upcoming = np.full(len(active), NEVER, dtype=np.int64)
            has = place[active] < stop[active]
            upcoming[has] = self.at[looks[place[active[has]]]]
            ends = until[active]
            goes_on = has | (ends <= book.end)
            active, upcoming, ends = active[goes_on], upcoming[goes_on], ends[goes_on]
            if not len(active):
                break
            timed = ends <= upcoming
            at = np.where(timed, ends, upcoming)
            row = np.where(timed, -1, looks[np.minimum(place[active], len(looks) - 1)])
            current = np.searchsorted(plan.bounds, at, side="right") - 1
            same, follows = current == window[active], current == window[active] + 1
            before = np.where(same, earlier[active], np.where(follows, now[active], 0))
            here = np.where(timed, np.where(same, now[active], 0), met[row])
            window[active], now[active], earlier[active] = current, here, before
            old = rank[active]
            rank[active], until[active] = self._review(old, ends, at, current, here, before)
            place[active] += ~timed
            changed = rank[active] != old
            if changed.any():
                self._note(found, members[active[changed]], old[changed], rank[active[changed]], at[changed], row[changed])
        book.tiers[self.slice][members] = rank
        return found

    def _note(self, found: _Changes, members: Ints, old: Ints, new: Ints, at: Ints, row: Ints) -> None:
        month = self.book.month(at)
        np.add.at(self.book.moves, (month, old), -1)
        np.add.at(self.book.moves, (month, new), 1)
        by_event = row >= 0
        rows = np.where(by_event, row, self._first_row(members, at))
        found.rows.append(rows)
        found.steps.append(new - old)
        found.by_event.append(by_event)

    def _first_row(self, members: Ints, at: Ints) -> Ints:
        """Return each member's first row at or after an instant (by bisection), else the row after their last one."""
        low, high = self.limits[members].copy(), self.limits[members + 1].copy()
        while (low < high).any():
            middle = (low + high) // 2
            earlier = (self.at[np.minimum(middle, self.height - 1)] < at) & (low < high)
            low = np.where(earlier, middle + 1, low)
            high = np.where(earlier | (low >= high), high, middle)
        return low

    def _review(self, rank: Ints, until: Ints, at: Ints, window: Ints, now: Ints, earlier: Ints) -> tuple[Ints, Ints]:
        """Return the tier from now on and its end, as `domain.members.tiers.review` would for each member."""
        # `up`: the best tier reached is above the present one. `kept`: the end of the present tier as its reach or keep extends
        # it, by this window or, if that end is still to come, by the one before. `down`: the tier has ended and is not kept;
        # the member then falls one tier, or to the best tier earned. A new tier gets the end of the window that earned it.
        plan = self.plan
        count = len(plan.definition.tiers)
        last = np.maximum(window - 1, 0)
        reached: list[Bools] = []
        best = np.zeros_like(rank)
        for tier in range(1, count):
            met = _bit(now, tier)
            if plan.earlier and plan.follows_windows[tier]:
                met = met | (_bit(earlier, tier) & (plan.ends[tier, last] > at))
            reached.append(met)
            best = np.where(met, tier, best)
        up = best > rank
        kept_now = _bit(now, rank) | _bit(now, rank + count)
        kept = np.where(kept_now, plan.ends[rank, window], until)
        if plan.earlier:
            ends = plan.ends[rank, last]
            kept_earlier = (_bit(earlier, rank) | _bit(earlier, rank + count)) & (ends > at)
            kept = np.where(kept_earlier, np.maximum(kept, ends), kept)
        kept = np.maximum(kept, until)
        down = ~up & (until <= at) & (kept <= until)
        lower = rank - 1
        if plan.definition.downgrade.to == "earned":
            lower = np.zeros_like(rank)
            for tier, met in enumerate(reached, 1):
                lower = np.where(met & (tier < rank), tier, lower)
        target = np.where(up, best, np.where(down, lower, rank))
        ends = plan.ends_unearned[target, window]
        if plan.earlier:
            other = plan.ends[target, last]
            ends = np.where(_bit(earlier, target) & (other > at), other, ends)
        ends = np.where(_bit(now, target), plan.ends[target, window], ends)
        stays = np.where(until == NEVER, NEVER, kept)
        return target, np.where(up | down, ends, stays)

    def _settle(self, points: Ints, tiers: Tiers, taken: Bools) -> None:
        """Compute expiries and redemptions, and add all sums to the book."""
        book = self.book
        issued = _sums(points, self.starts)
        expiry_row, expiry_month, tail_month = self._expires(taken)
        burned = self._redeem(issued, tiers, expiry_row)
        lasts = self.limits[1:] - 1
        redeemed = _sums(burned, self.starts)
        expired = np.zeros(self.members, dtype=np.int64)
        if len(expiry_row):
            # By then all points are gone that were issued and not redeemed; earlier expiries are among them.
            of_member = np.searchsorted(self.limits, expiry_row, side="right") - 1
            gone_by_then = issued[expiry_row - 1] - redeemed[expiry_row - 1]
            gone = gone_by_then.copy()
            again = np.flatnonzero(of_member[1:] == of_member[:-1]) + 1
            gone[again] -= gone_by_then[again - 1]
            book.add(book.expired_in, expiry_month, gone)
            np.add.at(expired, of_member, gone)
        tails = tail_month >= 0
        rest = np.where(tails, issued[lasts] - redeemed[lasts] - expired, 0)
        book.add(book.expired_in, tail_month[tails], rest[tails])
        book.issued[self.slice], book.burned[self.slice] = issued[lasts], redeemed[lasts]
        book.expired[self.slice] = expired + rest
        book.add(book.issued_in, self.month, points)
        book.add(book.burned_in, self.month, burned)
        book.add(book.money, self.month, self.money)
        book.add(book.transactions, self.month)

    def _expires(self, taken: Bools) -> tuple[Ints, Ints, Ints]:
        """Return the rows before which all points of a member expire, their months, and each member's month after the last row.

        The third is the month of an expiry after the member's last event, or -1.
        """
        # Gaps shorter than the shortest possible period are left out first: only the others need the calendar.
        tail_month = np.full(self.members, -1, dtype=np.int64)
        expiry = self.plan.definition.expiry
        none = np.zeros(0, dtype=np.int64)
        if not expiry_rule(expiry).expires or expiry.after is None:
            return none, none, tail_month
        active = np.flatnonzero(taken | self.is_first)
        following = np.full(len(active), self.book.end, dtype=np.int64)
        goes_on = ~self.is_first[active[1:]]
        following[:-1][goes_on] = self.at[active[1:][goes_on]]
        shortest = expiry.after.months * _SHORTEST_MONTH + expiry.after.rest // timedelta(microseconds=1) - _DAY
        long = np.flatnonzero(following - self.at[active] >= shortest)
        zone, after = self.plan.definition.zone, expiry.after
        ends = np.array([microseconds(after.after(instant(at), zone)) for at in self.at[active[long]]], dtype=np.int64)
        expires = ends <= following[long]
        rows, ends = active[long][expires], ends[expires]
        of_member = np.searchsorted(self.limits, rows, side="right") - 1
        expiry_row = self._first_row(of_member, ends)
        month = self.book.month(ends)
        tail = expiry_row == self.limits[of_member + 1]
        tail_month[of_member[tail]] = month[tail]
        return expiry_row[~tail], month[~tail], tail_month

    def _redeem(self, issued: Ints, tiers: Tiers, expiry_row: Ints) -> Ints:
        """Return the points that each event's member redeems after it."""
        # With one price for all tiers, a member without an expiry is computed by columns. All others are walked through event
        # by event, in parallel, sorted by their number of events so that each step takes the first `many` of them.
        definition = self.plan.definition
        prices = cheapest_by_rank(definition)
        burned = np.zeros(self.height, dtype=np.int64)
        if all(price is None for price in prices):
            return burned
        share_of = ratio_of([definition.prototype.burn_share], 1, "down")
        share = share_of.of(issued, tiers)
        counts = np.diff(self.limits)
        if len(set(prices)) == 1 and prices[0] is not None:
            # Without an expiry the balance always suffices, so the whole share is redeemed, as far as it makes whole rewards.
            spent = share // prices[0] * prices[0]
            burned[:] = spent
            burned[1:] -= np.where(self.is_first[1:], 0, spent[:-1])
            members = np.unique(np.searchsorted(self.limits, expiry_row, side="right") - 1)
        else:
            members = np.arange(self.members)
        expires = np.zeros(self.height, dtype=np.bool_)
        expires[expiry_row] = True
        price = np.array([NEVER if each is None else each for each in prices], dtype=np.int64)
        members = members[np.argsort(-counts[members], kind="stable")]
        redeemed, gone = (np.zeros(len(members), dtype=np.int64) for _ in range(2))
        for step in range(int(counts[members[0]]) if len(members) else 0):
            many = int(np.searchsorted(-counts[members], -step, side="left"))
            rows = self.starts[members[:many]] + step
            if step:
                gone[:many] = np.where(expires[rows], issued[rows - 1] - redeemed[:many], gone[:many])
            possible = np.minimum(share[rows], issued[rows] - gone[:many]) - redeemed[:many]
            each = price[tiers[rows]]
            burned[rows] = possible // each * each
            redeemed[:many] += burned[rows]
        return burned


def _sums(column: Ints, starts: Ints) -> Ints:
    """Return running sums that begin anew at each of these rows, the first of which is row 0."""
    running = np.cumsum(column)
    before = running[starts] - column[starts]
    return running - np.repeat(before, np.diff(np.append(starts, len(column))))


def _bit(bits: Ints, place: int | Ints) -> Bools:
    return ((bits >> place) & 1).astype(np.bool_)


def _holds(condition: Condition, values: pl.Series) -> Bools:
    """Return where a condition holds, as `domain.definition.conditions` defines it.

    A missing value fails every condition, except one that only says `is_not`. Raises NotVectorizable if a bound is compared
    with values that are not whole numbers.
    """
    held = np.ones(len(values), dtype=np.bool_)
    missing = values.is_null().to_numpy()
    if condition.is_ is not None:
        held &= _same(values, condition.is_)
    if condition.is_not is not None:
        held &= ~_same(values, condition.is_not)
    if condition.one_of:
        among = np.zeros(len(values), dtype=np.bool_)
        for word in condition.one_of:
            among |= _same(values, word)
        held &= among
    bounds = (condition.at_least, condition.at_most, condition.above, condition.below)
    if any(bound is not None for bound in bounds):
        if not values.dtype.is_integer():
            raise NotVectorizable("a condition compares what is not a whole number")
        numbers = values.fill_null(0).cast(pl.Int64).to_numpy()
        at_least, at_most, above, below = bounds
        if at_least is not None:
            held &= numbers >= math.ceil(at_least)
        if at_most is not None:
            held &= numbers <= math.floor(at_most)
        if above is not None:
            held &= numbers > math.floor(above)
        if below is not None:
            held &= numbers < math.ceil(below)
        held &= ~missing
        return held
    alone = condition.is_not is not None and condition.is_ is None and not condition.one_of
    found: Bools = held | missing if alone else held & ~missing
    return found


def _same(values: pl.Series, word: str | bool) -> Bools:
    if values.dtype != (pl.Boolean if isinstance(word, bool) else pl.String):
        return np.zeros(len(values), dtype=np.bool_)
    found: Bools = (values == word).fill_null(False).to_numpy()
    return found
