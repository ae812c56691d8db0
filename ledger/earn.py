"""Earning, for one request or many: each is posted once, has its answer at its own place, and harms no other.

A batch goes in rounds. A request that reads a member's earlier entries (an expiry that follows activity, a watched counter)
needs the account locked by an earlier statement: a statement sees the database as it was when it began, and not the commits
made while it waited for the lock. So each such request of a member needs its own round. All others share one round.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from asyncpg import Record
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.errors import TenureError
from domain.points.errors import BalanceLimit
from ledger.accounts import SystemAccounts, lock
from ledger.driver import Driver, fetch, transaction
from ledger.earn_statement import details, moved, moves_lots, statement, watches
from ledger.errors import KeyConflict, Stale
from ledger.journal import CHECK_VIOLATION, UNIQUE_VIOLATION, answer_again, persistently, settled, sqlstate, stored, write
from ledger.requests import MAX_POINTS, Earn, PostingResult

_Answers = dict[tuple[str, str], PostingResult | TenureError]


async def earn_many(engine: AsyncEngine, system: SystemAccounts, requests: Sequence[Earn]) -> list[PostingResult | TenureError]:
    """Post the requests; return each answer, or the error of a request that cannot be posted, at the request's place.

    They are posted by program and currency, within these by member (which keeps the order of locks), and a member's requests by
    the instant at which they took effect.
    """
    first: dict[tuple[str, str], Earn] = {}
    for request in requests:
        first.setdefault((request.program, request.key), request)
    in_order = sorted(first.values(), key=lambda each: (each.program, each.currency, each.participant, each.effective_at))
    answers: _Answers = {}
    for (program, currency), alike in groupby(in_order, key=lambda each: (each.program, each.currency)):
        posting = _Posting(engine, program, currency, (await system.of(program, currency))["issuance"])
        answers |= await posting.post(list(alike))
    return list(_in_place(requests, first, answers))


def _in_place(
    requests: Sequence[Earn], first: dict[tuple[str, str], Earn], answers: _Answers
) -> Iterator[PostingResult | TenureError]:
    """Yield the answers in the order of the requests; a repeated key must come with the same request, else KeyConflict."""
    seen: set[tuple[str, str]] = set()
    for request in requests:
        key = (request.program, request.key)
        answer = answers[key]
        if key not in seen:
            yield answer
        elif request.hash() != first[key].hash():
            yield KeyConflict(request.key)
        else:
            yield answer.model_copy(update={"duplicate": True}) if isinstance(answer, PostingResult) else answer
        seen.add(key)


class _Posting:
    """The posting of requests of one program and currency, each with a key of its own."""

    def __init__(self, engine: AsyncEngine, program: str, currency: str, issuance: int) -> None:
        self._engine = engine
        self._program = program
        self._currency = currency
        self._issuance = issuance

    async def post(self, requests: Sequence[Earn]) -> _Answers:
        """Post the requests in one transaction; if the database refuses it, halve the batch until the refused request is alone.

        A request that is stored already fails the batch on its key: it gets its stored answer, and the others are posted.
        """
        # A batch that fails for another reason is halved. A request alone that breaks a check is over the balance limit, and
        # refused; any other error of a request alone is raised.
        try:
            return await persistently(lambda: self._post(requests))
        except IntegrityError as error:
            if sqlstate(error) == UNIQUE_VIOLATION and (known := await self._known(requests)):
                others = [request for request in requests if (self._program, request.key) not in known]
                return known | (await self.post(others) if others else {})
            if len(requests) > 1:
                return await self._halved(requests)
            if sqlstate(error) != CHECK_VIOLATION:
                raise
            return {(self._program, requests[0].key): await self._refuse(requests[0])}
        except DataError:
            if len(requests) > 1:
                return await self._halved(requests)
            raise

    async def _halved(self, requests: Sequence[Earn]) -> _Answers:
        half = len(requests) // 2
        return {**await self.post(requests[:half]), **await self.post(requests[half:])}

    async def _post(self, requests: Sequence[Earn]) -> _Answers:
        if not any(map(_looks_back, requests)):
            asked = statement(self._program, self._currency, self._issuance, requests)
            return self._answers(requests, await fetch(self._engine, *asked))
        answers: _Answers = {}
        async with transaction(self._engine) as driver:
            await self._lock(driver, sorted({request.participant for request in requests}))
            for round_ in _rounds(requests):
                stale = await _stale(driver, round_)
                answers |= {(self._program, key): Stale(key) for key in stale}
                if fresh := [request for request in round_ if request.key not in stale]:
                    asked = statement(self._program, self._currency, self._issuance, fresh)
                    answers |= self._answers(fresh, await driver.fetch(asked.sql, *asked.arguments))
        return answers

    async def _lock(self, driver: Driver, participants: Sequence[str]) -> None:
        """Lock the accounts of the participants in their order; create the missing ones."""
        found = await driver.fetch(_LOCK, self._program, self._currency, participants)
        if len(found) < len(participants):
            await driver.fetch(_MAKE, self._program, self._currency, participants)
            await driver.fetch(_LOCK, self._program, self._currency, participants)

    def _answers(self, requests: Sequence[Earn], rows: Sequence[Record]) -> _Answers:
        answers: _Answers = {}
        for row in rows:
            request = requests[row["position"] - 1]
            # The values are valid already; a second validation would cost more than the rest of the answer.
            answers[self._program, request.key] = PostingResult.model_construct(
                txn_id=row["txn_id"],
                kind=request.kind,
                outcome="posted",
                points=moved(request),
                balance=row["balance"],
                effective_at=request.effective_at,
                recorded_at=row["recorded_at"],
                details=details(request),
            )
        return answers

    async def _known(self, requests: Sequence[Earn]) -> _Answers:
        """Return the answers of the requests that are stored already, or a KeyConflict where another request has the key."""
        async with self._engine.connect() as connection:
            rows = await stored(connection, self._program, [request.key for request in requests])
        answers: _Answers = {}
        for request in requests:
            if request.key in rows:
                try:
                    answers[self._program, request.key] = answer_again(rows[request.key], request.hash())
                except KeyConflict as conflict:
                    answers[self._program, request.key] = conflict
        return answers

    async def _refuse(self, request: Earn) -> PostingResult:
        """Store and return the refusal of an earn that would exceed the account's limit."""
        return await settled(self._engine, lambda connection: _refuse(connection, request))


