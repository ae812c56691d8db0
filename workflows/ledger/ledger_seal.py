"""LedgerSeal: seals the ledger's rows since the last block; started by the ledger's own Schedule."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.ledger.seal import SealActivities, Sealing, SealingResult
    from workflows.details import markdown
    from workflows.steps import do


@workflow.defn
class LedgerSeal:
    """Seals the rows of all programs together: there is one chain."""

    @workflow.run
    async def run(self, sealing: Sealing) -> SealingResult:
        sealed = await do(SealActivities.seal_ledger, sealing, "Seal what was written since the last block")
        workflow.set_current_details(
            markdown(
                f"Sealed {sealed.rows} rows in {sealed.blocks} blocks",
                f"head of the chain: `{sealed.head}:{sealed.hash}`" if sealed.head else "there is no block yet",
                f"held back by {sealed.held_back_by} transactions under way" if sealed.held_back_by else "",
                "to verify: `tenure ledger verify`",
            )
        )
        return sealed
