"""An example of every problem: what its class says about a program, a member and a key that could be anybody's."""

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.http.problems import document
from api.http.statuses import status_of
from domain.errors import TenureError
from domain.refusals import Refused

_WORDS: Mapping[str, Any] = {
    "accept": "image/png",
    "accepted": "$10.00",
    "action": "start a program",
    "agreement": "2026-01",
    "asked": "2025-01",
    "allowed": "GET, HEAD",
    "currencies": ["gems"],
    "currency": "gems",
    "current": "2026-01",
    "delegation": "0f3d9a7c5e1b4d6f8a2c4e6081b3d5f7",
    "detail": "The request ends before its body does",
    "ends_at": "2026-04-01T00:00:00+00:00",
    "errors": [{"field": "amount", "problem": "Input should be a valid decimal"}],
    "evaluation": "program/cd-club/evaluation-2026-03-10T09:30:00Z",
    "event": "visit",
    "expected": "cd-club",
    "fee": "$25.00",
    "field": "currency",
    "first": 0,
    "first_open": "2026-02",
    "found": "book-club",
    "from_currency": "points",
    "gate": "program/cd-club/r1/gate/strategy/1",
    "header": "If-Match",
    "key": "9b2f6c1e-till-7",
    "known": ["points", "miles"],
    "expired_at": "2026-01-31T00:00:00+00:00",
    "last": "2026-12",
    "limit": 10_485_760,
    "longest": 200,
    "method": "DELETE",
    "name": "cdnow-first-quarter",
    "needed": "gold",
    "notice": "0f3d9a7c5e1b4d6f8a2c4e6081b3d5f7",
    "number": 17,
    "offered": ["application/json"],
    "participant": "m-1",
    "outstanding": "1,200 points",
    "path": "/programs/cd-club",
    "period": "2026-03",
    "person": "demo-shop",
    "program": "cd-club",
    "prototype": "0f3d9a7c5e1b4d6f8a2c4e6081b3d5f7",
    "redemption": "0f3d9a7c5e1b4d6f8a2c4e6081b3d5f7",
    "reward": "sampler",
    "roles": "product_owner",
    "sent": "application/xml",
    "since": datetime(2026, 3, 10, 9, 30, tzinfo=UTC),
    "state": "waiting",
    "taken": ["application/json"],
    "tier": "silver",
    "tiers": ["silver"],
    "to_currency": "miles",
    "what": "The program",
    "reason": "The provider has none left.",
    "until": "2026-02-28T00:00:00+00:00",
}
"""What stands for each parameter of an error's class; a class with another one says in `example` what it is made with."""


def example(kind: type[TenureError]) -> dict[str, Any]:
    """The problem document of an error of this class; of one that no example can be made of, as much as it says of itself."""
    try:
        return document(made(kind))
    except KeyError:
        plain = TenureError(f"{kind.title}.", remedy="Do as the `remedy` of the answer says.")
        own = {"type": f"/problems/{kind.code}", "title": kind.title, "status": status_of(kind), "code": kind.code}
        return document(plain) | own


def made(kind: type[TenureError]) -> TenureError:
    """An error of this class. Raises KeyError for a parameter that nothing stands for."""
    if (written := vars(kind).get("example")) is not None:
        return kind(**written)
    if issubclass(kind, Refused):  # told in the words of who refuses, of which it has an example
        return kind(kind.detail)
    parameters = inspect.signature(kind).parameters.values()
    return kind(**{each.name: _WORDS[each.name] for each in parameters if each.default is each.empty})
