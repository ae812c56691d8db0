"""Earning: one statement for one request or many, which writes the transaction, its postings, lots, counters and nudges.

A batch goes in rounds. What looks at a member's earlier entries (a clock that follows activity, a watched counter) needs the
account locked by a statement of its own, since a statement sees the database as it was when it began, and not what was
committed while it waited for the lock; and it needs one round for each of the member's requests. All else is one round.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.accounts import Owner, SystemAccounts, lock, lock_all
from ledger.errors import KeyConflict
from ledger.journal import CHECK_VIOLATION, answer_again, settled, sqlstate, stored, write
from ledger.requests import MAX_POINTS, Answer, Earn
from runtime.errors import TenureError


class Engines(NamedTuple):
    """Two ways to the same connections: `autocommit` is for one statement alone, and spares it the begin and the commit."""

    transactional: AsyncEngine
    autocommit: AsyncEngine


async def earn_many(engines: Engines, system: SystemAccounts, requests: Sequence[Earn]) -> list[Answer | TenureError]:
    """Post the requests, and answer each at its place; one that cannot be posted gets its error and harms no other.

    They are posted member by member, which keeps the order of locks, and a member's by the time they took effect.
    """
    if not requests:
        return []
    first: dict[tuple[str, str], Earn] = {}
    for request in requests:
        first.setdefault((request.program, request.key), request)
    for program, currency in {(request.program, request.currency) for request in requests}:
        await system.of(program, currency)
    answers = await _isolated(engines, system, sorted(first.values(), key=lambda each: (_owner(each), each.effective_at)))
    return list(_in_place(requests, first, answers))


def _in_place(
    requests: Sequence[Earn], first: dict[tuple[str, str], Earn], answers: "_Answers"
) -> Iterator[Answer | TenureError]:
    """The answers in the order of the requests; where a key comes again, it must be with the same request."""
    seen: set[tuple[str, str]] = set()
    for request in requests:
        key = (request.program, request.key)
        answer = answers[key]
        if key not in seen:
            yield answer
        elif request.hash() != first[key].hash():
            yield KeyConflict(request.key)
        else:
            yield answer.model_copy(update={"duplicate": True}) if isinstance(answer, Answer) else answer
        seen.add(key)


_Answers = dict[tuple[str, str], Answer | TenureError]


async def _isolated(engines: Engines, system: SystemAccounts, requests: Sequence[Earn]) -> _Answers:
    """Post the requests in one transaction; where the database refuses, halve them until what it refuses is alone."""
    engine = engines.transactional if any(map(_looks_back, requests)) else engines.autocommit
    try:
        return await settled(engine, lambda connection: _post(connection, system, requests))
    except (IntegrityError, DataError) as error:
        if len(requests) > 1:
            half = len(requests) // 2
            return {
                **await _isolated(engines, system, requests[:half]),
                **await _isolated(engines, system, requests[half:]),
            }
        if sqlstate(error) != CHECK_VIOLATION:
            raise
        (request,) = requests
        return {
            (request.program, request.key): await settled(
                engines.transactional, lambda connection: _refuse(connection, request)
            )
        }


async def _refuse(connection: AsyncConnection, request: Earn) -> Answer:
    """The stored refusal of an earn that the account's limit does not allow."""
    account = await lock(connection, request)
    if account.stored is not None:
        return answer_again(account.stored, request.hash())
    return await write(
        connection,
        request,
        kind=request.kind,
        account=account.id,
        outcome="refused",
        points=request.points,
        balance=account.posted,
        refusal="balance_limit",
        detail=f"The balance is {account.posted}, and {request.points} more would bring it above {MAX_POINTS}.",
    )


async def _post(connection: AsyncConnection, system: SystemAccounts, requests: Sequence[Earn]) -> _Answers:
    if any(map(_looks_back, requests)):
        await lock_all(connection, (_owner(request) for request in requests))
    answers: _Answers = {}
    for round_ in _rounds(requests):
        answers |= await _post_round(connection, system, round_)
    return answers


