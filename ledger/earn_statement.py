"""The SQL statement of an earn: transactions, postings, lots, counters and nudges, for one or many requests of a currency.

Its parts are the same either way. Only the source of the requests differs: one request comes as plain values, which spares the
server most of its planning; many come as columns.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from ledger.requests import Earn

Rows = list[tuple[Any, ...]]


class Statement(NamedTuple):
    """SQL with numbered parameters, and their arguments; it returns `position` (from 1), `txn_id`, `balance`, `recorded_at`."""

    sql: str
    arguments: list[Any]


def statement(program: str, currency: str, issuance: int, requests: Sequence[Earn]) -> Statement:
    """Compose the statement for requests of one program and currency, in the order of the members.

    A request that is stored already makes it fail on the unique key of `txn`. The caller ensures that a member has at most one
    request that reads earlier entries (`moves_lots`, `watches`), and that an earlier statement has locked the account.
    """
    positions = range(1, len(requests) + 1)
    tables = {
        "due": _due(requests),
        "asked": list(_asked(requests)),
        "moving": [
            (each.participant, each.effective_at, each.expires_at, each.renew_lots, each.clock_stands_within)
            for each in requests
            if moves_lots(each)
        ],
        "counted": [
            (place, each.participant, counter, amount)
            for place, each in zip(positions, requests, strict=True)
            if not each.pending
            for counter, amount in each.qualifying.items()
            if amount
        ],
        "waiting": [(place, *_waiting(each)) for place, each in zip(positions, requests, strict=True) if each.pending],
        "nudge": [(workflow,) for each in requests for workflow in each.nudge],
        "watch": [row for each in requests if watches(each) for row in _watched(each)],
    }
    single = len(requests) == 1
    shape = tuple(len(rows) if single else min(len(rows), 1) for rows in tables.values())
    arguments: list[Any] = [program, currency, issuance]
    for rows in tables.values():
        if single:
            arguments += chain.from_iterable(rows)
        elif rows:
            arguments += map(list, zip(*rows, strict=True))
    return Statement(_sql(single, shape), arguments)


def moves_lots(request: Earn) -> bool:
    """Whether the request changes the expiry of the member's open lots."""
    return request.activity and (request.renew_lots or request.clock_stands_within is not None)


def watches(request: Earn) -> bool:
    """Whether the request compares the member's counters with watched figures."""
    return bool(request.watches and request.nudge_on_watch and not request.pending)


def moved(request: Earn) -> int:
    """The points that are posted now."""
    return 0 if request.pending else request.points


def details(request: Earn) -> dict[str, Any]:
    """The details that the transaction stores."""
    return request.details | {"pending": request.points} if request.pending else request.details


def _due(requests: Sequence[Earn]) -> Rows:
    """Return each member's change of the balance, and the instant of the last activity."""
    changes: dict[str, int] = {}
    active: dict[str, Any] = {}
    for each in requests:
        changes[each.participant] = changes.get(each.participant, 0) + moved(each)
        if each.activity:
            last = active.get(each.participant)
            active[each.participant] = each.effective_at if last is None else max(last, each.effective_at)
    return [(participant, change, active.get(participant)) for participant, change in changes.items()]


def _asked(requests: Sequence[Earn]) -> Iterator[tuple[Any, ...]]:
    """Yield the requests, each with the points of the member's later ones: its balance is the account's less those."""
    total: dict[str, int] = {}
    for each in requests:
        total[each.participant] = total.get(each.participant, 0) + moved(each)
    for position, each in enumerate(requests, 1):
        points = moved(each)
        total[each.participant] = later = total[each.participant] - points
        yield (
            position,
            each.participant,
            each.key,
            each.hash(),
            each.kind,
            points,
            later,
            each.activity,
            each.effective_at,
            each.expires_at,
            json.dumps(details(each)),
        )


def _waiting(request: Earn) -> tuple[Any, ...]:
    watched = json.dumps([watch.model_dump(mode="json") for watch in request.watches])
    return request.points, request.expires_at, json.dumps(request.qualifying), watched, request.nudge_on_watch


def _watched(request: Earn) -> Iterator[tuple[Any, ...]]:
    for watch in request.watches:
        # The statement does not see its own writes, so the request's own amount is subtracted from the watched figure.
        own = request.qualifying.get(watch.counter, 0) if request.effective_at > watch.since else 0
        workflow = request.nudge_on_watch
        yield request.participant, request.effective_at, workflow, watch.counter, watch.since, watch.at_least - own


_COLUMNS = {
    "due": "participant text, change bigint, active_at timestamptz",
    "asked": (
        "position bigint, participant text, key text, request_hash bytea, kind text, points bigint, later bigint,"
        " activity boolean, effective_at timestamptz, expires_at timestamptz, details jsonb"
    ),
    "moving": ("participant text, effective_at timestamptz, expires_at timestamptz, renews boolean, stands_within interval"),
    "counted": "position bigint, participant text, counter text, amount bigint",
    "waiting": ("position bigint, points bigint, expires_at timestamptz, qualifying jsonb, watches jsonb, nudge_on_watch text"),
    "nudge": "workflow_id text",
    "watch": ("participant text, effective_at timestamptz, workflow_id text, counter text, since timestamptz, at_least bigint"),
}


