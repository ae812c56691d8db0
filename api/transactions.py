"""What routes that post to the ledger share: the first answer to a repetition, refusals as problems, one way to answer."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.responses import JSONResponse

from api.errors import BalanceLimit, KeyReused, Refused
from ledger import Answer, KeyConflict
from runtime.errors import TenureError

_DEFAULT_REMEDY = "Look at the member's statement, then ask for what it allows with a new Idempotency-Key."
_REMEDIES = {
    "insufficient_points": "Look at the member's balance, then ask for what it allows with a new Idempotency-Key.",
    "unknown_transaction": "Take the number of a posted transaction from the member's statement.",
    "reversal_of_reversal": "Post anew what it took back, or write an adjustment that says why.",
    "exceeds_original": "Reverse no more than is left of it; its reversals are in the member's statement.",
    "earn_pending": "Cancel it with POST …/transactions/{number}/cancellation.",
    "earn_cancelled": "Nothing has to be done: its points never came.",
    "earn_confirmed": "Its points are posted; take them back with POST …/transactions/{number}/reversal.",
    "not_pending": "Its points are posted; take them back with POST …/transactions/{number}/reversal.",
    "unknown_earn": "Take the number of a pending earn from the member's statement.",
    "below_lowest_allowed": "Reverse fewer points, or write an adjustment; the definition's `clawback` says how far it may go.",
    "unknown_expiry": "Take the number of an entry of kind `expire` from the member's statement.",
    "nothing_to_reinstate": "Nothing has to be done: what lapsed then has come back before.",
    "converts_to_nothing": "Convert more points at once.",
    "not_reversible": "Have a transfer transferred back, and what lapsed reinstated; for all else write an adjustment that "
    "gives or takes the points, and says why.",
}
"""What to do about a refusal of the ledger, by its code."""


def refusal(code: str, detail: str) -> TenureError:
    """The ledger's refusal, in its own words, with what the caller can do."""
    if code == "balance_limit":
        return BalanceLimit(detail)
    return Refused(code, detail, _REMEDIES.get(code, _DEFAULT_REMEDY))


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
        raise refusal(str(answer.refusal), str(answer.detail))
    headers = {"Location": f"/programs/{program}/members/{participant}/transactions/{answer.txn_id}"}
    if answer.duplicate:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(shown(answer), status_code=201, headers=headers)


_TOLD = ("tier", "reward", "reason", "author", "to_participant", "to_currency", "rate", "received")
"""What of a transaction's details is shown: the tier that it was rated for, the reward that it paid, why, by whom, to whom."""


def shown(answer: Answer) -> dict[str, Any]:
    """A transaction as it was answered."""
    found = {
        "transaction": answer.txn_id,
        "kind": answer.kind,
        "outcome": answer.outcome,
        "points": answer.points,
        "balance": answer.balance,
        "effective_at": answer.effective_at.isoformat(),
    }
    return found | {name: answer.details[name] for name in _TOLD if name in answer.details}