async def _post_round(connection: AsyncConnection, system: SystemAccounts, requests: Sequence[Earn]) -> _Answers:
    issuance = [(await system.of(request.program, request.currency))["issuance"] for request in requests]
    parameters = _parameters(requests, issuance)
    statement = _statement(
        moves_lots=any(map(_moves_lots, requests)),
        qualifies=bool(parameters["counter"]),
        nudges=bool(parameters["nudge_workflow"]),
        watches=bool(parameters["watch_workflow"]),
        pends=bool(parameters["pending_position"]),
    )
    rows = (await connection.execute(statement, parameters)).all()
    answers: _Answers = {}
    for row in rows:
        request = requests[row.position - 1]
        # All of it is known to be sound: to check it again would cost more than the rest of the answer.
        answers[request.program, request.key] = Answer.model_construct(
            txn_id=row.txn_id,
            kind=request.kind,
            outcome="posted",
            points=_moved(request),
            balance=row.balance,
            effective_at=request.effective_at,
            recorded_at=row.recorded_at,
            details=_details(request),
        )
    again = [request for request in requests if (request.program, request.key) not in answers]
    for program in {request.program for request in again}:
        known = await stored(connection, program, [request.key for request in again if request.program == program])
        for request in again:
            if request.program == program:
                try:
                    answers[program, request.key] = answer_again(known[request.key], request.hash())
                except KeyConflict as conflict:
                    answers[program, request.key] = conflict
    return answers


def _rounds(requests: Sequence[Earn]) -> list[list[Earn]]:
    """The requests in rounds; a member with a request that looks back has only one request in each."""
    alone = {(request.program, request.participant) for request in requests if _looks_back(request)}
    if not alone:
        return [list(requests)]
    rounds: list[list[Earn]] = [[]]
    nth: Counter[tuple[str, str]] = Counter()
    for request in requests:
        member = (request.program, request.participant)
        place = nth[member] if member in alone else 0
        nth[member] += 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(request)
    return rounds


def _looks_back(request: Earn) -> bool:
    return _moves_lots(request) or bool(request.watches and request.nudge_on_watch and not request.pending)


def _moves_lots(request: Earn) -> bool:
    return request.activity and (request.renew_lots or request.clock_stands_within is not None)


def _owner(request: Earn) -> Owner:
    return Owner(request.program, request.participant, request.currency)


def _parameters(requests: Sequence[Earn], issuance: Sequence[int]) -> dict[str, list[Any]]:
    """The requests as columns; a position is the request's place in the round, from 1."""
    numbered = list(enumerate(requests, 1))
    counted = [
        (place, counter, amount)
        for place, each in numbered
        if not each.pending
        for counter, amount in each.qualifying.items()
        if amount
    ]
    nudged = [(place, workflow) for place, each in numbered for workflow in each.nudge]
    watched = [
        (
            place,
            each.nudge_on_watch,
            watch.counter,
            watch.since,
            # What this very statement writes it cannot see: the request's own amount comes off the figure to be reached.
            watch.at_least - (each.qualifying.get(watch.counter, 0) if each.effective_at > watch.since else 0),
        )
        for place, each in numbered
        if each.nudge_on_watch and not each.pending
        for watch in each.watches
    ]
    pending = [
        (
            place,
            each.points,
            json.dumps(each.qualifying),
            json.dumps([watch.model_dump(mode="json") for watch in each.watches]),
            each.nudge_on_watch,
        )
        for place, each in numbered
        if each.pending
    ]
    return {
        "program": [each.program for each in requests],
        "participant": [each.participant for each in requests],
        "currency": [each.currency for each in requests],
        "key": [each.key for each in requests],
        "request_hash": [each.hash() for each in requests],
        "kind": [each.kind for each in requests],
        "points": [_moved(each) for each in requests],
        "activity": [each.activity for each in requests],
        "effective_at": [each.effective_at for each in requests],
        "expires_at": [each.expires_at for each in requests],
        "stands_within": [each.clock_stands_within for each in requests],
        "renews": [each.renew_lots for each in requests],
        "details": [json.dumps(_details(each)) for each in requests],
        "issuance": list(issuance),
        **_columns(counted, "counted_position", "counter", "counted"),
        **_columns(nudged, "nudge_position", "nudge_workflow"),
        **_columns(watched, "watch_position", "watch_workflow", "watch_counter", "watch_since", "watch_at_least"),
        **_columns(pending, "pending_position", "pending_points", "pending_qualifying", "pending_watches", "pending_nudge"),
    }


def _moved(request: Earn) -> int:
    """The points that are posted now."""
    return 0 if request.pending else request.points


def _details(request: Earn) -> dict[str, Any]:
    return request.details | {"pending": request.points} if request.pending else request.details


def _columns(rows: Iterable[tuple[Any, ...]], *names: str) -> dict[str, list[Any]]:
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


@cache
def _statement(*, moves_lots: bool, qualifies: bool, nudges: bool, watches: bool, pends: bool) -> TextClause:
    """The statement, without the parts that none of its requests needs."""
    parts = [_ASKED, _ACCOUNT, _ENTRY, _TXN, _POSTING, _LOT]
    if moves_lots:
        parts.append(_MOVED)
    if qualifies:
        parts.append(_QUALIFICATION)
    if pends:
        parts.append(_PENDING)
    if nudges or watches:
        parts.append(_NUDGED + " UNION ".join([_NUDGES] * nudges + [_WATCHES] * watches) + ")")
    return text("WITH" + ",".join(parts) + "\nSELECT position, txn_id, balance, now() AS recorded_at FROM entry")


# A key that is stored already drops out here and is answered by another statement. One that is being stored at this moment is
# not seen, and fails on the unique key of `txn` below.
_ASKED = """
asked AS MATERIALIZED (
    SELECT asked.*, nextval('ledger.txn_id_seq') AS txn_id
    FROM unnest(
        CAST(:program AS text[]), CAST(:participant AS text[]), CAST(:currency AS text[]), CAST(:key AS text[]),
        CAST(:request_hash AS bytea[]), CAST(:kind AS text[]), CAST(:points AS bigint[]), CAST(:activity AS boolean[]),
        CAST(:effective_at AS timestamptz[]), CAST(:expires_at AS timestamptz[]), CAST(:stands_within AS interval[]),
        CAST(:renews AS boolean[]), CAST(:details AS text[]), CAST(:issuance AS bigint[])
    ) WITH ORDINALITY AS asked (
        program, participant, currency, key, request_hash, kind, points, activity, effective_at, expires_at, stands_within,
        renews, details, issuance, position
    )
    WHERE NOT EXISTS (SELECT FROM ledger.txn WHERE txn.program = asked.program AND txn.key = asked.key)
)"""

_ACCOUNT = """
account AS (
    INSERT INTO ledger.account AS known (program, participant, currency, posted, version, last_activity_at)
    SELECT program, participant, currency, CAST(sum(points) AS bigint), 1, max(effective_at) FILTER (WHERE activity)
    FROM asked GROUP BY program, participant, currency ORDER BY program, participant, currency
    ON CONFLICT (program, participant, currency) DO UPDATE SET
        posted = known.posted + excluded.posted,
        version = known.version + 1,
        last_activity_at = greatest(known.last_activity_at, excluded.last_activity_at)
    RETURNING id, program, participant, currency, posted
)"""

# The balance after each of a member's requests in the round: what the account has now, without those that come later.
_ENTRY = """
entry AS MATERIALIZED (
    SELECT
        asked.*, account.id AS account_id,
        CAST(account.posted + sum(points) OVER (PARTITION BY account.id ORDER BY position)
            - sum(points) OVER (PARTITION BY account.id) AS bigint) AS balance
    FROM asked JOIN account USING (program, participant, currency)
)"""

