"""The store as of an instant: what had happened by then, reconstructed from what is kept with its time."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class Present(NamedTuple):
    """Who was a member, with the tier that they had."""

    participant: str
    tier: str
    joined_at: datetime


class MemberMonth(NamedTuple):
    month: date
    joined: int
    left: int


class RewardCount(NamedTuple):
    """How often a reward was asked for by then, by what had become of it; `points` are those of the fulfilled ones."""

    reward: str
    asked: int
    held: int
    fulfilled: int
    voided: int
    refused: int
    points: int


class GateSpan(NamedTuple):
    """A gate that had been opened, and how it had ended, if it had.

    `approvals` and `other_votes` are those that stood by then, and had not been taken back; who broke the glass has approved.
    """

    id: str
    about: str
    outcome: str | None
    opened_at: datetime
    due: datetime
    decided_at: datetime | None
    approvals: int
    other_votes: int
    not_counted: int


class Doubt(NamedTuple):
    """A redemption that had been asked for, and was not settled yet."""

    id: str
    reward: str
    asked_at: datetime


class DeadNotice(NamedTuple):
    """A notice that could not be delivered; whom it was for has an address, and is not told here."""

    id: str
    kind: str
    channel: str
    gate: str | None
    given_up_at: datetime


class Waiting(NamedTuple):
    """An offer whose answer was due, and that had not been closed."""

    id: str
    due: datetime


async def present(connection: AsyncConnection, program: str, as_of: datetime) -> Sequence[Present]:
    """Every member of an instant, with the tier of then."""
    return [Present(*row) for row in await connection.execute(_PRESENT, {"program": program, "as_of": as_of})]


async def members_at(connection: AsyncConnection, program: str, as_of: datetime) -> int:
    """How many members there were at an instant."""
    return int(await connection.scalar(_MEMBERS_AT, {"program": program, "as_of": as_of}) or 0)


async def member_months(connection: AsyncConnection, program: str, zone: str, as_of: datetime) -> Sequence[MemberMonth]:
    """The months in which anybody joined or left, in their order."""
    rows = await connection.execute(_MEMBER_MONTHS, {"program": program, "zone": zone, "as_of": as_of})
    return [MemberMonth(row.month, int(row.joined), int(row.left)) for row in rows]


async def rewards(connection: AsyncConnection, program: str, as_of: datetime) -> Sequence[RewardCount]:
    """Every reward that had been asked for, by its id."""
    rows = await connection.execute(_REWARDS, {"program": program, "as_of": as_of})
    return [RewardCount(row.reward, *(int(figure) for figure in row[1:])) for row in rows]


async def gate_spans(connection: AsyncConnection, program: str, as_of: datetime) -> Sequence[GateSpan]:
    """Every gate that had been opened, in the order of opening."""
    return [GateSpan(*row) for row in await connection.execute(_GATE_SPANS, {"program": program, "as_of": as_of})]


async def in_doubt(connection: AsyncConnection, program: str, as_of: datetime) -> Sequence[Doubt]:
    """The redemptions that were under way, oldest first."""
    return [Doubt(*row) for row in await connection.execute(_IN_DOUBT, {"program": program, "as_of": as_of})]


async def offers_overdue(connection: AsyncConnection, program: str, as_of: datetime) -> Sequence[Waiting]:
    """The offers that should have been closed, oldest first."""
    return [Waiting(*row) for row in await connection.execute(_OFFERS_OVERDUE, {"program": program, "as_of": as_of})]


async def dead_notices(connection: AsyncConnection, program: str, as_of: datetime) -> Sequence[DeadNotice]:
    """The notices that had been given up, and have not been sent again since; oldest first."""
    return [DeadNotice(*row) for row in await connection.execute(_DEAD_NOTICES, {"program": program, "as_of": as_of})]


_THERE = "program = :program AND joined_at <= :as_of AND (left_at IS NULL OR left_at > :as_of)"
_MEMBERS_AT = text(f"SELECT count(*) FROM store.member WHERE {_THERE}")  # noqa: S608
_PRESENT = text(
    f"""
