"""What the workflows of a program and of its members tell each other, the activities and the API."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.definition.document import Definition
from domain.definition.rollout import audience
from domain.gates.state import Outcome, Vote
from domain.model import Message
from domain.programs.amendments import Weight
from domain.programs.stages import JourneyStage, MemberStatus, Stage


class Revision(Message):
    """One immutable revision of a program's definition, with its digest and everybody who had a hand in it."""

    program: str
    number: int
    digest: str
    definition: Definition
    owner: str
    submitted_by: str
    submitted_at: datetime
    wanted_from: datetime | None = None
    """From when on an amendment shall be in force; None: as soon as may be."""
    declared: Weight | None = None
    """How much it weighs by who handed it in: a minor one may be declared substantial."""
    restores: int | None = None
    """The earlier revision whose definition this is again."""

    @property
    def editors(self) -> tuple[str, ...]:
        """Who is left out of every vote about this revision (four eyes)."""
        return tuple(dict.fromkeys((self.owner, self.submitted_by)))


class QualificationResult(Message):
    """How the qualification of a revision ended, and why, in words."""

    outcome: Literal["approved", "changes_requested", "rejected", "failed", "expired", "withdrawn", "unsatisfiable"]
    why: str = ""
    weight: Weight | None = None
    """How much it weighs, where it is an amendment."""


class GateResult(Message):
    """How a gate ended."""

    id: str
    outcome: Outcome
    decided_at: datetime
    reasons: str = ""
    glass: Vote | None = None
    """By whom its glass was broken, and why; None where it was decided in the ordinary way."""


class PhaseResult(Message):
    """Whether a test phase passed, and its evidence in words; `attempt` counts from 1."""

    phase: str
    passed: bool
    evidence: str
    attempt: int = 1


class PrototypeSummary(Message):
    """Whether the prototype met its acceptance criteria, and the figures that count."""

    passed: bool
    transactions: int
    evidence: str
    figures: dict[str, Decimal] = {}


class EndRequest(Message):
    """The wish to end a program."""

    requested_by: str
    reason: str
    requested_at: datetime


class Membership(Message):
    """A member as the program sees them at one instant."""

    program: str
    participant: str
    status: MemberStatus
    tier: str
    tier_since: datetime
    tier_until: datetime | None
    joined_at: datetime
    agreement: str
    journey_stage: JourneyStage
    fee: Decimal | None = None
    """What joining cost, in units of the program's money, as the member accepted it; None where it cost nothing."""
    judged_by: int | None = None
    """The revision by whose conditions the tier is held, where an amendment left it to its holders; None: the one in force."""
    wave: str | None = None
    """The wave by which they joined."""


class OfferTerms(Message):
    """What a silent member gets, and how long their answer is waited for (an exact number of seconds)."""

    points: int
    message: str
    answer_within_seconds: float


class MemberReview(Message):
    """What a look at a member found, and when to look again."""

    membership: Membership
    silent: bool
    offer: OfferTerms | None
    """Set where the member is silent and an intervention is allowed now."""
    look_again_at: datetime | None


class WaveOpening(Message):
    """What opening a wave means: so many percent of the members, or those of a cohort, may join."""

    program: str
    revision: int
    wave: str
    share: Decimal | None = None
    cohort: str | None = None
    at: datetime

    @property
    def audience(self) -> str:
        """Whom it is open to, in a few words."""
        return audience(self.share, self.cohort)


class StageChange(Message):
    """A program enters a stage at an instant of business time."""

    program: str
    stage: Stage
    at: datetime
    note: str = ""
