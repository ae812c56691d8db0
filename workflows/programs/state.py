"""What a program's workflow is started with, asked for, carries from run to run, and ends with."""

from datetime import datetime

from domain.definition.document import Definition
from domain.model import Message
from domain.programs.amendments import Weight
from domain.programs.holds import Hold
from domain.programs.lifecycle import EndRequest, Revision
from domain.programs.stages import BEFORE_LAUNCH, Stage
from workflows.programs.pending_amendment import Approved


class RevisionSubmission(Message):
    """A new revision as it is handed in; its number is given here."""

    definition: Definition
    digest: str
    submitted_by: str
    instead_of: str | None = None
    """The digest of the latest revision that the author has read; None where they did not say."""
    wanted_from: datetime | None = None
    """From when on an amendment shall be in force; None: as soon as may be."""
    declared: Weight | None = None
    restores: int | None = None
    """The earlier revision whose definition this is again."""


class ProgramState(Message):
    """What a program's workflow carries from run to run."""

    stage: Stage = "requirements"
    latest: Revision
    in_force: Revision | None = None
    submitted: Revision | None = None
    """A revision that waits for its qualification."""
    end: EndRequest | None = None
    end_gates: int = 0
    end_approved: bool = False
    considered: str = ""
    """The evaluation whose verdict was last looked at."""
    amendment_gates: int = 0
    amendment_wanted: str = ""
    """Why a gate has approved that the program be amended, until a revision is handed in."""
    approved: Approved | None = None
    """An amendment that waits for its date."""
    recalled: int = 0
    """The revision that was last called back."""
    holds: tuple[Hold, ...] = ()
    """What stood when it was last looked at."""
    begun_waves: tuple[str, ...] = ()
    """The waves that have begun, in the order of their beginning."""

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