SELECT member.participant, coalesce(held.to_tier, member.tier) AS tier, member.joined_at
FROM (SELECT * FROM store.member WHERE {_THERE}) AS member
LEFT JOIN (
    SELECT DISTINCT ON (participant) participant, to_tier FROM store.tier_change
    WHERE program = :program AND at <= :as_of ORDER BY participant, at DESC, id DESC
) AS held ON held.participant = member.participant
"""  # noqa: S608
)
_MEMBER_MONTHS = text(
    """
SELECT CAST(date_trunc('month', at AT TIME ZONE :zone) AS date) AS month, sum(joined) AS joined, sum("left") AS "left"
FROM (
    SELECT joined_at AS at, 1 AS joined, 0 AS "left" FROM store.member WHERE program = :program
    UNION ALL SELECT left_at, 0, 1 FROM store.member WHERE program = :program AND left_at IS NOT NULL
) AS moved
WHERE at <= :as_of GROUP BY 1 ORDER BY 1
"""
)
_REWARDS = text(
    """
SELECT reward, count(*) AS asked,
    count(*) FILTER (WHERE by_then = 'held') AS held,
    count(*) FILTER (WHERE by_then = 'fulfilled') AS fulfilled,
    count(*) FILTER (WHERE by_then = 'voided') AS voided,
    count(*) FILTER (WHERE by_then = 'refused') AS refused,
    coalesce(sum(points) FILTER (WHERE by_then = 'fulfilled'), 0) AS points
FROM (
    SELECT reward, points, CASE WHEN settled_at <= :as_of THEN state ELSE 'held' END AS by_then
    FROM store.redemption WHERE program = :program AND asked_at <= :as_of
) AS asked
GROUP BY reward ORDER BY reward
"""
)
_GATE_SPANS = text(
    """
WITH said AS (
    SELECT number, about, actor, on_behalf_of, refusal, details->>'answer' AS answer FROM store.audit
    WHERE program = :program AND action = 'vote' AND details->>'answer' IS NOT NULL AND at <= :as_of
), vote AS (
    SELECT about, refusal IS NULL AS counted, answer,
        EXISTS (
            SELECT FROM said AS later
            WHERE later.about = said.about AND later.number > said.number AND later.refusal IS NULL
                AND later.answer = 'withdraw' AND later.actor IN (said.actor, said.on_behalf_of)
        ) AS taken_back
    FROM said
)
SELECT gate.id, gate.state #>> '{subject,title}' AS about,
    CASE WHEN gate.decided_at <= :as_of THEN gate.outcome END AS outcome, gate.opened_at, gate.due,
    CASE WHEN gate.decided_at <= :as_of THEN gate.decided_at END AS decided_at,
    count(*) FILTER (WHERE vote.counted AND NOT taken_back AND answer IN ('approve', 'break_glass')) AS approvals,
    count(*) FILTER (WHERE vote.counted AND NOT taken_back AND answer IN ('request_changes', 'reject')) AS other_votes,
    count(*) FILTER (WHERE NOT vote.counted) AS not_counted
FROM store.gate LEFT JOIN vote ON vote.about = gate.id
WHERE gate.program = :program AND gate.opened_at <= :as_of
GROUP BY gate.id ORDER BY gate.opened_at, gate.id
"""
)
_IN_DOUBT = text(
    """
SELECT id, reward, asked_at FROM store.redemption
WHERE program = :program AND asked_at <= :as_of AND (settled_at IS NULL OR settled_at > :as_of) ORDER BY asked_at, id
"""
)
_OFFERS_OVERDUE = text(
    """
SELECT id, due FROM store.intervention
WHERE program = :program AND due <= :as_of AND (closed_at IS NULL OR closed_at > :as_of) ORDER BY due, id
"""
)
_DEAD_NOTICES = text(
    """
SELECT id, kind, channel, gate, settled_at FROM store.notice
WHERE program = :program AND state = 'dead' AND settled_at <= :as_of ORDER BY settled_at, number
"""
)
