"""The problems that arise at the edge itself; those of the ledger and the store come from there."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from runtime.errors import TenureError


class TokenMissing(TenureError):
    code = "token_missing"
    status = 401
    title = "Nobody is known to ask"

    def __init__(self) -> None:
        super().__init__(
            "The request carries no known bearer token.", remedy="Send `Authorization: Bearer TOKEN` with a person's token."
        )


class NotAllowed(TenureError):
    code = "not_allowed"
    status = 403
    title = "This person may not do that"

    def __init__(self, person: str, action: str, roles: str) -> None:
        super().__init__(f"{person} may not {action}.", remedy=f"It takes one of the roles: {roles}.")


class KeyMissing(TenureError):
    """`field` is where the key is looked for: a header, or a field of an event in a batch."""

    code = "idempotency_key_missing"
    status = 400
    title = "The request needs an Idempotency-Key"

    def __init__(self, field: str = "Idempotency-Key") -> None:
        where = "the header `Idempotency-Key`" if field == "Idempotency-Key" else f"`{field}` with each event"
        super().__init__(
            "A POST without an Idempotency-Key cannot be repeated safely.",
            remedy=f"Send {where}: a value of your own, up to 200 characters, the same on repetition.",
            field=field,
        )


class KeyInvalid(TenureError):
    code = "idempotency_key_invalid"
    status = 400
    title = "The Idempotency-Key cannot be used"

    def __init__(self, longest: int, field: str = "Idempotency-Key") -> None:
        super().__init__(
            f"The Idempotency-Key is no text, is longer than {longest} characters, or has others than visible ASCII ones.",
            remedy="Use letters, digits and punctuation, without blanks: a UUID, for instance.",
            field=field,
        )


class KeyReused(TenureError):
    code = "idempotency_key_reused"
    status = 422
    title = "The key belongs to another request"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The Idempotency-Key {key!r} was used before, for a request with another body or address.",
            remedy="Repeat the first request unchanged to get its answer again, or take a new key.",
            field="Idempotency-Key",
        )


class KeyTwice(TenureError):
    """Two events of one batch have the same key, and are not the same event."""

    code = KeyReused.code
    status = KeyReused.status
    title = "The key belongs to another event of the batch"

    def __init__(self, key: str, first: int) -> None:
        super().__init__(
            f"The key {key!r} is that of events[{first}] already, which is another event.",
            remedy="Give each event a key of its own; the first one with this key has been taken.",
            field="key",
        )


class RequestInFlight(TenureError):
    code = "request_in_flight"
    status = 409
    title = "The first request is still being answered"

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is under way.", remedy="Repeat it in a moment to get its answer.")


class InvalidRequest(TenureError):
    """The body or the address is of the wrong shape; `errors` names every field that is."""

    code = "invalid_request"
    status = 422
    title = "The request is of the wrong shape"

    def __init__(self, errors: list[dict[str, object]]) -> None:
        first = errors[0] if errors else {"field": "body", "problem": "not readable"}
        super().__init__(
            f"{first['field']}: {first['problem']}.", remedy="Correct the fields named in `errors`.", field=str(first["field"])
        )
        self.errors = errors


class ZoneMissing(TenureError):
    """A date that could mean any of two dozen instants."""

    code = "time_zone_missing"
    status = 422
    title = "The time has no time zone"

    def __init__(self, errors: list[dict[str, object]]) -> None:
        field = str(errors[0]["field"])
        super().__init__(
            f"{field} has no time zone.",
            remedy="Write the zone with it: 2026-03-10T09:30:00Z or …T04:30:00-05:00.",
            field=field,
        )
        self.errors = errors


class DefinitionFaulty(TenureError):
    """The definition has faults; `errors` has every one with its line."""

    code = "definition_faulty"
    status = 422
    title = "The definition has faults"

    def __init__(self, errors: list[dict[str, object]]) -> None:
        super().__init__(
            f"The definition has {len(errors)} fault{'s' if len(errors) != 1 else ''}.",
            remedy="Correct what `errors` names; `tenure definition check FILE` shows the same.",
            field="body",
        )
        self.errors = errors


class BodyTooLarge(TenureError):
    code = "body_too_large"
    status = 413
    title = "The body is too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than {limit:,} bytes.", remedy="Send it in smaller parts.")


class ProgramExists(TenureError):
    code = "program_exists"
    status = 409
    title = "The program has begun already"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The lifecycle of program {program!r} has begun already.",
            remedy="Hand in a further revision, or give the program another id.",
            field="program",
        )


class NotLaunched(TenureError):
    code = "not_launched"
    status = 409
    title = "The program has not been launched"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} has not been launched yet, so there is nothing to judge.",
            remedy="Evaluate it once a revision is in force; the program's open gates say what it waits for.",
        )


class ProgramDiffers(TenureError):
    code = "program_differs"
    status = 422
    title = "The definition is of another program"

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"The definition is of program {found!r}, not of {expected!r}.",
            remedy="Send it to its own program.",
            field="program",
        )


class ProgramEnded(TenureError):
    code = "program_ended"
    status = 409
    title = "The program has ended"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The lifecycle of program {program!r} has ended.", remedy="Nothing can be changed in it; its report stays."
        )


class AgreementDiffers(TenureError):
    code = "agreement_differs"
    status = 422
    title = "Another version of the agreement is in force"

    def __init__(self, asked: str, current: str) -> None:
        super().__init__(
            f"The member accepted version {asked!r}; in force is {current!r}.",
            remedy="Show them the version in force.",
            field="agreement",
        )


class AttributesNotAsked(TenureError):
    """Named by their names alone: their values may be personal."""

    code = "attribute_not_asked"
    status = 422
    title = "The program does not ask for that"

    def __init__(self, names: Sequence[str], asked: Sequence[str]) -> None:
        super().__init__(
            f"No condition for joining asks for {', '.join(names)}.",
            remedy=f"Send {', '.join(asked)} alone." if asked else "Send no attributes: nothing is asked for.",
            field=f"attributes.{names[0]}",
        )


class RequirementNotMet(TenureError):
    code = "requirement_not_met"
    status = 409
    title = "The applicant does not meet what joining asks for"

    def __init__(self, attributes: Sequence[str], asked: str) -> None:
        super().__init__(
            f"Who joins must meet: {asked}.",
            remedy="Send each as one of `attributes`, as it is known of the applicant; who does not meet it cannot join.",
            field=f"attributes.{attributes[0]}",
        )


class FeeDiffers(TenureError):
    code = "fee_differs"
    status = 422
    title = "Joining costs something else"

    def __init__(self, accepted: str, fee: str) -> None:
        super().__init__(
            f"The member accepted {accepted}; joining costs {fee}.",
            remedy="Show them what it costs, and send as `fee` what they accepted.",
            field="fee",
        )


class NotInvited(TenureError):
    code = "not_invited"
    status = 409
    title = "Only who was invited may join"

    def __init__(self, participant: str) -> None:
        super().__init__(
            f"{participant!r} was not invited.",
            remedy="Have them invited with `tenure member invite`, then try again.",
            field="participant",
        )


class TierNotReplaced(TenureError):
    code = "tier_not_replaced"
    status = 422
    title = "The definition leaves members without a tier"

    def __init__(self, tiers: Sequence[str]) -> None:
        super().__init__(
            f"The revision in force has, or members still hold, {', '.join(tiers)}, which this definition neither has nor "
            "replaces.",
            remedy=f"Write `replaces: [{', '.join(tiers)}]` under the tier that takes the place, or keep the tier.",
            field="tiers",
        )


class CurrencyDropped(TenureError):
    code = "currency_dropped"
    status = 422
    title = "The definition drops a currency"

    def __init__(self, currencies: Sequence[str]) -> None:
        super().__init__(
            f"The revision in force has {', '.join(currencies)}, and members may have points in it.",
            remedy="Keep it under `other_currencies`; without a rule or a conversion into it, nobody gets more of it.",
            field="other_currencies",
        )


class NotInWave(TenureError):
    code = "not_in_wave"
    status = 409
    title = "The member's wave is not open yet"

    def __init__(self, participant: str) -> None:
        super().__init__(
            f"The waves opened so far do not reach {participant!r}.", remedy="Try again once the next wave is open."
        )


class EnrolmentClosed(TenureError):
    code = "enrolment_closed"
    status = 409
    title = "Nobody can join now"

    def __init__(self, program: str) -> None:
        super().__init__(f"Program {program!r} is not open for enrolment.", remedy="See the program's stage for why.")


class MemberGone(TenureError):
    code = "member_left"
    status = 409
    title = "The membership has ended"

    def __init__(self, participant: str) -> None:
        super().__init__(f"{participant!r} is no member any more.", remedy="Nothing can be posted to an ended membership.")


class EventTypeUnknown(TenureError):
    code = "event_type_unknown"
    status = 422
    title = "No earning rule knows this event"

    def __init__(self, event: str, known: list[str]) -> None:
        super().__init__(
            f"No earning rule is about {event!r}.", remedy=f"The definition in force knows: {', '.join(known)}.", field="type"
        )


class OutOfTime(TenureError):
    code = "time_out_of_range"
    status = 422
    title = "The time cannot be right"


class EarningClosed(TenureError):
    code = "earning_closed"
    status = 409
    title = "Nothing is earned any more"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} had stopped earning when this happened.",
            remedy="Members can still redeem until its last day.",
        )


class LateFilesClosed(TenureError):
    code = "late_files_closed"
    status = 409
    title = "Late files no longer count"

    def __init__(self, program: str, until: datetime) -> None:
        super().__init__(
            f"Program {program!r} is ending; what happened before earning stopped could be posted until {until.isoformat()}.",
            remedy="Settle it with the member outside of the program, or have finance adjust the points.",
        )


class RedeemingClosed(TenureError):
    code = "redeeming_closed"
    status = 409
    title = "Nothing can be redeemed any more"

    def __init__(self, program: str) -> None:
        super().__init__(f"The redeem window of program {program!r} is over.", remedy="What was left has been forfeited.")


class RewardUnknown(TenureError):
    code = "reward_unknown"
    status = 422
    title = "There is no such reward"

    def __init__(self, reward: str, known: list[str]) -> None:
        super().__init__(
            f"There is no reward {reward!r}.", remedy=f"The definition in force offers: {', '.join(known)}.", field="reward"
        )


class TierTooLow(TenureError):
    code = "tier_too_low"
    status = 409
    title = "The reward is for a higher tier"

    def __init__(self, tier: str, needed: str) -> None:
        super().__init__(
            f"The reward is offered from tier {needed!r} on; the member is {tier!r}.", remedy="Choose another reward."
        )


class InsufficientPoints(TenureError):
    """The ledger's own sentence, stored with the refusal: what was asked for, and what was available then."""

    code = "insufficient_points"
    status = 409
    title = "There are not enough points"

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail,
            remedy="Choose a cheaper reward; once there are more points, ask with a new Idempotency-Key.",
            field="reward",
        )