@cache
def _sql(single: bool, shape: tuple[int, ...]) -> str:
    """Compose the SQL from the parts that its requests need.

    `shape` has the number of rows of each source: for a single request all of them (each value is a parameter), else 0 or 1.
    """
    sources: dict[str, str] = {}
    first = 4  # after the program, the currency and the issuance account
    for (name, described), rows in zip(_COLUMNS.items(), shape, strict=True):
        columns = [column.split() for column in described.split(",")]
        names = ", ".join(column for column, _ in columns)
        if single:
            parameters = [f"${first + place}::{columns[place % len(columns)][1]}" for place in range(rows * len(columns))]
            values = [", ".join(parameters[start : start + len(columns)]) for start in range(0, len(parameters), len(columns))]
            source = f"(VALUES ({'), ('.join(values)}))"
            first += len(parameters)
        else:
            arrays = [f"${first + place}::{kind}[]" for place, (_, kind) in enumerate(columns)]
            source = f"unnest({', '.join(arrays)})"
            first += len(columns) if rows else 0
        sources[name] = f"{source} AS {name} ({names})"
    needed = {name: bool(rows) for name, rows in zip(_COLUMNS, shape, strict=True)}
    parts = [_ACCOUNT, _ENTRY if single else _ENTRIES_IN_TURN, _TXN, _POSTING, _LOT]
    parts += [part for name, part in _FURTHER.items() if needed[name]]
    nudges = [nudge for name, nudge in _NUDGES.items() if needed[name]]
    if nudges:
        parts.append(_NUDGED + " UNION ".join(nudges) + ")")
    text = "WITH" + ",".join(parts) + "\nSELECT position, txn_id, balance, now() AS recorded_at FROM entry"
    for name, source in sources.items():
        text = text.replace(f"<{name}>", source)
    return text


# In the order of the participants' references, in which every transaction locks accounts.
_ACCOUNT = """
account AS (
    INSERT INTO ledger.account AS known (program, participant, currency, posted, version, last_activity_at)
    SELECT $1::text, participant, $2::text, change, 1, active_at FROM <due> ORDER BY participant COLLATE "C"
    ON CONFLICT (program, participant, currency) DO UPDATE SET
        posted = known.posted + excluded.posted,
        version = known.version + 1,
        last_activity_at = greatest(known.last_activity_at, excluded.last_activity_at)
    RETURNING id, participant, posted
)"""

_ENTRY = """
entry AS MATERIALIZED (
    SELECT asked.*, account.id AS account_id, posted - later AS balance, nextval('ledger.txn_id_seq') AS txn_id
    FROM <asked> JOIN account USING (participant)
)"""

# Transactions and lots are numbered in the order of the requests, whichever way the planner joins: of lots with one expiry, the
# lower number is spent first.
_ENTRIES_IN_TURN = _ENTRY.rstrip(")") + "    ORDER BY position\n)"

_TXN = """
txn AS (
    INSERT INTO ledger.txn (id, program, key, request_hash, kind, account_id, points, balance, activity, details, effective_at)
    SELECT txn_id, $1::text, key, request_hash, kind, account_id, points, balance, activity, details, effective_at FROM entry
)"""

_POSTING = """
posting AS (
    INSERT INTO ledger.posting (txn_id, debit_account, credit_account, amount)
    SELECT txn_id, $3::bigint, account_id, points FROM entry WHERE points > 0
)"""

_LOT = """
lot AS (
    INSERT INTO ledger.lot (account_id, txn_id, amount, remaining, earned_at, expires_at)
    SELECT account_id, txn_id, points, points, effective_at, expires_at FROM entry WHERE points > 0
)"""

# The accounts are locked, so this statement sees them and their lots as they are; `last_activity_at` is the value before this
# round. An event that arrives late makes no expiry earlier, and expired points stay expired.
_MOVED = """
moved AS (
    UPDATE ledger.lot SET
        expires_at = CASE
            WHEN renews THEN moving.expires_at
            ELSE lot.expires_at + (moving.effective_at - before.last_activity_at)
        END
    FROM <moving> JOIN ledger.account AS before
        ON before.program = $1::text AND before.participant = moving.participant AND before.currency = $2::text
    WHERE lot.account_id = before.id AND lot.remaining > 0
        AND (lot.expires_at > moving.effective_at OR lot.expires_at IS NULL AND renews)
        AND CASE
            WHEN renews THEN moving.effective_at >= coalesce(before.last_activity_at, '-infinity')
            ELSE moving.effective_at - before.last_activity_at BETWEEN interval '0' AND stands_within
        END
)"""

_QUALIFICATION = """
qualification AS (
    INSERT INTO ledger.qualification (program, participant, counter, amount, effective_at, txn_id)
    SELECT $1::text, counted.participant, counter, amount, effective_at, txn_id FROM <counted> JOIN entry USING (position)
)"""

# The points and the qualifying amounts wait for the confirmation; the rest of the earn is posted now.
_PENDING = """
pending AS (
    INSERT INTO ledger.pending (txn_id, account_id, points, expires_at, qualifying, watches, nudge_on_watch)
    SELECT txn_id, account_id, waiting.points, waiting.expires_at, qualifying, watches, nudge_on_watch
    FROM <waiting> JOIN entry USING (position)
)"""

_NUDGED = """
nudged AS (
    INSERT INTO ledger.outbox (workflow_id)"""

_WATCHES = """
    SELECT workflow_id FROM <watch>
    WHERE at_least <= (
        SELECT coalesce(sum(earlier.amount), 0) FROM ledger.qualification AS earlier
        WHERE earlier.program = $1::text AND earlier.participant = watch.participant
            AND earlier.counter = watch.counter AND earlier.effective_at > since AND earlier.effective_at <= watch.effective_at
    )"""

_FURTHER = {"moving": _MOVED, "counted": _QUALIFICATION, "waiting": _PENDING}
_NUDGES = {"nudge": "\n    SELECT workflow_id FROM <nudge>", "watch": _WATCHES}
