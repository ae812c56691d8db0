"""Two builds of the workers, one after the other and side by side: what is under way goes over to the current one."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, RoutingConfigUpdateState, VersioningBehavior
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkflowExecutionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.search_attributes import SEARCH_ATTRIBUTES
from domain import ids
from domain.programs.lifecycle import Revision
from domain.rollout.state import RolloutStart
from store.programs import programs
from tests.program_steps import sample_definition
from tests.stack import first_revision, program_id
from tests.waiting import history_has, timer_started
from worker.embedded.temporal import DYNAMIC_CONFIG, installed_temporal
from worker.hosting import DEPLOYMENT, hosted
from workflows.rollout.rollout import Rollout


@pytest.fixture
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A server of its own: on the other ones, workers without a version poll the same queues."""
    executable = installed_temporal()
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_existing_path=str(executable) if executable else None,
        dev_server_extra_args=[f"--dynamic-config-value={name}={value}" for name, value in DYNAMIC_CONFIG.items()],
        dev_server_log_level="error",
        download_dest_dir=str(tmp_path_factory.getbasetemp()),
    ) as environment:
        yield environment.client


async def test_what_is_under_way_goes_over_to_the_build_that_is_made_current(client: Client, engine: AsyncEngine) -> None:
    revision = first_revision(sample_definition(program_id("versions")), datetime.now(UTC))
    async with engine.begin() as connection:
        await programs.register(connection, revision)
    async with hosted(client, engine, max_cached_workflows=10, build_id="old"):
        await _make_current(client, "old")
        rollout = await _begin(client, revision)
        await timer_started(client, rollout)
        assert await _version(client, rollout) == ("old", VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE)
    async with hosted(client, engine, max_cached_workflows=10, build_id="new"):
        await _make_current(client, "new")
        await client.get_workflow_handle(rollout).signal("stop", "enough")
        await client.get_workflow_handle(rollout).result()
        assert await _version(client, rollout) == ("new", VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE)


async def test_two_builds_run_side_by_side_and_the_way_back_is_open_as_long(client: Client, engine: AsyncEngine) -> None:
    revision = first_revision(sample_definition(program_id("builds")), datetime.now(UTC))
    async with engine.begin() as connection:
        await programs.register(connection, revision)
    async with hosted(client, engine, max_cached_workflows=10, build_id="old"):
        await _make_current(client, "old")
        rollout = await _begin(client, revision)
        await timer_started(client, rollout)
        async with hosted(client, engine, max_cached_workflows=10, build_id="new"):
            for step, build in enumerate(("new", "old"), 1):
                await _make_current(client, build)
                await client.get_workflow_handle(rollout).signal("pause", f"build {build}")
                await history_has(client, rollout, _tasks_done_after_signals(step))
                assert (await _version(client, rollout))[0] == build
        await client.get_workflow_handle(rollout).signal("stop", "enough")
        await client.get_workflow_handle(rollout).result()


def _tasks_done_after_signals(signals: int) -> Callable[[HistoryEvent], bool]:
    """Whether a workflow task is over that began after so many signals."""
    seen = 0

    def is_it(event: HistoryEvent) -> bool:
        nonlocal seen
        seen += event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        return seen >= signals and event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED

    return is_it


async def _begin(client: Client, revision: Revision) -> str:
    rollout = f"{revision.program}-rollout"  # of no program that has a lifecycle to be told
    await client.start_workflow(Rollout.run, RolloutStart(**dict(revision)), id=rollout, task_queue=ids.PROGRAMS_QUEUE)
    return rollout


_NOT_YET = (
    *(RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION),
    *(RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.UNAVAILABLE),
)


async def _make_current(client: Client, build: str) -> None:
    """Have new work go to a build, as soon as the server has heard of its workers on every queue."""
    describe = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    while True:  # the server tells it to whoever asks, so the test asks until the pollers have arrived
        try:
            found = await client.workflow_service.describe_worker_deployment(describe)
            if any(each.deployment_version.build_id == build for each in found.worker_deployment_info.version_summaries):
                await client.workflow_service.set_worker_deployment_current_version(
                    SetWorkerDeploymentCurrentVersionRequest(
                        namespace=client.namespace, deployment_name=DEPLOYMENT, build_id=build, identity="test"
                    )
                )
                break
        except RPCError as error:
            # One that is busy with the workers that arrive says so too.
            if error.status not in _NOT_YET:
                raise
    known = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED
    shown = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
    while shown != known:  # it has yet to be told to every queue
        found = await client.workflow_service.describe_worker_deployment(describe)
        shown = found.worker_deployment_info.routing_config_update_state


async def _version(client: Client, workflow_id: str) -> tuple[str, int]:
    """The build that a workflow was last worked on by, and whether it stays there."""
    described = await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id))
    )
    info = described.workflow_execution_info.versioning_info
    return info.deployment_version.build_id, info.behavior