_TXN = """
txn AS (
    INSERT INTO ledger.txn (id, program, key, request_hash, kind, account_id, points, balance, activity, details, effective_at)
    SELECT txn_id, program, key, request_hash, kind, account_id, points, balance, activity, CAST(details AS jsonb), effective_at
    FROM entry
)"""

_POSTING = """
posting AS (
    INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount)
    SELECT txn_id, issuance, account_id, points FROM entry WHERE points > 0
)"""

_LOT = """
lot AS (
    INSERT INTO ledger.lot (account_id, txn_id, amount, remaining, earned_at, expires_at)
    SELECT account_id, txn_id, points, points, effective_at, expires_at FROM entry WHERE points > 0
)"""

# The accounts are locked, so this statement sees them and their lots as they are; `last_activity_at` is that before this round.
# An event that comes late turns no clock back, and what has lapsed by then stays lapsed.
_MOVED = """
moved AS (
    UPDATE ledger.lot SET
        expires_at = CASE
            WHEN renews THEN asked.expires_at
            ELSE lot.expires_at + (asked.effective_at - before.last_activity_at)
        END
    FROM asked JOIN ledger.account AS before USING (program, participant, currency)
    WHERE lot.account_id = before.id AND lot.remaining > 0 AND activity
        AND (lot.expires_at > asked.effective_at OR lot.expires_at IS NULL AND renews)
        AND CASE
            WHEN renews THEN asked.effective_at >= coalesce(before.last_activity_at, '-infinity')
            ELSE asked.effective_at - before.last_activity_at BETWEEN interval '0' AND stands_within
        END
)"""

_QUALIFICATION = """
qualification AS (
    INSERT INTO ledger.qualification (program, participant, counter, amount, effective_at, txn_id)
    SELECT program, participant, counter, amount, effective_at, txn_id
    FROM unnest(CAST(:counted_position AS bigint[]), CAST(:counter AS text[]), CAST(:counted AS bigint[]))
        AS counted (position, counter, amount)
    JOIN entry USING (position)
)"""

# The points, and what they count, wait for their confirmation; all else of the earn is posted now.
_PENDING = """
pending AS (
    INSERT INTO ledger.pending (txn_id, account_id, points, expires_at, qualifying, watches, nudge_on_watch)
    SELECT
        txn_id, account_id, waiting.points, expires_at, CAST(waiting.qualifying AS jsonb), CAST(waiting.watches AS jsonb), nudge
    FROM unnest(
        CAST(:pending_position AS bigint[]), CAST(:pending_points AS bigint[]), CAST(:pending_qualifying AS text[]),
        CAST(:pending_watches AS text[]), CAST(:pending_nudge AS text[])
    ) AS waiting (position, points, qualifying, watches, nudge)
    JOIN entry USING (position)
)"""

_NUDGED = """
nudged AS (
    INSERT INTO ledger.outbox (workflow_id)"""

_NUDGES = """
    SELECT workflow_id
    FROM unnest(CAST(:nudge_position AS bigint[]), CAST(:nudge_workflow AS text[])) AS nudge (position, workflow_id)
    JOIN entry USING (position)"""

_WATCHES = """
    SELECT workflow_id
    FROM unnest(
        CAST(:watch_position AS bigint[]), CAST(:watch_workflow AS text[]), CAST(:watch_counter AS text[]),
        CAST(:watch_since AS timestamptz[]), CAST(:watch_at_least AS bigint[])
    ) AS watch (position, workflow_id, counter, since, at_least)
    JOIN entry USING (position)
    WHERE at_least <= (
        SELECT coalesce(sum(earlier.amount), 0) FROM ledger.qualification AS earlier
        WHERE earlier.program = entry.program AND earlier.participant = entry.participant
            AND earlier.counter = watch.counter AND earlier.effective_at > since AND earlier.effective_at <= entry.effective_at
    )"""
