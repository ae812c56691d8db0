"""ProgramEvaluation: every KPI against its thresholds, as of now; the verdict is kept, and the lifecycle looks at it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.evaluation import EvaluationActivities, EvaluationTask
    from domain.kpis import Verdict
    from workflows.details import instant, told
    from workflows.steps import do_in_bulk


@workflow.defn
class ProgramEvaluation:
    """Begun by the program's Schedule, or by a person who wants to know now."""

    @workflow.run
    async def run(self, program: str) -> Verdict:
        task = EvaluationTask(id=workflow.info().workflow_id, program=program, at=workflow.now())
        verdict = await do_in_bulk(EvaluationActivities.evaluate_program, task, f"Judge {program} by its KPIs")
        lines = [f"{result.kpi}: {result.value} → {result.consequence}" for result in verdict.results]
        workflow.set_current_details(
            told(f"Verdict: {verdict.consequence.replace('_', ' ')}", f"as of {instant(verdict.at)}", *lines)
        )
        return verdict