class RewardNotOffered(TenureError):
    code = "reward_not_offered"
    status = 409
    title = "The reward is not offered now"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, remedy="Choose another reward; `tenure reward list` has the dates of each.", field="reward")


class RewardOutOfStock(TenureError):
    code = "reward_out_of_stock"
    status = 409
    title = "None of the reward is left"

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail,
            remedy="Choose another reward; one that is given back can be had again, with a new Idempotency-Key.",
            field="reward",
        )


class RewardLimitReached(TenureError):
    code = "reward_limit_reached"
    status = 409
    title = "The member has had the reward as often as one may"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, remedy="Choose another reward, or ask again later with a new Idempotency-Key.", field="reward")


class BalanceLimit(TenureError):
    """The ledger's own sentence, stored with the refusal."""

    code = "balance_limit"
    status = 409
    title = "The account is full"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, remedy="Let the member redeem, then ask again with a new Idempotency-Key.")


class TransactionUnknown(TenureError):
    code = "transaction_unknown"
    status = 404
    title = "There is no such transaction"

    def __init__(self, number: int, participant: str) -> None:
        super().__init__(
            f"{participant!r} has no transaction {number}.",
            remedy="Take its address from the Location header of the answer that made it.",
        )


class CurrencyUnknown(TenureError):
    code = "currency_unknown"
    status = 422
    title = "The program has no such currency"

    def __init__(self, currency: str, known: list[str], field: str) -> None:
        super().__init__(
            f"There is no currency {currency!r}.", remedy=f"The definition in force has: {', '.join(known)}.", field=field
        )


