"""What the ledger refuses: reversals, settlements, reinstatements and conversions that cannot be."""

from domain.refusals import Refused


class UnknownTransaction(Refused):
    """The member has no posted transaction like the one that is to be taken back."""

    code = "unknown_transaction"
    category = "not_found"
    title = "There is no such posted transaction"
    detail = "The member has no posted transaction number 17 in points."
    remedy = "Take the number of a posted transaction from the member's statement."


class ReversalOfReversal(Refused):
    """A reversal is final."""

    code = "reversal_of_reversal"
    title = "A reversal is not taken back"
    detail = "Number 17 is a reversal itself; post what it took back anew."
    remedy = "Post what it took back anew: an event, or an adjustment with its reason."


class NotReversible(Refused):
    """Burns, captures and earns can be reversed; what else moves points has another way back."""

    code = "not_reversible"
    title = "This kind of transaction has no reversal"
    detail = "Number 17 is of the kind transfer, which has no reversal."
    remedy = "Correct what it did by an adjustment with its reason."


class ExceedsOriginal(Refused):
    """More was to be taken back than is left of the transaction."""

    code = "exceeds_original"
    title = "So much is not left of it"
    detail = "Of the 500 points of number 17, 200 are left to be reversed."
    remedy = (
        "Ask for no more than is left of it, or name no points to reverse all of that; then ask with a new Idempotency-Key."
    )


class EarnPending(Refused):
    """A pending earn has moved no points, so that nothing can be taken back of it."""

    code = "earn_pending"
    title = "The earn is pending"
    detail = "The earn number 17 is pending; cancel it instead."
    remedy = "Cancel it: it has moved no points yet."


class EarnCancelled(Refused):
    """The pending earn was cancelled before."""

    code = "earn_cancelled"
    title = "The earn was cancelled"
    detail = "The earn number 17 was cancelled before."
    remedy = "Nothing is to be done: its points were never posted."


class EarnConfirmed(Refused):
    """The pending earn was confirmed before."""

    code = "earn_confirmed"
    title = "The earn was confirmed"
    detail = "The earn number 17 was confirmed before."
    remedy = "Reverse the earn if its points are to be taken back."


class NotPending(Refused):
    """The earn was posted at once, so that there is nothing to confirm or to cancel."""

    code = "not_pending"
    title = "The earn was not pending"
    detail = "The earn number 17 was posted at once."
    remedy = "Nothing waits for a confirmation; reverse the earn if its points are to be taken back."


class UnknownEarn(Refused):
    """The transaction that is to be settled is no earn of the member."""

    code = "unknown_earn"
    title = "There is no such earn"
    detail = "The member has no earn number 17 in points."
    remedy = "Take the number of an earn that waits for its confirmation from the member's statement."


class BelowLowestAllowed(Refused):
    """The definition's clawback says how far a balance may go below zero."""

    code = "below_lowest_allowed"
    title = "The balance would go too low"
    detail = "The member would owe 400 points, and may owe 100."
    remedy = "Reverse fewer points; how far a balance may go is in the definition's clawback."


class UnknownExpiry(Refused):
    """The transaction that is to be reinstated is no expiry of the member."""

    code = "unknown_expiry"
    title = "There is no such expiry"
    detail = "The member has no expiry number 17 in points."
    remedy = "Take the number of a transaction of the kind expire from the member's statement."


class NothingToReinstate(Refused):
    """What had expired has come back before."""

    code = "nothing_to_reinstate"
    title = "Nothing is left to give back"
    detail = "Nothing that expired then is still gone."
    remedy = "Nothing is to be done: its points have come back before."


class ConvertsToNothing(Refused):
    """A conversion is rounded down, and nothing would be left of so few points."""

    code = "converts_to_nothing"
    title = "So few points become none"
    detail = "3 points at 0.1 are less than one point of miles."
    remedy = "Convert more points at once, then ask with a new Idempotency-Key."
