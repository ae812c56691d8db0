"""The look at what must be ready before a launch: what the system itself can see, and what people have signed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueKind, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from activities.queues import ActivityGroup
from domain.acceptance import readiness
from domain.acceptance.readiness import Area, Check, Finding, Pollers
from domain.definition.document import Definition
from domain.ids import BULK_QUEUE
from domain.model import Message
from domain.notices.gate_notices import Routing
from ledger import Ledger
from store.acceptance import readiness as kept
from store.programs import programs
from store.rewards import redemptions

logger = logging.getLogger(__name__)

_LATELY = timedelta(minutes=2)
"""A worker asks for work once a minute at least; one that has not for so long is gone."""
_LONGEST_REASON = 300
_Check = Callable[[], Awaitable[Iterable[Finding]]]


class ReadinessTask(Message):
    """A revision that is to be launched, looked at as of an instant."""

    program: str
    revision: int
    at: datetime


class ReadinessActivities(ActivityGroup):
    QUEUE = BULK_QUEUE

    def __init__(
        self,
        engine: AsyncEngine,
        ledger: Ledger,
        client: Client,
        routing: Routing,
        queues: Sequence[str] = readiness.QUEUES,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._client = client
        self._routing = routing
        self._queues = queues

    @activity.defn
    async def check_readiness(self, task: ReadinessTask) -> Check:
        """Look at everything, and keep what was found; a look that itself fails is told as unknown, which is not ready."""
        async with self._engine.connect() as connection:
            definition = await programs.definition(connection, task.program, task.revision)
        looks: dict[Area, _Check] = {
            "workers": self._workers,
            "ledger": lambda: self._adds_up(task.program),
            "stock": lambda: self._stock(definition),
            "messages": lambda: _at_once(readiness.of_messages(definition)),
            "notices": lambda: _at_once(readiness.of_notices(definition, self._routing)),
            "partners": lambda: _at_once(readiness.of_partners(definition, task.at)),
            "signatures": lambda: self._signatures(definition, task),
        }
        findings = [finding for area, look in looks.items() for finding in await _looked(area, look)]
        found = Check(program=task.program, revision=task.revision, at=task.at, findings=tuple(findings))
        async with self._engine.begin() as connection:
            await kept.keep(connection, found)
            # A repetition is told what was kept: that is what the workflow has to act upon.
            return await kept.last_check(connection, task.program, task.revision, task.at) or found

    async def _workers(self) -> Iterable[Finding]:
        return readiness.of_workers({queue: await self._pollers(queue) for queue in self._queues})

    async def _pollers(self, queue: str) -> Pollers:
        kinds = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
        workflows, activities = await asyncio.gather(*(self._polling(queue, kind) for kind in kinds))
        return Pollers(workflows=workflows, activities=activities)

    async def _polling(self, queue: str, kind: TaskQueueType.ValueType) -> int:
        """How many workers have asked the queue lately; the server's own clock says when each last did."""
        asked = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=queue, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL),
            task_queue_type=kind,
        )
        answer = await self._client.workflow_service.describe_task_queue(asked)
        since = datetime.now(UTC) - _LATELY
        return sum(poller.last_access_time.ToDatetime(tzinfo=UTC) >= since for poller in answer.pollers)

    async def _adds_up(self, program: str) -> Iterable[Finding]:
        drifts: list[str] = []
        if await self._ledger.totals(program):  # before anything is earned there is nothing that could be wrong
            report = await self._ledger.check(program)
            drifts = [
                f"{each.what}, {each.found} instead of {each.expected}" + (f" (account {each.account})" if each.account else "")
                for each in report.drifts
            ]
        return [readiness.of_ledger(program, drifts)]

    async def _stock(self, definition: Definition) -> Iterable[Finding]:
        async with self._engine.connect() as connection:
            free = await redemptions.free_codes_of(connection, definition.program)
        return readiness.of_stock(definition, free)

    async def _signatures(self, definition: Definition, task: ReadinessTask) -> Iterable[Finding]:
        async with self._engine.connect() as connection:
            signatures = await kept.signatures(connection, task.program, task.revision)
        return readiness.of_signatures(definition, signatures)


async def _looked(area: Area, look: _Check) -> Sequence[Finding]:
    try:
        return list(await look())
    except Exception as error:
        # Whatever kept it from looking, nobody knows how it stands; that itself is what must be told.
        logger.warning("readiness: %s", area, exc_info=True)
        return [readiness.unknown(area, f"{type(error).__name__}: {error}"[:_LONGEST_REASON])]


async def _at_once(findings: Iterable[Finding]) -> Iterable[Finding]:
    return findings
