"""The problems of joining a program, and of a membership that has ended."""

from collections.abc import Sequence
from datetime import datetime

from domain.errors import TenureError


class AgreementDiffers(TenureError):
    """Who joins must have accepted the version of the agreement that is in force."""

    code = "agreement_differs"
    category = "invalid"
    title = "Another version of the agreement is in force"

    def __init__(self, asked: str, current: str) -> None:
        super().__init__(
            f"The member accepted version {asked!r}; in force is {current!r}.",
            remedy="Show them the version in force.",
            field="agreement",
        )


class AttributesNotAsked(TenureError):
    """What is sent of an applicant is only what joining asks for. The answer names attributes, never their values."""

    code = "attribute_not_asked"
    category = "invalid"
    title = "The program does not ask for that"
    example = {"names": ["shoe_size"], "asked": ["age"]}

    def __init__(self, names: Sequence[str], asked: Sequence[str]) -> None:
        super().__init__(
            f"No condition for joining asks for {', '.join(names)}.",
            remedy=f"Send {', '.join(asked)} alone." if asked else "Send no attributes: nothing is asked for.",
            field=f"attributes.{names[0]}",
        )


class RequirementNotMet(TenureError):
    """The definition has conditions for joining, and one of them is not met."""

    code = "requirement_not_met"
    category = "conflict"
    title = "The applicant does not meet what joining asks for"
    example = {"attributes": ["age"], "asked": "age at least 18"}

    def __init__(self, attributes: Sequence[str], asked: str) -> None:
        super().__init__(
            f"Who joins must meet: {asked}.",
            remedy="Send each as one of `attributes`, as it is known of the applicant; who does not meet it cannot join.",
            field=f"attributes.{attributes[0]}",
        )


class FeeDiffers(TenureError):
    """Who joins must have accepted the fee that joining costs."""

    code = "fee_differs"
    category = "invalid"
    title = "Joining costs something else"

    def __init__(self, accepted: str, fee: str) -> None:
        super().__init__(
            f"The member accepted {accepted}; joining costs {fee}.",
            remedy="Show them what it costs, and send as `fee` what they accepted.",
            field="fee",
        )


class NotInvited(TenureError):
    """The program is open by invitation only."""

    code = "not_invited"
    category = "conflict"
    title = "Only who was invited may join"

    def __init__(self, participant: str) -> None:
        super().__init__(
            f"{participant!r} was not invited.",
            remedy="Have them invited with `tenure member invite`, then try again.",
            field="participant",
        )


class NotInWave(TenureError):
    """The program opens in waves, each to a share of the members; this one is not among them yet."""

    code = "not_in_wave"
    category = "conflict"
    title = "The member's wave is not open yet"

    def __init__(self, participant: str) -> None:
        super().__init__(
            f"The waves opened so far do not reach {participant!r}.", remedy="Try again once the next wave is open."
        )


class HeldOut(TenureError):
    """The definition keeps some at random out of the program to its end: members are compared with those who wanted to join."""

    code = "held_out"
    category = "conflict"
    title = "The participant is in the holdout"

    def __init__(self, participant: str) -> None:
        super().__init__(
            f"{participant!r} is kept out of the program to its end, for comparison.",
            remedy="Serve them without it; hand in what they buy from now on with `tenure event load --outside`.",
            field="participant",
        )


class MemberThen(TenureError):
    """What a member does is an event of the program: it earns, and is compared as theirs."""

    code = "member_then"
    category = "conflict"
    title = "The participant was a member then"

    def __init__(self, participant: str) -> None:
        super().__init__(
            f"{participant!r} was a member when this happened.",
            remedy="Post it among the events of members (`tenure event load`).",
            field="participant",
        )


class NotCompared(TenureError):
    """Kept is only what the comparison needs: of who is held out, from when they wanted to join, and of who has left."""

    code = "not_compared"
    category = "conflict"
    title = "The participant is not compared with the members"
    example = {"participant": "m-1", "since": None}

    def __init__(self, participant: str, since: datetime | None) -> None:
        super().__init__(
            f"{participant!r} is neither held out nor a member who has left."
            if since is None
            else f"{participant!r} is outside the program since {since:%Y-%m-%d %H:%M:%S} UTC, and this happened before.",
            remedy="Hand in what those buy who were refused as held out, from then on, and members after they left.",
            field="participant" if since is None else "occurred_at",
        )


class RolloutPaused(TenureError):
    """While a rollout is paused nobody new joins; members keep all they have."""

    code = "rollout_paused"
    category = "conflict"
    title = "The rollout is paused"

    def __init__(self, program: str, since: datetime) -> None:
        super().__init__(
            f"The rollout of program {program!r} has been paused since {since:%Y-%m-%d %H:%M:%S} UTC; nobody new joins.",
            remedy="Try again once it is resumed; `tenure rollout show` says who has paused it, and why.",
        )


class RolloutStopped(TenureError):
    """After a rollout was stopped nobody joins until a further revision is rolled out; what was issued is honoured."""

    code = "rollout_stopped"
    category = "conflict"
    title = "The rollout is stopped"

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The rollout of program {program!r} is stopped: nobody joins, and nothing is earned.",
            remedy="Try again once a further revision is rolled out; `tenure rollout show` says why it is stopped.",
        )


class WaveFull(TenureError):
    """A wave may let in only so many in a time."""

    code = "wave_full"
    category = "conflict"
    title = "The wave lets in no more just now"
    example = {"wave": "friends", "count": 100, "every": "P1D"}

    def __init__(self, wave: str, count: int, every: str) -> None:
        super().__init__(
            f"{count:,} have joined by the wave {wave!r} in the last {every}, and no more may.",
            remedy="Try again later: as time passes, there is room for more.",
        )


class EnrolmentClosed(TenureError):
    """The program is not launched yet, or takes nobody any more."""

    code = "enrolment_closed"
    category = "conflict"
    title = "Nobody can join now"

    def __init__(self, program: str) -> None:
        super().__init__(f"Program {program!r} is not open for enrolment.", remedy="See the program's stage for why.")


class MemberGone(TenureError):
    """The member has left, or the program has ended."""

    code = "member_left"
    category = "conflict"
    title = "The membership has ended"

    def __init__(self, participant: str) -> None:
        super().__init__(f"{participant!r} is no member any more.", remedy="Nothing can be posted to an ended membership.")


class MemberUnknown(TenureError):
    """Nobody of this reference has joined the program."""

    code = "member_unknown"
    category = "not_found"
    title = "There is no such member"

    def __init__(self, program: str, participant: str) -> None:
        super().__init__(
            f"{participant!r} is no member of program {program!r}.",
            remedy="Check the member's id, or enrol them first.",
            field="participant",
        )
