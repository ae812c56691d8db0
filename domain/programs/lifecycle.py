"""Messages between the workflows of a program and of its members, the activities and the API."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.definition.document import Definition
from domain.definition.rollout import audience
from domain.gates.state import Outcome, Vote
from domain.model import Message
from domain.programs.amendments import AmendmentClass
from domain.programs.stages import JourneyStage, MemberStatus, Stage


class Revision(Message):
    """One immutable revision of a program's definition, with its digest, owner and submitter."""

    program: str
    number: int
    digest: str
    definition: Definition
    owner: str
    submitted_by: str
    submitted_at: datetime
    wanted_from: datetime | None = None
    """The requested effective date of an amendment; None: as soon as possible."""
    declared: AmendmentClass | None = None
    """The class that the submitter declared: a minor amendment may be declared substantial."""
    restores: int | None = None
    """The earlier revision whose definition this is again."""

    @property
    def editors(self) -> tuple[str, ...]:
        """The people who cannot vote about this revision (four eyes)."""
        return tuple(dict.fromkeys((self.owner, self.submitted_by)))


class QualificationResult(Message):
    """How the qualification of a revision ended, and why, in words."""

    outcome: Literal["approved", "changes_requested", "rejected", "failed", "expired", "withdrawn", "unsatisfiable"]
    why: str = ""
    weight: AmendmentClass | None = None
    """The class of an amendment; None for a first revision."""


class GateResult(Message):
    """How a gate ended."""

    id: str
    outcome: Outcome
    decided_at: datetime
    reasons: str = ""
    glass: Vote | None = None
    """The break-glass approval, if there was one."""


class PhaseResult(Message):
    """Whether a test phase passed, and its evidence in words; `attempt` counts from 1."""

    phase: str
    passed: bool
    evidence: str
    attempt: int = 1


class PrototypeSummary(Message):
    """Whether the prototype met its acceptance criteria, and its figures."""

    passed: bool
    transactions: int
    evidence: str
    figures: dict[str, Decimal] = {}


class EndRequest(Message):
    """A request to end a program."""

    requested_by: str
    reason: str
    requested_at: datetime


class Membership(Message):
    """The state of a membership at one instant."""

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
    """The fee for joining that the member accepted, in units of the program's money; None without one."""
    judged_by: int | None = None
    """The revision under whose conditions a grandfathered tier is held; None: the one in force."""
    wave: str | None = None
    """The wave in which they joined."""


class OfferTerms(Message):
    """The offer to a silent member, and the time to answer (an exact number of seconds)."""

    points: int
    message: str
    answer_within_seconds: float


class MemberReview(Message):
    """The result of a member's review, and when the next one is due."""

    membership: Membership
    silent: bool
    offer: OfferTerms | None
    """Set if the member is silent and an intervention is allowed now."""
    look_again_at: datetime | None


class WaveOpening(Message):
    """The opening of a wave: a percentage of the members, or those of a cohort, may join."""

    program: str
    revision: int
    wave: str
    share: Decimal | None = None
    cohort: str | None = None
    at: datetime

    @property
    def audience(self) -> str:
        """Its audience, in a few words."""
        return audience(self.share, self.cohort)


class StageChange(Message):
    """A program enters a stage at an instant of business time."""

    program: str
    stage: Stage
    at: datetime
    note: str = ""
