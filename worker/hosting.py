"""The workers of one process: one for each queue, so that the work for a million members never delays an approver."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from domain.ids import BULK_QUEUE, MEMBERS_QUEUE, NOTICES_QUEUE, PROGRAMS_QUEUE
from runtime.identity.signatures import VerificationKeys
from runtime.notices_file import Notices, logged_alone
from runtime.settings import settings
from worker.heartbeats import Heartbeats
from worker.registry import WORKFLOWS, Activities

_ACTIVITIES_AT_ONCE = {PROGRAMS_QUEUE: 20, MEMBERS_QUEUE: 40, BULK_QUEUE: 4, NOTICES_QUEUE: 10}
"""Bulk activities are few and large, the others many and short; more of these than database connections would only wait."""
_DRAIN = timedelta(seconds=10)
QUEUES = tuple(WORKFLOWS)
DEPLOYMENT = "tenure"
"""The name under which Temporal knows the versions of Tenure's workers."""


@asynccontextmanager
async def hosted(
    client: Client,
    engine: AsyncEngine,
    *,
    max_cached_workflows: int,
    queues: tuple[str, ...] = QUEUES,
    notices: Notices | None = None,
    build_id: str | None = None,
    keys: VerificationKeys | None = None,
    everybody_is_known: bool = False,
) -> AsyncIterator[list[Worker]]:
    """Host the workflows and activities of the queues until the block ends; tasks under way may finish first.

    `notices` has the recipients and channels of notices; without it they are logged. `keys` verify the API's signatures; their
    default is the settings' file. If `everybody_is_known`, a gate that no remaining person can satisfy ends as it opens. With a
    `build_id` the workers are a version of the deployment `tenure`, and get tasks once that version is current in Temporal.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(AsyncClient())
        activities = Activities.over(
            engine,
            client,
            http,
            notices or logged_alone(),
            keys or VerificationKeys(settings().verification_keys),
            everybody_is_known=everybody_is_known,
        )
        workers = [
            await stack.enter_async_context(
                Worker(
                    client,
                    task_queue=queue,
                    workflows=WORKFLOWS[queue],
                    activities=activities.of(queue),
                    max_cached_workflows=max_cached_workflows,
                    max_concurrent_activities=_ACTIVITIES_AT_ONCE[queue],
                    graceful_shutdown_timeout=_DRAIN,
                    interceptors=[Heartbeats()],
                    deployment_config=_version(build_id),
                )
            )
            for queue in queues
        ]
        yield workers


def _version(build_id: str | None) -> WorkerDeploymentConfig | None:
    """Return the deployment configuration of a build: every workflow moves to the current version at its next step.

    The behavior is set here and not on each workflow, since a server refuses a workflow with its own behavior from workers
    without a version. A workflow that lives for years could not stay with its build; replays and `patched` make the move safe.
    """
    if build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(DEPLOYMENT, build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )
