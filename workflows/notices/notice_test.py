"""NoticeTest: has a test posted by every channel to every recipient."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.notices.delivery import NoticeActivities, TestOrder
    from workflows.steps import do


@workflow.defn
class NoticeTest:
    """Has a test notice posted to everybody whom the worker's notices file names; each is then delivered as any notice is."""

    __test__ = False

    @workflow.run
    async def run(self, key: str) -> list[str]:
        return await do(
            NoticeActivities.post_test_notices, TestOrder(key=key, at=workflow.now()), "Post a test to all recipients"
        )