class ConversionUnknown(TenureError):
    code = "conversion_unknown"
    status = 422
    title = "The program has no such conversion"

    def __init__(self, from_currency: str, to_currency: str, known: list[str]) -> None:
        offered = (
            f"The definition in force converts {', '.join(known)}." if known else "The definition in force converts nothing."
        )
        super().__init__(f"{from_currency} is not converted into {to_currency}.", remedy=offered, field="to_currency")


class TransfersNotAllowed(TenureError):
    code = "transfers_not_allowed"
    status = 409
    title = "Members cannot give points to each other"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} has no transfers between members.",
            remedy="Allow them with `transfers_between_members: true` in a further revision.",
        )


class RecipientNotActive(TenureError):
    code = "recipient_not_active"
    status = 409
    title = "There is nobody to get the points"

    def __init__(self, participant: str, program: str) -> None:
        super().__init__(
            f"{participant!r} is no active member of program {program!r}.",
            remedy="Check the reference, or enrol them first; who has left cannot be given points.",
            field="to",
        )


class NoReinstatement(TenureError):
    code = "reinstatement_not_offered"
    status = 409
    title = "What has lapsed does not come back"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} gives back nothing that has lapsed.",
            remedy="Offer it with `expiry.reinstate_within` in a further revision, or give points by an adjustment.",
        )