async def _refuse(connection: AsyncConnection, request: Earn) -> PostingResult:
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
        refusal=BalanceLimit.code,
        detail=f"The balance is {account.posted}, and {request.points} more would bring it above {MAX_POINTS}.",
    )


def _rounds(requests: Sequence[Earn]) -> list[list[Earn]]:
    """Arrange the requests in rounds; a member with a request that reads earlier entries has one request in each round."""
    alone = {request.participant for request in requests if _looks_back(request)}
    if not alone:
        return [list(requests)]
    rounds: list[list[Earn]] = [[]]
    nth: Counter[str] = Counter()
    for request in requests:
        place = nth[request.participant] if request.participant in alone else 0
        nth[request.participant] += 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(request)
    return rounds


def _looks_back(request: Earn) -> bool:
    return moves_lots(request) or watches(request) or bool(request.seen)


async def _stale(driver: Driver, requests: Sequence[Earn]) -> set[str]:
    """Return the keys of the requests whose `seen` counters have changed since."""
    rows = [
        (each.key, each.participant, seen.counter, seen.since, seen.until, seen.amount)
        for each in requests
        for seen in each.seen
    ]
    if not rows:
        return set()
    columns = [list(column) for column in zip(*rows, strict=True)]
    return {row["key"] for row in await driver.fetch(_STALE, requests[0].program, *columns)}


_LOCK = """
SELECT id FROM ledger.account WHERE program = $1 AND currency = $2 AND participant = ANY($3::text[])
ORDER BY participant FOR UPDATE
"""
_MAKE = """
INSERT INTO ledger.account (program, currency, participant) SELECT $1::text, $2::text, unnest($3::text[])
ON CONFLICT DO NOTHING
"""
_STALE = """
SELECT key FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::bigint[])
    AS seen (key, participant, counter, since, until, amount)
WHERE seen.amount <> (
    SELECT coalesce(sum(now.amount), 0) FROM ledger.qualification AS now
    WHERE now.program = $1 AND now.participant = seen.participant AND now.counter = seen.counter
        AND now.effective_at > since AND now.effective_at <= until
)
"""
