"""PersonalDataErasure: erases what is known about members once the time is over for which it is kept after a program's end."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.programs.wind_down import EndStep, WindDownActivities
    from domain.model import Message
    from workflows.details import instant, told
    from workflows.steps import do_in_bulk, remaining


class Erasure(Message):
    """When what is known about a program's members is erased."""

    program: str
    at: datetime


@workflow.defn
class PersonalDataErasure:
    """Waits until the time is over for which members' data is kept after a program's end, and has it erased."""

    @workflow.run
    async def run(self, erasure: Erasure) -> int:
        workflow.set_current_details(told("Members' data is kept for those who ask", f"it is erased on {instant(erasure.at)}"))
        await workflow.sleep(remaining(erasure.at), summary=f"Members' data is kept until {instant(erasure.at)}")
        step = EndStep(program=erasure.program, step="closing", key=workflow.info().workflow_id, at=workflow.now())
        erased = await do_in_bulk(WindDownActivities.erase_personal_data, step, "Erase what is known about members")
        workflow.set_current_details(told("Erased", f"what was known about {erased.members} members"))
        return erased.members
