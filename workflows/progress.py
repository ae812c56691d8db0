"""How a program's child workflows report progress: in their own details, and in those of the program's lifecycle."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain import ids
from domain.message_names import SHOW_PROGRESS
from domain.model import Message
from domain.programs.stages import Stage


class Progress(Message):
    """A child workflow's progress, in Markdown; with a stage or a wave if a new one has begun."""

    workflow: str
    told: str
    stage: Stage | None = None
    wave: str | None = None


async def report_progress(program: str, text: str, stage: Stage | None = None, wave: str | None = None) -> None:
    """Show this in the caller's own details and in those of the program's lifecycle."""
    workflow.set_current_details(text)
    own_id, lifecycle_id = workflow.info().workflow_id, ids.lifecycle(program)
    if own_id == lifecycle_id:
        return
    lifecycle = workflow.get_external_workflow_handle(lifecycle_id)
    try:
        await lifecycle.signal(SHOW_PROGRESS, Progress(workflow=own_id, told=text, stage=stage, wave=wave))
    except ApplicationError:
        # The lifecycle has ended; the caller's own details still show it.
        workflow.logger.info("nobody to tell: %s has ended", lifecycle_id)
