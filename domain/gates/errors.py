"""What a gate refuses, and which delegations cannot be given."""

from domain.errors import TenureError
from domain.refusals import Refused


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


class StepNotOpen(Refused):
    """The rules of a gate are asked step by step; a step opens once all before it are met."""

    code = "step_not_open"
    title = "This step of the gate is not open yet"
    detail = "The gate is at step 1 of 2, and demo-legal is asked in a later one."
    remedy = "Wait until the steps before it are approved."


class NothingToWithdraw(Refused):
    """One takes back only one's own vote, or one that was given in one's name."""

    code = "nothing_to_withdraw"
    title = "There is no vote to take back"
    detail = "demo-finance has no vote at this gate that could be taken back."
    remedy = "Look at the gate's votes."


class BreakGlassNotAllowed(Refused):
    """A policy names one role that may approve alone in an emergency, in person; or none."""

    code = "break_glass_not_allowed"
    category = "forbidden"
    title = "This person may not break the glass"
    detail = "demo-finance may not break the glass at this gate."
    remedy = "Ask those whom the gate waits for, or the role that its policy names."


class NoDelegation(Refused):
    """To decide for another takes a delegation of theirs that holds now, at this program's gates, for the role."""

    code = "no_delegation"
    category = "forbidden"
    title = "Nobody has delegated this"
    detail = "demo-finance has not delegated to demo-legal."
    remedy = "Decide for yourself, or ask for a delegation."


class Forged(Refused):
    """A message to a gate that the API has not signed proves nothing; it is refused and stands in the audit trail."""

    code = "forged"
    category = "forbidden"
    title = "The message is not one that the API has signed"
    detail = "The message does not prove who wrote it: it is not what was signed."
    remedy = "Decide through the API, which signs what it has checked."


class WrongGate(Refused):
    """A signed decision counts at the gate for which it was given."""

    code = "wrong_gate"
    title = "The decision was given at another gate"
    detail = "The decision was given at program/club/r1/gate/strategy/1, not here."
    remedy = "Decide at this gate itself."


class GateOverrun(Refused):
    """So many messages to the gate came to nothing that it looks at no more."""

    code = "gate_overrun"
    title = "The gate takes no more messages"
    detail = "Too many messages to this gate came to nothing."
    remedy = "Tell the operator: somebody sends what the API has not signed."


class DelegationToOneself(Refused):
    """A delegation has two ends."""

    code = "delegation_to_oneself"
    category = "invalid"
    title = "Nobody delegates to themselves"
    detail = "demo-finance cannot decide for themselves by delegation."
    remedy = "Name in `to` the person who shall decide for you."


class DelegationEndsBeforeItBegins(Refused):
    """A delegation is for a dated span."""

    code = "delegation_ends_before_it_begins"
    category = "invalid"
    title = "The delegation would end before it begins"
    detail = "It would begin at 2026-03-12 09:30:00 UTC and end at 2026-03-10 09:30:00 UTC."
    remedy = "Write an `until` that is later than `since`."


class DelegationOver(Refused):
    """A delegation that has ended lends nothing."""

    code = "delegation_over"
    category = "invalid"
    title = "The delegation would be over already"
    detail = "It would have ended at 2026-03-10 09:30:00 UTC already."
    remedy = "Write an `until` that is still to come."


class DelegationOfNothing(Refused):
    """What is lent are roles."""

    code = "delegation_of_nothing"
    category = "forbidden"
    title = "There is no role to lend"
    detail = "demo-guest has no role that could be lent."
    remedy = "Only who can decide at gates can have another decide for them."


class DelegationOfForeignRole(Refused):
    """One lends roles of one's own; what was lent cannot be passed on."""

    code = "delegation_of_foreign_role"
    category = "forbidden"
    title = "Only one's own roles can be lent"
    detail = "demo-finance does not have the role legal in person; what is lent cannot be passed on."
    remedy = "Lend roles of your own."


class DelegationCircle(Refused):
    """Delegations never lead back to who gave them."""

    code = "delegation_circle"
    title = "The delegation would close a circle"
    detail = "It would close a circle: demo-legal for demo-finance."
    remedy = "Name somebody else, or a time in which they have not delegated themselves."


class DelegateUnknown(Refused):
    """A delegation names somebody who is known here, so that a slip of the pen lends nobody a voice."""

    code = "delegate_unknown"
    category = "invalid"
    title = "Nobody of that id is known"
    detail = "Nobody called demo-nobody has ever used this API."
    remedy = "Check the id in `to`; somebody new has to use the API once before."


class DecisionUnknown(TenureError):
    """A decision is known by the Idempotency-Key under which it was handed to the gate, to who handed it."""

    code = "decision_unknown"
    category = "not_found"
    title = "There is no such decision"

    def __init__(self, gate: str, key: str) -> None:
        super().__init__(
            f"You have handed no decision to {gate} under the key {key!r}.",
            remedy="Use the Idempotency-Key of your request; one that was refused at once was never handed on.",
            field="key",
        )
