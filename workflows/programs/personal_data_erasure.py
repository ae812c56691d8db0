"""PersonalDataErasure: erases members' personal data when its retention time after a program's end is over."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.programs.wind_down import EndStep, WindDownActivities
    from domain.model import Message
    from workflows.details import instant, markdown
    from workflows.steps import do, remaining


class Erasure(Message):
    """The instant at which the personal data of a program's members is erased."""

    program: str
    at: datetime


@workflow.defn
class PersonalDataErasure:
    """Waits for that instant, erases the data, and returns the number of members."""

    @workflow.run
    async def run(self, erasure: Erasure) -> int:
        workflow.set_current_details(
            markdown("Members' data is kept for those who ask", f"it is erased on {instant(erasure.at)}")
        )
        await workflow.sleep(remaining(erasure.at), summary=f"Members' data is kept until {instant(erasure.at)}")
        step = EndStep(program=erasure.program, step="closing", key=workflow.info().workflow_id, at=workflow.now())
        erased = await do(WindDownActivities.erase_personal_data, step, "Erase what is known about members")
        workflow.set_current_details(markdown("Erased", f"what was known about {erased.members} members"))
        return erased.members
