"""NoticeDelivery and its relay: tried until it is taken, dead when it cannot be, sent again on demand, never started twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest
from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.notices.channels import channels_of
from activities.notices.delivery import NoticeActivities
from domain import ids
from domain.notices.gate_notices import Addressee, DeliveryRetries
from runtime.notices_file import MailServer, Notices, Webhook
from store.notices import notices
from store.notices.notices import NoticeRecord
from tests.anchors import AT
from tests.notices import SECRET, MailBox, Receiver, found, mail_server, posted, routing, verified, webhook_receiver
from tests.own_queue import OwnQueue
from tests.program_steps import shown
from tests.workflows.conftest import Histories
from worker.notice_relay import start_deliveries
from workflows.notices.notice_delivery import NoticeDelivery
from workflows.notices.notice_test import NoticeTest

HASTY = DeliveryRetries(first_seconds=0.05, factor=1.0, longest_seconds=0.05, attempts=3)
SLOW = HASTY.model_copy(update={"first_seconds": 3600.0, "longest_seconds": 3600.0})
CHAT = Addressee(channel="webhook", recipient="chat")
MAIL = Addressee(channel="mail", recipient="finance@example.org", roles=("finance",))
NOBODY = Addressee(channel="mail", recipient="nobody@example.org")
_queues = count(1)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
async def box() -> AsyncIterator[MailBox]:
    async with mail_server() as box:
        yield box


@pytest.fixture
def queue() -> str:
    """A queue of this test alone, so that no other worker takes what is on it."""
    return f"notices-{next(_queues)}"


@asynccontextmanager
async def _worker(
    client: Client,
    engine: AsyncEngine,
    queue: str,
    *,
    webhook: Webhook | None = None,
    mail: MailServer | None = None,
    to: tuple[Addressee, ...] = (),
) -> AsyncIterator[None]:
    configured = Notices(routing(*to), mail, {"chat": webhook} if webhook else {})
    async with AsyncClient() as http:
        activities = NoticeActivities(engine, channels_of(configured, http), configured.routing)
        async with Worker(
            client,
            task_queue=queue,
            workflows=[NoticeDelivery, NoticeTest],
            activities=[activities.send_notice, activities.settle_notice, activities.post_test_notices],
            interceptors=[OwnQueue()],
        ):
            yield


async def _result(client: Client, notice: NoticeRecord, round_: int = 1) -> str:
    return str(await client.get_workflow_handle(ids.notice(notice.id, round_), result_type=str).result())


async def _history(client: Client, notice: NoticeRecord, round_: int = 1) -> str:
    return (await client.get_workflow_handle(ids.notice(notice.id, round_)).fetch_history()).to_json()


async def test_a_receiver_in_trouble_is_asked_again_with_the_same_bytes(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, receiver: Receiver, queue: str, histories: Histories
) -> None:
    client = temporal_env.client
    [notice] = await posted(engine, CHAT)
    receiver.answers = [503, 429]
    async with _worker(client, engine, queue, webhook=receiver.webhook):
        assert await start_deliveries(engine, client, queue=queue, retries=HASTY) == 1
        assert await _result(client, notice) == "delivered"
        assert await start_deliveries(engine, client, queue=queue, retries=HASTY) == 0
        assert "Delivered: requested by webhook" in await shown(client, ids.notice(notice.id, 1))
    assert (len(receiver.requests), receiver.bodies, receiver.ids) == (3, {notice.body.encode()}, {notice.id})
    assert all(verified(headers, body) for headers, body in receiver.requests)
    kept = await found(engine, notice)
    assert (kept.state, kept.attempts, kept.last_error) == ("delivered", 3, "The webhook answered 429.")
    assert kept.settled_at is not None
    await histories.keep(client, ids.notice(notice.id, 1), "NoticeDelivery-delivered")


async def test_what_a_receiver_refuses_is_dead_at_once_and_delivered_when_it_is_sent_again(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, receiver: Receiver, queue: str, histories: Histories
) -> None:
    client = temporal_env.client
    [notice] = await posted(engine, CHAT)
    receiver.answers = [404]
    async with _worker(client, engine, queue, webhook=receiver.webhook):
        await start_deliveries(engine, client, queue=queue, retries=HASTY)
        assert await _result(client, notice) == "dead"
        dead = await found(engine, notice)
        assert (dead.state, dead.attempts, dead.last_error) == ("dead", 1, "The webhook answered 404.")
        assert f"tenure notice replay {notice.id}" in await shown(client, ids.notice(notice.id, 1))
        await histories.keep(client, ids.notice(notice.id, 1), "NoticeDelivery-dead")

        async with engine.begin() as connection:
            await notices.replay(connection, notice.id)
        await start_deliveries(engine, client, queue=queue, retries=HASTY)
        assert await _result(client, notice, round_=2) == "delivered"
    assert (len(receiver.requests), receiver.bodies, receiver.ids) == (2, {notice.body.encode()}, {notice.id})
    assert (await found(engine, notice)).state == "delivered"


async def test_patience_ends_and_the_last_error_stands(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, box: MailBox, queue: str
) -> None:
    client = temporal_env.client
    [notice] = await posted(engine, MAIL)
    box.answers = ["451 first", "451 second", "451 third"]
    async with _worker(client, engine, queue, mail=box.server):
        await start_deliveries(engine, client, queue=queue, retries=HASTY)
        assert await _result(client, notice) == "dead"
    assert len(set(box.mails)) == 1
    dead = await found(engine, notice)
    assert (dead.state, dead.attempts, dead.last_error) == ("dead", 3, "The mail server answered 451. third")


async def test_a_delivery_that_is_cancelled_can_be_sent_again(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, receiver: Receiver, queue: str
) -> None:
    client = temporal_env.client
    [notice] = await posted(engine, CHAT)
    await start_deliveries(engine, client, queue=queue, retries=SLOW)
    async with _worker(client, engine, queue):  # it has no such webhook
        async with asyncio.timeout(60):
            while not (await found(engine, notice)).last_error:
                pass  # an attempt that failed is no event of the history; the store tells it to whoever asks
        await client.get_workflow_handle(ids.notice(notice.id, 1)).cancel()
        assert await _result(client, notice) == "dead"
    dead = await found(engine, notice)
    assert (dead.state, dead.last_error) == ("dead", "The notices file has no webhook chat any more.")


async def test_a_relay_that_dies_before_it_has_noted_a_start_does_not_have_the_notice_sent_twice(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, receiver: Receiver, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = temporal_env.client
    [notice] = await posted(engine, CHAT)

    async def dies(connection: AsyncConnection, ids_: object) -> None:
        raise ConnectionResetError

    for _ in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(notices, "mark_started", dies)
            with pytest.raises(ConnectionResetError):
                await start_deliveries(engine, client, queue=queue, retries=HASTY)
    assert await start_deliveries(engine, client, queue=queue, retries=HASTY) == 1
    async with _worker(client, engine, queue, webhook=receiver.webhook):
        assert await _result(client, notice) == "delivered"
        assert await start_deliveries(engine, client, queue=queue, retries=HASTY) == 0
    assert len(receiver.requests) == 1


async def test_a_relay_that_dies_while_the_delivery_goes_on_finds_nothing_left_to_start(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, receiver: Receiver, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = temporal_env.client
    [notice] = await posted(engine, CHAT)

    async def dies(connection: AsyncConnection, ids_: object) -> None:
        raise ConnectionResetError

    async with _worker(client, engine, queue, webhook=receiver.webhook):
        with monkeypatch.context() as patched:
            patched.setattr(notices, "mark_started", dies)
            with pytest.raises(ConnectionResetError):
                await start_deliveries(engine, client, queue=queue, retries=HASTY)
        assert await _result(client, notice) == "delivered"
        assert await start_deliveries(engine, client, queue=queue, retries=HASTY) == 0
    assert len(receiver.requests) == 1


async def test_histories_name_no_address_and_no_secret(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, receiver: Receiver, box: MailBox, queue: str
) -> None:
    client = temporal_env.client
    waiting = await posted(engine, MAIL, NOBODY, CHAT)
    receiver.answers = [500]
    async with _worker(client, engine, queue, webhook=receiver.webhook, mail=box.server):
        await start_deliveries(engine, client, queue=queue, retries=HASTY)
        ends = [await _result(client, notice) for notice in waiting]
    assert ends == ["delivered", "dead", "delivered"]
    text = "".join([await _history(client, notice) for notice in waiting])
    private = ["example.org", "nobody", receiver.address, SECRET, waiting[0].subject]
    assert [each for each in private if each in text] == []
    for notice in waiting:
        described = await client.get_workflow_handle(ids.notice(notice.id, 1)).describe()
        assert await described.static_summary() == f"Notice: requested by {notice.channel}, {notice.gate}"


async def test_a_test_goes_by_every_channel_to_everybody_once(
    engine: AsyncEngine, temporal_env: WorkflowEnvironment, receiver: Receiver, box: MailBox, queue: str, histories: Histories
) -> None:
    client = temporal_env.client
    to = (MAIL, CHAT, MAIL.model_copy(update={"roles": ("legal",)}), Addressee(channel="log", recipient="log"))
    async with _worker(client, engine, queue, webhook=receiver.webhook, mail=box.server, to=to):
        name = f"notice/test/{queue}"
        posted_ids = [
            await client.execute_workflow(NoticeTest.run, "a-key", id=f"{name}/{number}", task_queue=queue) for number in (1, 2)
        ]
        assert posted_ids[0] == posted_ids[1]
        assert await start_deliveries(engine, client, queue=queue, retries=HASTY) == 3
        async with engine.connect() as connection:
            tests = [await notices.find(connection, each) for each in posted_ids[0]]
        assert [await _result(client, notice) for notice in tests] == ["delivered"] * 3
    assert [notice.created_at > AT for notice in tests] == [True] * 3
    assert (len(receiver.requests), box.recipients) == (1, ["finance@example.org"])
    await histories.keep(client, f"{name}/1", "NoticeTest")
