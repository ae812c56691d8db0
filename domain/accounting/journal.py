"""The journal: the accounts that a program's books move, and entries of double-entry lines that balance.

Each entry is the change of a figure that is kept in total since the program began. A negative change swaps the sides, so that
every line is positive.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import model_validator

from domain.model import Value

AccountCode = Literal[
    "revenue_from_sales",
    "deferred_revenue",
    "revenue_from_points",
    "revenue_from_breakage",
    "cost_of_rewards",
    "redemption_payable",
    "cost_of_points_given",
    "provision_for_points_given",
]


class Account(Value):
    """An account of the journal: its name, its kind, and its description."""

    code: AccountCode
    name: str
    kind: Literal["income", "liability", "expense"]
    description: str


ACCOUNTS: tuple[Account, ...] = (
    Account(
        code="revenue_from_sales",
        name="Revenue from sales",
        kind="income",
        description="What the shop booked for its sales; the part of it that belongs to points is taken out here.",
    ),
    Account(
        code="deferred_revenue",
        name="Deferred revenue",
        kind="liability",
        description="The part of the prices that belongs to points which members may still redeem (a contract liability).",
    ),
    Account(
        code="revenue_from_points",
        name="Revenue from points redeemed",
        kind="income",
        description="What was deferred for points that are redeemed, each at its share of all points that were sold.",
    ),
    Account(
        code="revenue_from_breakage",
        name="Revenue from breakage",
        kind="income",
        description="What was deferred for points that are never redeemed, earned in proportion as the others are.",
    ),
    Account(
        code="cost_of_rewards",
        name="Cost of rewards",
        kind="expense",
        description="What the redeemed points cost: points redeemed x cost per point.",
    ),
    Account(
        code="redemption_payable",
        name="Redemption payable",
        kind="liability",
        description="What is owed to who hands the rewards out; it is paid, and cleared, outside of these books.",
    ),
    Account(
        code="cost_of_points_given",
        name="Cost of points given",
        kind="expense",
        description="What points given without a sale (a bonus, a correction) are expected to cost, as far as not yet spent.",
    ),
    Account(
        code="provision_for_points_given",
        name="Provision for points given",
        kind="liability",
        description="Points given without a sale that are outstanding x expected redemption rate x cost per point.",
    ),
)
NAMES: Mapping[AccountCode, str] = {account.code: account.name for account in ACCOUNTS}


class Line(Value):
    """One side of an entry, in units of money: either a debit or a credit, positive."""

    account: AccountCode
    debit: Decimal = Decimal(0)
    credit: Decimal = Decimal(0)

    @model_validator(mode="after")
    def _on_one_side(self) -> Self:
        if min(self.debit, self.credit) != 0 or max(self.debit, self.credit) <= 0:
            raise ValueError(f"{self.account}: a line is a debit or a credit, and above nothing")
        return self


class Entry(Value):
    """An entry: its text, and its lines, whose debits equal their credits."""

    text: str
    lines: tuple[Line, ...]

    @model_validator(mode="after")
    def _balances(self) -> Self:
        if sum(line.debit for line in self.lines) != sum(line.credit for line in self.lines):
            raise ValueError(f"{self.text}: the debits are not the credits")
        return self


def entry(text: str, debit: AccountCode, credit: AccountCode, amount: Decimal) -> tuple[Entry, ...]:
    """An entry of this amount (units of money), with its sides swapped if negative; no entry for zero."""
    if not amount:
        return ()
    if amount < 0:
        debit, credit, amount = credit, debit, -amount
    return (Entry(text=text, lines=(Line(account=debit, debit=amount), Line(account=credit, credit=amount))),)


def balances(entries: Iterable[Entry]) -> dict[AccountCode, Decimal]:
    """The balance of each account that the entries move: debits positive, credits negative."""
    found: dict[AccountCode, Decimal] = {}
    for each in entries:
        for line in each.lines:
            found[line.account] = found.get(line.account, Decimal(0)) + line.debit - line.credit
    return found


COLUMNS = ("period", "status", "currency", "entry", "text", "account", "account_name", "debit", "credit", "money")


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """The lines of a journal as CSV (RFC 4180) with a header; amounts in units of money, a dot before the decimals."""
    shown = io.StringIO()
    writer = csv.DictWriter(shown, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return shown.getvalue()
