"""ExpirySweep: expires one program's due points; started by the program's Schedule."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.points.expiry import ExpiryActivities, Sweep, SweepResult
    from workflows.details import markdown
    from workflows.steps import do


@workflow.defn
class ExpirySweep:
    """One sweep, as of its own start."""

    @workflow.run
    async def run(self, program: str) -> SweepResult:
        swept = await do(
            ExpiryActivities.expire_due, Sweep(program=program, at=workflow.now()), f"Expire due lots of {program}"
        )
        workflow.set_current_details(
            markdown("Swept", f"{swept.points} points of {swept.participants} members in {swept.lots} lots")
        )
        return swept
