"""A workflow that only answers updates: the floor for every update."""

from temporalio import workflow


@workflow.defn
class Bare:
    """Answers each update with its argument."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def ask(self, number: int) -> int:
        return number
