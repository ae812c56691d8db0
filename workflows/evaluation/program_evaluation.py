"""ProgramEvaluation: every KPI against its thresholds, as of an instant; the verdict is kept, and the lifecycle looks at it."""

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.evaluation.evaluation import EvaluationActivities, EvaluationTask
    from domain import ids
    from domain.evaluation.kpis import Verdict
    from workflows.details import instant, told
    from workflows.steps import do_in_bulk


@workflow.defn
class ProgramEvaluation:
    """Begun by the program's Schedule, by a person who wants to know now, or by one who wants to know what was then (`at`).

    What a Schedule begins is judged as of the instant at which it fell due, however late it comes: after an outage the figures
    are those of a backfill as of that instant.
    """

    @workflow.run
    async def run(self, program: str, at: datetime | None = None) -> Verdict:
        workflow_id = workflow.info().workflow_id
        task = EvaluationTask(id=workflow_id, program=program, at=at or ids.nominal_instant(workflow_id) or workflow.now())
        verdict = await do_in_bulk(EvaluationActivities.evaluate_program, task, f"Judge {program} by its KPIs")
        lines = [
            f"{result.kpi}: {result.value if result.value is not None else result.status} → {result.consequence}"
            for result in verdict.results
        ]
        workflow.set_current_details(
            told(f"Verdict: {verdict.consequence.replace('_', ' ')}", f"as of {instant(verdict.at)}", *lines)
        )
        return verdict
