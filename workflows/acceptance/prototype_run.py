"""PrototypeRun: simulates a definition over a log, to show what it would cost before a program begins."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.acceptance.prototypes import QualificationActivities
    from domain.acceptance.prototype import PrototypeAnswer, PrototypeOrder
    from workflows.details import markdown
    from workflows.steps import do


@workflow.defn
class PrototypeRun:
    """One simulation; the same definition and log have the same workflow id, and so are simulated once."""

    @workflow.run
    async def run(self, order: PrototypeOrder) -> PrototypeAnswer:
        what = f"Simulate {order.definition.name} over the log {order.log}"
        answer = await do(QualificationActivities.simulate_definition, order, what)
        if answer.run is None:
            workflow.set_current_details(markdown("The log cannot be used", answer.why))
        else:
            result = answer.run.result
            lines = [f"{each.figure} {each.value}: {'passed' if each.passed else 'failed'}" for each in result.criteria]
            workflow.set_current_details(markdown("Passed" if result.passed else "Failed", *lines))
        return answer
