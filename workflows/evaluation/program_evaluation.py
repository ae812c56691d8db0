"""ProgramEvaluation: judges every KPI by its thresholds as of an instant, stores the verdict, and nudges the lifecycle."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.evaluation.evaluation import EvaluationActivities, EvaluationTask
    from domain import ids
    from domain.evaluation.kpis import Verdict
    from workflows.details import instant, markdown
    from workflows.steps import do


@workflow.defn
class ProgramEvaluation:
    """Started by the program's Schedule, by a person for now, or by a person for an instant in the past (`at`).

    A scheduled evaluation judges as of the instant at which it fell due, however late it starts: after an outage it gives the
    figures of a backfill as of that instant.
    """

    @workflow.run
    async def run(self, program: str, at: datetime | None = None) -> Verdict:
        workflow_id = workflow.info().workflow_id
        task = EvaluationTask(id=workflow_id, program=program, at=at or ids.nominal_instant(workflow_id) or workflow.now())
        verdict = await do(EvaluationActivities.evaluate_program, task, f"Judge {program} by its KPIs")
        lines = [
            f"{result.kpi}: {result.value if result.value is not None else result.status} → {result.consequence}"
            for result in verdict.results
        ]
        workflow.set_current_details(
            markdown(f"Verdict: {verdict.consequence.replace('_', ' ')}", f"as of {instant(verdict.at)}", *lines)
        )
        return verdict
