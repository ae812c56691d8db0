"""Transactions at the edge: asked for once under the caller's key, and told as the ledger answered them."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.responses import JSONResponse

from api.errors import BalanceLimit, KeyReused, Refused
from ledger import Answer, KeyConflict
from runtime.errors import TenureError


async def first_answer(ask: Callable[[], Awaitable[Answer]], before: Callable[[], Awaitable[Answer | None]]) -> Answer:
    """The ledger's answer to a request. One that comes again gets its first answer, even where it would be refused now."""
    try:
        return await ask()
    except KeyConflict:
        raise
    except TenureError:
        answer = await before()
        if answer is None:
            raise
        return answer


@contextmanager
def own_key(key: str) -> Iterator[None]:
    """A conflict in the ledger, told with the key that the caller knows."""
    try:
        yield
    except KeyConflict as conflict:
        raise KeyReused(key) from conflict


def posted(program: str, participant: str, answer: Answer) -> JSONResponse:
    """The answer of a transaction. Raises the refusal where the ledger refused, in the ledger's words."""
    if answer.outcome == "refused":
        raise refusal(answer)
    headers = {"Location": f"/programs/{program}/members/{participant}/transactions/{answer.txn_id}"}
    if answer.duplicate:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(told(answer), status_code=201, headers=headers)


def refusal(answer: Answer) -> TenureError:
    """The ledger's refusal, in its own words, with what the shop can do."""
    code, detail = str(answer.refusal), str(answer.detail)
    match code:
        case "balance_limit":
            return BalanceLimit(detail)
        case _:
            return Refused(
                code, detail, "Look at the member's balance, then ask for what it allows with a new Idempotency-Key."
            )


def told(answer: Answer) -> dict[str, Any]:
    """A transaction as it was answered: the tier that it was rated for, the points that wait, or the reward that it paid."""
    found = {
        "transaction": answer.txn_id,
        "kind": answer.kind,
        "outcome": answer.outcome,
        "points": answer.points,
        "balance": answer.balance,
        "effective_at": answer.effective_at.isoformat(),
    }
    return found | {name: answer.details[name] for name in ("tier", "pending", "reward") if name in answer.details}
