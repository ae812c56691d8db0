"""A program's workflow: its input, the submission of a revision, the state carried from run to run, and its result."""

from datetime import datetime

from domain.definition.document import Definition
from domain.model import Message
from domain.programs.amendments import AmendmentClass
from domain.programs.holds import ProgramHold
from domain.programs.lifecycle import EndRequest, Revision
from domain.programs.stages import BEFORE_LAUNCH, Stage
from workflows.programs.pending_amendment import ScheduledAmendment


class RevisionSubmission(Message):
    """A new revision as it is submitted; the workflow gives it a number."""

    definition: Definition
    digest: str
    submitted_by: str
    instead_of: str | None = None
    """The digest of the latest revision that the author has read; None if not stated."""
    wanted_from: datetime | None = None
    """The requested effective date of an amendment; None: as soon as possible."""
    declared: AmendmentClass | None = None
    restores: int | None = None
    """The earlier revision whose definition this is again."""


class ProgramState(Message):
    """The state that a program's workflow carries from run to run."""

    stage: Stage = "requirements"
    latest: Revision
    in_force: Revision | None = None
    submitted: Revision | None = None
    """A revision that waits for its qualification."""
    end: EndRequest | None = None
    end_gates: int = 0
    end_approved: bool = False
    considered: str = ""
    """The evaluation whose verdict was considered last."""
    amendment_gates: int = 0
    amendment_wanted: str = ""
    """Why a gate has approved that the program be amended; empty once a revision is submitted."""
    approved: ScheduledAmendment | None = None
    """An amendment that waits for its date."""
    recalled: int = 0
    """The revision that was recalled last."""
    holds: tuple[ProgramHold, ...] = ()
    """The active holds, as last read."""
    begun_waves: tuple[str, ...] = ()
    """The waves that have begun, in this order."""

    @property
    def before_launch(self) -> bool:
        return self.stage in BEFORE_LAUNCH and self.in_force is None


class ProgramStart(Message):
    """A program and its first revision."""

    revision: Revision
    state: ProgramState | None = None


class ProgramResult(Message):
    stage: Stage
    why: str = ""