class ReinstatementTooLate(TenureError):
    code = "reinstatement_too_late"
    status = 409
    title = "The time for a reinstatement is over"

    def __init__(self, lapsed_at: str, until: str) -> None:
        super().__init__(
            f"What lapsed at {lapsed_at} could be given back until {until}.", remedy="Give points by an adjustment instead."
        )


class LogMissing(TenureError):
    code = "transaction_log_unknown"
    status = 404
    title = "There is no such transaction log"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no transaction log {name!r}.", remedy="Load it with `tenure log load`.", field="name")


class PrototypeUnknown(TenureError):
    code = "prototype_unknown"
    status = 404
    title = "There is no such prototype"

    def __init__(self, prototype: str) -> None:
        super().__init__(
            f"There is no prototype {prototype!r}; its figures are kept as long as Temporal keeps what has ended.",
            remedy="Ask for it by POST /prototypes; the same definition and log have the same id.",
            field="prototype",
        )


class PrototypeNotDone(TenureError):
    code = "prototype_not_done"
    status = 409
    title = "The prototype has no figures"

    def __init__(self, prototype: str, why: str) -> None:
        super().__init__(
            f"The prototype {prototype!r} has no figures: {why}.",
            remedy="Compare prototypes that are done, as GET /prototypes/{id} shows them.",
            field="prototype",
        )


class RouteUnknown(TenureError):
    code = "route_unknown"
    status = 404
    title = "Nothing is here"

    def __init__(self, path: str) -> None:
        super().__init__(f"There is nothing at {path!r}.", remedy="See /docs for every address that there is.")


class MethodNotAllowed(TenureError):
    code = "method_not_allowed"
    status = 405
    title = "This is not what the address is for"

    def __init__(self, method: str, path: str, allowed: str) -> None:
        super().__init__(f"{method} is not for {path!r}.", remedy=f"Use {allowed or 'another method'}; see /docs.")


class HttpRefused(TenureError):
    """What the server itself refuses before any route looks at it."""

    code = "http_error"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{detail}.", remedy="Correct the request; see /docs for how it must look.")
        self.status = status  # type: ignore[misc]
        self.title = "The request cannot be read"  # type: ignore[misc]


class Internal(TenureError):
    """A fault of ours; what it was is in the log alone."""

    code = "internal"
    status = 500
    title = "Something went wrong"

    def __init__(self) -> None:
        super().__init__(
            "The request could not be answered, through no fault of yours.",
            remedy="Repeat it with the same Idempotency-Key; if it fails again, tell the operator, whose log has the details.",
        )


class Refused(TenureError):
    """A workflow or the ledger refused; code and words are its own."""

    _STATUS: ClassVar[dict[str, int]] = {
        "four_eyes": 403,
        "role_not_asked": 403,
        "reason_missing": 422,
        "member_unknown": 404,
        "unknown_transaction": 404,
    }

    def __init__(self, code: str, detail: str, remedy: str) -> None:
        super().__init__(detail, remedy=remedy)
        self.code = code  # type: ignore[misc]
        self.title = f"Refused: {code.replace('_', ' ')}"  # type: ignore[misc]
        self.status = self._STATUS.get(code, 409)  # type: ignore[misc]


class ServiceUnavailable(TenureError):
    code = "service_unavailable"
    status = 503
    title = "A part of Tenure cannot be reached"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} cannot be reached or did not answer in time.", remedy="Repeat the request with the same Idempotency-Key."
        )


class RewardNotHandedOut(TenureError):
    code = "reward_not_handed_out"
    status = 409
    title = "The reward could not be handed out"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why or 'The provider did not hand it out.'} The points are back.",
            remedy="Choose another reward, or try later with a new key.",
        )


class RedemptionUnknown(TenureError):
    code = "redemption_unknown"
    status = 404
    title = "There is no such redemption"

    def __init__(self, redemption: str) -> None:
        super().__init__(
            f"The member has no redemption {redemption!r}.", remedy="List the member's redemptions.", field="redemption"
        )


class NoSuchStock(TenureError):
    code = "no_such_stock"
    status = 409
    title = "The reward has no stock of codes"

    def __init__(self, reward: str) -> None:
        super().__init__(
            f"The reward {reward!r} is not handed out as codes.",
            remedy="Give it `fulfilment: {kind: voucher_codes}` in a further revision.",
            field="reward",
        )
