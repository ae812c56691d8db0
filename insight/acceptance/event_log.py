"""A log of events in columns for the prototype: sorted by customer and instant, money in its smallest unit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

import polars as pl

from domain.acceptance.prototype import LogReading
from domain.definition.document import Definition
from domain.money import smallest_units

AT = pl.Datetime("us", "UTC")
ATTRIBUTE = "attributes."
"""The prefix of the columns of attributes."""


class UnusableLog(ValueError):
    """The log cannot be simulated; `problem` is the reason, `remedy` the way out."""

    def __init__(self, problem: str, remedy: str = "Correct the log.") -> None:
        super().__init__(f"{problem}; {remedy[0].lower()}{remedy[1:]}")
        self.problem = problem
        self.remedy = remedy


class Purchase(NamedTuple):
    """One row of a transaction log: customer, instant (aware), and amount in units of the program's money."""

    customer: str
    at: datetime
    amount: Decimal


@dataclass(frozen=True)
class EventLog:
    """`frame` has the columns customer, at, money (smallest units), event, and one `attributes.…` for each attribute.

    An attribute's column has texts, truth values, whole numbers or decimals; a missing value is null.
    """

    frame: pl.DataFrame
    name: str
    digest: str
    reading: LogReading | None = None

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes that events may have."""
        return tuple(name.removeprefix(ATTRIBUTE) for name in self.frame.columns if name.startswith(ATTRIBUTE))


def default_event(definition: Definition) -> str:
    """Return the type of an event whose row has none: the one of the definition's first rule with a rate, else first rule."""
    return next((rule.event for rule in definition.earning if rule.rate is not None), definition.earning[0].event)


def in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Sort by customer and instant; events of one instant stay in the order of the log."""
    return frame.sort("customer", "at", maintain_order=True)


def of_purchases(definition: Definition, purchases: Iterable[Purchase], name: str) -> EventLog:
    """Make a log of purchases, given in any order.

    Raises UnusableLog for an empty log, an instant without a zone, or an amount that is negative or finer than a smallest unit.
    """
    customers: list[str] = []
    instants: list[datetime] = []
    money: list[int] = []
    for purchase in purchases:
        if purchase.at.tzinfo is None:
            raise UnusableLog(
                f"the purchase of {purchase.customer} at {purchase.at} has no time zone", "Give an aware instant."
            )
        customers.append(purchase.customer)
        instants.append(purchase.at)
        money.append(_money(definition, purchase))
    if not customers:
        raise UnusableLog("the log holds no purchases", "Name a log that has some.")
    columns = {
        "customer": pl.Series(customers, dtype=pl.String),
        "at": pl.Series(instants, dtype=AT),
        "money": pl.Series(money, dtype=pl.Int64),
    }
    frame = in_order(pl.DataFrame(columns).with_columns(pl.lit(default_event(definition)).alias("event")))
    rows = frame.select("customer", "at", "money").rows()
    digest = sha256("\n".join(f"{customer},{at.isoformat()},{units}" for customer, at, units in rows).encode()).hexdigest()
    return EventLog(frame, name, digest)


def _money(definition: Definition, purchase: Purchase) -> int:
    try:
        units = smallest_units(definition.money, purchase.amount)
    except ValueError as error:
        raise _unratable(definition, purchase, str(error)) from error
    if units < 0:
        raise _unratable(definition, purchase, "the amount is negative")
    return units


def _unratable(definition: Definition, purchase: Purchase, reason: str) -> UnusableLog:
    return UnusableLog(
        f"the purchase of {purchase.customer} at {purchase.at} cannot be rated ({purchase.amount} {definition.money}): {reason}"
    )
