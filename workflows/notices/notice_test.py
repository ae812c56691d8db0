"""NoticeTest: posts a test notice by every channel to every recipient."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.notices.delivery import NoticeActivities, TestOrder
    from workflows.steps import do


@workflow.defn
class NoticeTest:
    """Posts a test notice to every recipient in the worker's notices file; each is delivered like any other notice."""

    __test__ = False

    @workflow.run
    async def run(self, key: str) -> list[str]:
        return await do(
            NoticeActivities.post_test_notices, TestOrder(key=key, at=workflow.now()), "Post a test to all recipients"
        )
