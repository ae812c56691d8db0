"""A workflow that only answers updates: the floor of everything that is asked of one."""

from temporalio import workflow


@workflow.defn
class Bare:
    """Answers each update with what it was asked."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def ask(self, number: int) -> int:
        return number
