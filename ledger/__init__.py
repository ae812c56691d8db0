"""The points ledger on PostgreSQL; the only code that moves currency."""

from ledger.check import CheckReport, Drift
from ledger.errors import KeyConflict, LedgerFault
from ledger.ledger import Ledger
from ledger.read import Balance, LotView, Totals, WindowFigures
from ledger.requests import MAX_POINTS, Answer, Burn, Earn, Forfeit, Reschedule, Swept

__all__ = [
    "MAX_POINTS",
    "Answer",
    "Balance",
    "Burn",
    "CheckReport",
    "Drift",
    "Earn",
    "Forfeit",
    "KeyConflict",
    "Ledger",
    "LedgerFault",
    "LotView",
    "Reschedule",
    "Swept",
    "Totals",
    "WindowFigures",
]
