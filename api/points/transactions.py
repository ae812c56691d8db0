"""What the ledger answered, as the API tells it: a transaction, or a refusal with what to do about it."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from fastapi.responses import JSONResponse
from pydantic import JsonValue

from api.http.openapi import links
from domain.errors import TenureError
from domain.errors_input import KeyReused
from domain.model import Value
from domain.points.errors import BalanceLimit
from domain.points.errors_ledger import NotReversible
from domain.refusals import refused
from domain.rewards.errors import InsufficientPoints
from ledger import KeyConflict, PostingResult

_LOOK_AT_THE_BALANCE = "Look at the member's balance for what is available, then ask with a new Idempotency-Key."
_INSTEAD = {
    "transfer": "Have the other member transfer the points back.",
    "transfer_in": "Transfer the points back to the member whom they came from.",
    "adjustment": "Adjust by the same points with the opposite sign.",
    "convert": "Convert the points back where the program does that, or adjust both currencies.",
    "convert_in": "Convert the points back where the program does that, or adjust both currencies.",
    "expire": "Reinstate it where the program does that, or give the points by an adjustment.",
    "reinstate": "Take the points by an adjustment.",
    "forfeit": "Give the points by an adjustment.",
    "cash_out": "Settle it with the member outside of the program, which has ended.",
    "convert_out": "Settle it with the member outside of the program, which has ended.",
    "write_off": "Settle it with the member outside of the program, which has ended.",
    "hold": "It moved no points; its redemption captures or voids it.",
}
"""What to do instead of a reversal, by the kind of the transaction that has none."""


class TransactionOut(Value):
    """A transaction as it was answered: what it moved, the balance after it, and what tells about it."""

    transaction: int
    kind: str
    outcome: Literal["posted"]
    points: int
    balance: int
    effective_at: datetime
    tier: str | None = None
    pending: bool | None = None
    reward: str | None = None
    change: JsonValue = None
    reason: str | None = None
    author: str | None = None
    to_participant: str | None = None
    from_participant: str | None = None
    to_currency: str | None = None
    rate: JsonValue = None
    received: int | None = None


_OF_MEMBER = {"program": "$request.path.program", "participant": "$request.path.participant"}
MOVED = links(
    201,
    show_transaction=_OF_MEMBER | {"number": "$response.body#/transaction"},
    show_balance=_OF_MEMBER,
    show_statement=_OF_MEMBER,
)
"""Where a transaction leads to."""


async def first_answer(
    ask: Callable[[], Awaitable[PostingResult]], before: Callable[[], Awaitable[PostingResult | None]]
) -> PostingResult:
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


def posted(program: str, participant: str, answer: PostingResult) -> JSONResponse:
    """The answer of a transaction. Raises the refusal where the ledger refused, in the ledger's words."""
    if answer.outcome == "refused":
        raise refusal(str(answer.refusal), str(answer.detail))
    headers = {"Location": f"/programs/{program}/members/{participant}/transactions/{answer.txn_id}"}
    if answer.duplicate:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(to_response(answer), status_code=201, headers=headers)


def refusal(code: str, detail: str, *, kind: str = "") -> TenureError:
    """The ledger's refusal, in its own words, with what can be done; `kind` is that of the transaction it is about."""
    if code == BalanceLimit.code:
        return BalanceLimit(detail)
    if code == InsufficientPoints.code:
        return refused(code, detail, _LOOK_AT_THE_BALANCE)
    return refused(code, detail, _INSTEAD.get(kind) if code == NotReversible.code else None)


def to_response(answer: PostingResult) -> dict[str, Any]:
    """A transaction as it was answered, with what tells about it: the tier of an earn, the reason of a correction."""
    found = {
        "transaction": answer.txn_id,
        "kind": answer.kind,
        "outcome": answer.outcome,
        "points": answer.points,
        "balance": answer.balance,
        "effective_at": answer.effective_at.isoformat().replace("+00:00", "Z"),  # as everything else that is answered
    }
    return found | {name: answer.details[name] for name in _TOLD if name in answer.details}


_TOLD = (
    "tier",
    "pending",
    "reward",
    "change",
    "reason",
    "author",
    "to_participant",
    "from_participant",
    "to_currency",
    "rate",
    "received",
)
