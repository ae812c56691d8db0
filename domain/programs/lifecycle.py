"""A program's revisions, the request to end it, and its changes of stage."""

from datetime import datetime

from domain.definition.document import Definition
from domain.model import Message
from domain.programs.amendments import AmendmentClass
from domain.programs.stages import Stage


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


class EndRequest(Message):
    """A request to end a program."""

    requested_by: str
    reason: str
    requested_at: datetime


class StageChange(Message):
    """A program enters a stage at an instant of business time."""

    program: str
    stage: Stage
    at: datetime
    note: str = ""
