"""The problems of earning points, and of moving them by hand."""

from datetime import UTC, datetime

from domain.errors import TenureError


class EventTypeUnknown(TenureError):
    """Points are given by rules, each for a type of event."""

    code = "event_type_unknown"
    category = "invalid"
    title = "No earning rule knows this event"
    example = {"event": "visit", "known": ["purchase", "survey"]}

    def __init__(self, event: str, known: list[str]) -> None:
        super().__init__(
            f"No earning rule is about {event!r}.", remedy=f"The definition in force knows: {', '.join(known)}.", field="type"
        )


class OutOfTime(TenureError):
    """An instant lies in the future, before the member joined, or outside of what was asked about."""

    code = "time_out_of_range"
    category = "invalid"
    title = "The time cannot be right"
    example = {
        "detail": "2026-03-10T09:30:00+00:00 has not come yet.",
        "remedy": "Post an event once it has happened.",
        "field": "occurred_at",
    }


class EarningClosed(TenureError):
    """The program ends, and what happened is later than its last day of earning."""

    code = "earning_closed"
    category = "conflict"
    title = "Nothing is earned any more"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} had stopped earning when this happened.",
            remedy="Members can still redeem until its last day.",
        )


class EarningStopped(TenureError):
    """The rollout was stopped when this happened; points that were issued before are honoured."""

    code = "earning_stopped"
    category = "conflict"
    title = "The rollout was stopped: nothing was earned"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The rollout of program {program!r} was stopped when this happened, so it earns nothing.",
            remedy="Members can still redeem what they have; `tenure rollout show` says why it was stopped.",
        )


class LateFilesClosed(TenureError):
    """The program ends, and the time is over in which what happened before earning stopped could still be posted."""

    code = "late_files_closed"
    category = "conflict"
    title = "Late files no longer count"
    example = {"program": "cd-club", "until": datetime(2026, 10, 1, tzinfo=UTC)}

    def __init__(self, program: str, until: datetime) -> None:
        super().__init__(
            f"Program {program!r} is ending; what happened before earning stopped could be posted until {until.isoformat()}.",
            remedy="Settle it with the member outside of the program, or have finance adjust the points.",
        )


class BalanceLimit(TenureError):
    """An account holds so many points and no more. The detail is the ledger's own sentence, kept with the refusal."""

    code = "balance_limit"
    category = "conflict"
    title = "The account is full"
    example = {"detail": "The account would hold more points than the 9007199254740991 that it can."}

    def __init__(self, detail: str) -> None:
        super().__init__(detail, remedy="Let the member redeem, then ask again with a new Idempotency-Key.")


class TransactionUnknown(TenureError):
    """The number in the address is that of none of the member's transactions."""

    code = "transaction_unknown"
    category = "not_found"
    title = "There is no such transaction"

    def __init__(self, number: int, participant: str) -> None:
        super().__init__(
            f"{participant!r} has no transaction {number}.",
            remedy="Take its address from the Location header of the answer that made it.",
        )


class CurrencyUnknown(TenureError):
    """The definition in force has no currency of this code."""

    code = "currency_unknown"
    category = "invalid"
    title = "The program has no such currency"

    def __init__(self, currency: str, known: list[str], field: str) -> None:
        super().__init__(
            f"There is no currency {currency!r}.", remedy=f"The definition in force has: {', '.join(known)}.", field=field
        )


class ConversionUnknown(TenureError):
    """The definition in force has no rate from one currency to the other."""

    code = "conversion_unknown"
    category = "invalid"
    title = "The program has no such conversion"
    example = {"from_currency": "points", "to_currency": "miles", "known": ["points into gems"]}

    def __init__(self, from_currency: str, to_currency: str, known: list[str]) -> None:
        offered = (
            f"The definition in force converts {', '.join(known)}." if known else "The definition in force converts nothing."
        )
        super().__init__(f"{from_currency} is not converted into {to_currency}.", remedy=offered, field="to_currency")


class TransfersNotAllowed(TenureError):
    """The definition in force has no transfers between members."""

    code = "transfers_not_allowed"
    category = "conflict"
    title = "Members cannot give points to each other"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} has no transfers between members.",
            remedy="Allow them with `transfers_between_members: true` in a further revision.",
        )


class RecipientNotActive(TenureError):
    """Points can be given to an active member of the same program alone."""

    code = "recipient_not_active"
    category = "conflict"
    title = "There is nobody to get the points"

    def __init__(self, participant: str, program: str) -> None:
        super().__init__(
            f"{participant!r} is no active member of program {program!r}.",
            remedy="Check the reference, or enrol them first; who has left cannot be given points.",
            field="to",
        )


class NoReinstatement(TenureError):
    """The definition in force gives back nothing that has expired."""

    code = "reinstatement_not_offered"
    category = "conflict"
    title = "What has expired does not come back"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"Program {program!r} gives back nothing that has expired.",
            remedy="Offer it with `expiry.reinstate_within` in a further revision, or give points by an adjustment.",
        )


class ReinstatementTooLate(TenureError):
    """What has expired comes back within the time that the definition gives for it."""

    code = "reinstatement_too_late"
    category = "conflict"
    title = "The time for a reinstatement is over"

    def __init__(self, expired_at: str, until: str) -> None:
        super().__init__(
            f"What expired at {expired_at} could be given back until {until}.", remedy="Give points by an adjustment instead."
        )
