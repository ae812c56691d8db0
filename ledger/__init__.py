"""The points ledger on PostgreSQL; the only code that moves currency."""

from ledger.check import CheckReport, Drift
from ledger.errors import KeyConflict, LedgerFault, Stale
from ledger.figures import WindowFigures
from ledger.journal import Recorded
from ledger.ledger import Ledger
from ledger.read import Balance, LotView, Totals
from ledger.requests import MAX_POINTS, Burn, CapUsage, Earn, Forfeit, PostingResult, Reschedule, Swept
from ledger.requests_corrections import Adjust, Cancel, Confirm, Reinstate, Reverse
from ledger.requests_exchanges import Convert, Transfer
from ledger.requests_holds import Capture, Hold, Void
from ledger.seal import Head, Misfit, Sealed, VerifyReport
from ledger.statement import Statement, StatementEntry, StatementHold, StatementLot

__all__ = [
    "MAX_POINTS",
    "Adjust",
    "Balance",
    "Burn",
    "Cancel",
    "CapUsage",
    "Capture",
    "CheckReport",
    "Confirm",
    "Convert",
    "Drift",
    "Earn",
    "Forfeit",
    "Head",
    "Hold",
    "KeyConflict",
    "Ledger",
    "LedgerFault",
    "LotView",
    "Misfit",
    "PostingResult",
    "Recorded",
    "Reinstate",
    "Reschedule",
    "Reverse",
    "Sealed",
    "Stale",
    "Statement",
    "StatementEntry",
    "StatementHold",
    "StatementLot",
    "Swept",
    "Totals",
    "Transfer",
    "VerifyReport",
    "Void",
    "WindowFigures",
]
