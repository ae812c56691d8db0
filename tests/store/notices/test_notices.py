"""Notices as they are kept: with what they tell of, once for each recipient, whatever is repeated."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.notices.gate_notices import Addressee
from store.notices import notices
from store.notices.notices import NoticeNotDead, NoticeUnknown
from tests.anchors import AT
from tests.notices import a_gate, found, gate_notice, posted, routing

MAIL = Addressee(channel="mail", recipient="finance@example.org", roles=("finance",))
CHAT = Addressee(channel="webhook", recipient="chat")
LEGAL = Addressee(channel="mail", recipient="legal@example.org", roles=("legal",))
ELSEWHERE = Addressee(channel="mail", recipient="other@example.org", programs=("other",))


async def test_a_notice_is_kept_once_for_each_recipient_however_often_it_is_posted(engine: AsyncEngine) -> None:
    first = await posted(engine, MAIL, CHAT, LEGAL, ELSEWHERE)
    assert [(notice.channel, notice.recipient) for notice in first] == [("mail", MAIL.recipient), ("webhook", "chat")]
    program = first[0].program
    assert program is not None
    assert {notice.subject for notice in first} == {
        f"Waits for marketing, finance: Club: the concept ({program}, gate strategy)"
    }
    state = a_gate(program)
    async with engine.begin() as connection:
        await notices.post(connection, gate_notice(state), routing(MAIL, CHAT))
        await notices.post(connection, gate_notice(state, "reminded", number=1), routing(MAIL))
        await notices.post(connection, gate_notice(state, "reminded", number=2), routing(MAIL))
        all_ = await notices.listed(connection, state=None, program=program, before=None, limit=10)
        assert await notices.listed(connection, state=None, program="other", before=None, limit=10) == []
    assert [notice.kind for notice in all_] == ["reminded", "reminded", "requested", "requested"]


async def test_what_is_not_committed_is_never_told(engine: AsyncEngine) -> None:
    [committed] = await posted(engine, CHAT)
    state = a_gate(committed.program or "")
    async with engine.connect() as connection:
        await notices.post(connection, gate_notice(state), routing(MAIL))
        await connection.rollback()
        assert [notice.id for notice in await notices.claim(connection, 10)] == [committed.id]


async def test_nobody_to_tell_is_no_error(engine: AsyncEngine) -> None:
    assert await posted(engine) == []


async def test_a_notice_that_one_relay_has_claimed_is_not_another_ones(engine: AsyncEngine) -> None:
    await posted(engine, MAIL, CHAT)
    async with engine.begin() as one, engine.begin() as other:
        first = await notices.claim(one, 1)
        second = await notices.claim(other, 10)
        assert [notice.channel for notice in (*first, *second)] == ["mail", "webhook"]
        await notices.mark_started(one, [notice.id for notice in first])
    async with engine.begin() as connection:
        assert [notice.channel for notice in await notices.claim(connection, 10)] == ["webhook"]


async def test_a_round_that_is_over_stays_as_it_ended(engine: AsyncEngine) -> None:
    [notice] = await posted(engine, MAIL)
    async with engine.begin() as connection:
        begun = await notices.begin_attempt(connection, notice.id, 1)
        assert begun is not None
        assert begun.attempts == 1
        await notices.note_error(connection, notice.id, 1, "The mail server answered 451.")
        await notices.settle(connection, notice.id, 1, "dead", AT, error="less is known")
        await notices.settle(connection, notice.id, 1, "delivered", AT)
        assert await notices.begin_attempt(connection, notice.id, 1) is None
    dead = await found(engine, notice)
    assert (dead.state, dead.attempts, dead.last_error) == ("dead", 1, "The mail server answered 451.")


async def test_only_what_is_dead_is_sent_again_and_the_round_before_cannot_settle_it(engine: AsyncEngine) -> None:
    [notice] = await posted(engine, MAIL)
    async with engine.begin() as connection:
        with pytest.raises(NoticeNotDead, match="is waiting"):
            await notices.replay(connection, notice.id)
        with pytest.raises(NoticeUnknown):
            await notices.replay(connection, "0" * 32)
        await notices.mark_started(connection, [notice.id])
        await notices.settle(connection, notice.id, 1, "dead", AT, error="cancelled")
        assert (await notices.replay(connection, notice.id)).round == 2
        assert [each.id for each in await notices.claim(connection, 10)] == [notice.id]
        await notices.settle(connection, notice.id, 1, "delivered", AT)
        assert await notices.begin_attempt(connection, notice.id, 1) is None
        assert await notices.begin_attempt(connection, notice.id, 2) is not None
    assert (await found(engine, notice)).state == "waiting"


async def test_addresses_of_what_was_delivered_are_forgotten_in_time(engine: AsyncEngine) -> None:
    delivered, waiting = await posted(engine, MAIL, CHAT)
    async with engine.begin() as connection:
        await notices.settle(connection, delivered.id, 1, "delivered", AT)
        assert await notices.clear_delivered(connection, AT) == 0
        assert await notices.clear_delivered(connection, AT + timedelta(seconds=1)) == 1
        left = await notices.listed(connection, state=None, program=None, before=None, limit=10)
    assert [notice.id for notice in left] == [waiting.id]
