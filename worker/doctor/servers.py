"""Probes of the servers: the database with its schema, role and clock; Temporal with its search attributes and workers."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from temporalio.api.enums.v1 import TaskQueueKind, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from runtime.database import APPLICATION_ROLE
from runtime.temporal import connect
from store.migrate import revisions
from worker.doctor.finding import Finding, Reporter, Topic
from worker.doctor.surroundings import START, Surroundings
from worker.embedded.errors import SearchAttributesMissing
from worker.embedded.temporal import lacking_search_attributes
from worker.hosting import QUEUES

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_report = Reporter(Topic.SERVERS)

CLOCKS_APART = timedelta(seconds=2)
"""A larger difference confuses a comparison of logs with the database's timestamps."""
CLOCKS_TOO_FAR_APART = timedelta(seconds=30)
"""A larger difference makes valid tokens appear expired, or not yet valid."""
POLLED_LATELY = timedelta(seconds=90)
"""A worker polls for tasks at least once a minute."""


async def database(surroundings: Surroundings) -> Sequence[Finding]:
    """Whether the database accepts us, has the newest schema, lets us act as the application's role, and has the same time."""
    url, name = surroundings.database_url, "database"
    if url is None:
        state = "not known here: TENURE_DATABASE_URL is not set" if surroundings.stack.runs else f"not running; {START}"
        return [_report.off(name, state)]
    remedy = "Check its address, user and password in TENURE_DATABASE_URL."
    if surroundings.settings.database_url is None:
        remedy = f"See {surroundings.settings.home / 'logs' / 'postgres.log'}, and restart `make up`."
    try:
        address = make_url(url).set(drivername="postgresql")
        connection = await asyncpg.connect(address.render_as_string(hide_password=False), timeout=None)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ArgumentError, ValueError) as error:
        return [_report.wrong(name, f"cannot be used: {_reason(error)}", remedy)]
    try:
        number = await connection.fetchval("SHOW server_version")
        where = address.render_as_string(hide_password=True)
        found = _report.ok(name, f"PostgreSQL {number} at {where}")
        return [found, await _schema(connection), await _role(connection), await _clock(connection)]
    except asyncpg.PostgresError as error:
        return [_report.wrong(name, f"refuses a question: {_reason(error)}", remedy)]
    finally:
        await connection.close(timeout=1)


async def _schema(connection: _Connection) -> Finding:
    name, known = "schema", await asyncio.to_thread(revisions)
    migrate = "Run `make up` (or `tenure up`) against it, which migrates the database."
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return _report.wrong(name, "the database is empty", migrate)
    there = await connection.fetchval("SELECT version_num FROM alembic_version")
    if there == known[-1]:
        return _report.ok(name, f"revision {there}, the newest")
    if there in known:
        behind = len(known) - 1 - known.index(there)
        return _report.wrong(name, f"revision {there}, {behind} behind {known[-1]}", migrate)
    return _report.wrong(
        name, f"revision {there}, which this code does not know", "Update Tenure to the code that migrated it."
    )


async def _role(connection: _Connection) -> Finding:
    name = "database role"
    permitted = await connection.fetchval(
        "SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = $1", APPLICATION_ROLE
    )
    if permitted:
        return _report.ok(name, f"may act as {APPLICATION_ROLE}")
    if permitted is None:
        return _report.wrong(name, f"there is no role {APPLICATION_ROLE}", "Migrate the database, which creates it.")
    user = await connection.fetchval("SELECT current_user")
    remedy = f'Let the owner of the database run: GRANT {APPLICATION_ROLE} TO "{user}".'
    return _report.wrong(name, f"{user} may not act as {APPLICATION_ROLE}", remedy)


async def _clock(connection: _Connection) -> Finding:
    before = datetime.now(UTC)
    theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
    after = datetime.now(UTC)
    return clock_finding(theirs - before - (after - before) / 2)


def clock_finding(difference: timedelta) -> Finding:
    """Judge the difference by which the database's clock is ahead of this machine's."""
    seconds = difference.total_seconds()
    if abs(difference) <= CLOCKS_APART:
        return _report.ok("clock", f"as the database's, to {max(abs(seconds), 0.001):.3f} s")
    said = f"the database's clock is {abs(seconds):,.0f} s {'ahead of' if seconds > 0 else 'behind'} this machine's"
    remedy = "Synchronise the clocks of both machines by NTP."
    if abs(difference) <= CLOCKS_TOO_FAR_APART:
        return _report.warning("clock", said, remedy)
    return _report.wrong("clock", said, remedy)


async def temporal(surroundings: Surroundings) -> Sequence[Finding]:
    """Whether the Temporal service accepts us and has our search attributes, and whether workers poll it for tasks."""
    name, stack = "Temporal service", surroundings.stack
    remedy = "Check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the key, and that the service runs."
    if not surroundings.external_temporal:
        if stack.temporal is None:
            return [_report.off(name, f"not running; {START}")]
        remedy = f"See {surroundings.settings.home / 'logs' / 'temporal.log'}, and restart `make up`."
    try:
        client = await (Client.connect(stack.temporal) if not surroundings.external_temporal and stack.temporal else connect())
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except (RuntimeError, RPCError, ValueError, OSError) as error:
        return [_report.wrong(name, f"cannot be used: {_reason(error)}", remedy)]
    where = f"{client.service_client.config.target_host}, namespace {client.namespace}"
    found = _report.ok(name, f"version {info.server_version} at {where}")
    attributes, queues = await asyncio.gather(_search_attributes(client), _queues(client, surroundings))
    return [found, attributes, queues]


async def _search_attributes(client: Client) -> Finding:
    name = "search attributes"
    try:
        lacking = await lacking_search_attributes(client)
    except SearchAttributesMissing as error:
        return _report.wrong(name, error.detail.rstrip("."), error.remedy)
    if lacking:
        remedy = "Run `make up`, which adds them, or let the operator of the service add them."
        return _report.wrong(name, f"missing: {', '.join(sorted(lacking))}", remedy)
    return _report.ok(name, f"all are there, in the namespace {client.namespace}")


async def _queues(client: Client, surroundings: Surroundings) -> Finding:
    name = "workers"
    try:
        polled = await asyncio.gather(*(_is_polled(client, queue) for queue in QUEUES))
    except RPCError as error:
        return _report.wrong(
            name, f"cannot be counted: {error.message}", "See that the namespace exists and the key may read it."
        )
    idle = [queue for queue, workers in zip(QUEUES, polled, strict=True) if not workers]
    if not idle:
        return _report.ok(name, f"ask for tasks of {', '.join(QUEUES)}")
    start = "Start a worker with `python -m worker`."
    if surroundings.stack.runs:
        start = f"See why in {surroundings.settings.home / 'logs' / 'worker.log'}."
    return _report.warning(name, f"none asks for tasks of {', '.join(idle)}, so that nothing there goes on", start)


async def _is_polled(client: Client, queue: str) -> bool:
    """Whether a worker has polled for workflow tasks of the queue lately, by the server's own record."""
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue, kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    since = datetime.now(UTC) - POLLED_LATELY
    return any(poller.last_access_time.ToDatetime(tzinfo=UTC) >= since for poller in answer.pollers)


def _reason(error: Exception) -> str:
    """Return an error's text in one line, without the full stop; its class if it has no text."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
