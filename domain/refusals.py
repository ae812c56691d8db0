"""What workflows, gates and the ledger refuse: each code is a class here, or one that the API itself raises too."""

from typing import ClassVar

from domain.error_registry import known
from domain.errors import Category, TenureError


class Refused(TenureError):
    """Refused for a reason that has no page of its own.

    Code and words are those of who refused; status and title are those of the code. The subclasses are the codes: `detail` is
    an example of it, `remedy` what can be done unless who refused says something better.
    """

    code = "refused"
    category: ClassVar[Category] = "conflict"
    title = "Refused"
    detail = "It cannot be done as things stand now."
    remedy = "See where it stands, and try what that allows."

    def __init__(self, code: str, detail: str, remedy: str | None = None) -> None:
        kind = known().get(code, Refused)
        super().__init__(detail, remedy=remedy or (kind.remedy if issubclass(kind, Refused) else Refused.remedy))
        self.code = code  # type: ignore[misc]
        self.category = kind.category  # type: ignore[misc]
        self.title = kind.title  # type: ignore[misc]


class GateDecided(Refused):
    """The gate has its outcome; no decision counts any more."""

    code = "gate_decided"
    title = "The gate is decided"
    detail = "The gate was approved at 2026-03-10 09:30:00 UTC."
    remedy = "Nothing is left to decide here; a changed subject opens a new round."


class GateExpired(Refused):
    """The gate's deadline is over; time never approves."""

    code = "gate_expired"
    title = "The decision came after the deadline"
    detail = "The gate was due at 2026-03-10 09:30:00 UTC; this vote came later."
    remedy = "Ask the product owner to open a new round."


class SubjectChanged(Refused):
    """A decision names the digest of what was read, and the gate is about something else."""

    code = "subject_changed"
    title = "The gate is about something else"
    detail = "The vote is for digest 3f9a1c02b7d4…, the gate is about 91be0d77a2c5…."
    remedy = "Read the subject again and vote with the digest that the gate shows."


class FourEyes(Refused):
    """Who owns, submitted or edited the subject is left out of the decision about it."""

    code = "four_eyes"
    category = "forbidden"
    title = "Nobody decides about their own work"
    detail = "demo-owner owns, submitted or edited the subject, and so cannot decide about it."
    remedy = "Ask another person with one of the gate's roles."


class AlreadyVoted(Refused):
    """One person counts once at a gate."""

    code = "already_voted"
    title = "This person has voted"
    detail = "demo-finance has voted at this gate already."
    remedy = "One person counts once; wait for the others."


class RoleNotAsked(Refused):
    """The gate asks for roles that the person has not, or not in this step."""

    code = "role_not_asked"
    category = "forbidden"
    title = "The gate does not ask for this role"
    detail = "demo-legal has none of the roles that this gate asks for."
    remedy = "Ask somebody with one of the roles that the gate names."


class ReasonMissing(Refused):
    """Whoever does not approve says why, so that the others can act upon it."""

    code = "reason_missing"
    category = "invalid"
    title = "The decision needs a reason"
    detail = "To reject needs a reason."
    remedy = "Say in `reason` what must change."


class ProgramEnds(Refused):
    """The program is ending or has ended, and takes no revisions."""

    code = "program_ends"
    title = "The program takes no revisions any more"
    detail = "The program is in stage wind down; it takes no revisions any more."
    remedy = "Start another program with this definition, under an id of its own."


class RevisionInQualification(Refused):
    """One revision is qualified at a time."""

    code = "revision_in_qualification"
    title = "Another revision is being qualified"
    detail = "Revision 2 is being qualified."
    remedy = "Wait for its outcome at its gates, then try again."


class AmendmentWaits(Refused):
    """One amendment is on its way at a time, to its date."""

    code = "amendment_waits"
    title = "Another amendment waits for its date"
    detail = "Revision 2 is approved and takes effect on 10 Apr 2026 09:30:00 UTC."
    remedy = "Wait for that date, or call it back with `tenure program recall`."


class NoDateBeforeLaunch(Refused):
    """What is launched is in force from its launch on."""

    code = "no_date_before_launch"
    category = "invalid"
    title = "A date is for amendments"
    detail = "The program has not been launched; what is launched is in force as soon as it is approved."
    remedy = "Hand the revision in without a date."


class NothingToRecall(Refused):
    """Only an approved amendment that is not in force yet can be called back."""

    code = "nothing_to_recall"
    title = "The revision waits for no date"
    detail = "Revision 2 does not wait for the date on which it takes effect."
    remedy = "See `tenure program revisions`: a revision can be called back while it is approved and not yet in force."


class RecallTooLate(Refused):
    """What has rated events is not undone; a further revision comes after it."""

    code = "recall_too_late"
    title = "The revision has taken effect"
    detail = "Revision 2 has taken effect."
    remedy = "Hand in a further revision; `tenure program rollback` hands in an earlier one again."


class RevisionUnchanged(Refused):
    """The definition has the digest of the latest revision."""

    code = "revision_unchanged"
    title = "The definition is the same as before"
    detail = "The definition is the same as revision 2."
    remedy = "Change the definition before handing it in again."


class EndRequested(Refused):
    """The end is asked for once; its gate decides."""

    code = "end_requested"
    title = "The end has been asked for already"
    detail = "The end of the program has been asked for already."
    remedy = "Wait for what its wind-down gate decides."


class RolloutIsPaused(Refused):
    """A rollout is paused once; whoever has paused it is told."""

    code = "rollout_is_paused"
    title = "The rollout is paused already"
    detail = "The rollout has been paused since 10 Mar 2026 09:30:00 UTC by demo-operations."
    remedy = "Resume it once the reason is gone."


class RolloutNotPaused(Refused):
    """Only what was paused is resumed; what a guardrail holds is released."""

    code = "rollout_not_paused"
    title = "Nobody has paused the rollout"
    detail = "Nobody has paused the rollout."
    remedy = "See what it waits for with `tenure rollout show`: what holds it is released, and not resumed."


class RolloutNotHeld(Refused):
    """Only what a guardrail, a sample that is too small, or an empty cohort holds is released."""

    code = "rollout_not_held"
    title = "Nothing holds the rollout"
    detail = "Nothing holds the rollout."
    remedy = "See what it waits for with `tenure rollout show`."


class RolloutOver(Refused):
    """The rollout has been stopped, or the program ends."""

    code = "rollout_over"
    title = "The rollout is over"
    detail = "The rollout is over: stopped by demo-operations: the till gives double points."
    remedy = "Hand in a further revision, or ask for the end; `tenure rollout show` says where it stands."


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
    """What had lapsed has come back before."""

    code = "nothing_to_reinstate"
    title = "Nothing is left to give back"
    detail = "Nothing that lapsed then is still gone."
    remedy = "Nothing is to be done: its points have come back before."


class ConvertsToNothing(Refused):
    """A conversion is rounded down, and nothing would be left of so few points."""

    code = "converts_to_nothing"
    title = "So few points become none"
    detail = "3 points at 0.1 are less than one point of miles."
    remedy = "Convert more points at once, then ask with a new Idempotency-Key."
