"""A batch of events as it comes in and is answered: each event that can be read, and for each that cannot the reason why."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic_core
from fastapi.responses import JSONResponse
from pydantic import StringConstraints, TypeAdapter, ValidationError

from api.http.errors_idempotency import KeyInvalid, KeyMissing
from api.http.idempotency import KEY, LONGEST_KEY
from api.http.openapi import Problem
from api.http.problems import document, of_shape
from domain.errors import TenureError
from domain.errors_input import InvalidRequest
from domain.ids import ParticipantId
from domain.model import Value
from services.points.rating import EventIn

MOST = 10_000
"""Events in one batch: what the ledger posts in the time that a caller waits for an answer."""


class KeyedEvent(EventIn):
    """An event with what its own request would say elsewhere: the member in the address, the key in the header."""

    key: Annotated[str, StringConstraints(pattern=f"^{KEY}$", max_length=LONGEST_KEY)]
    participant: ParticipantId


class NotTaken(Value):
    """An event that is not posted, and why; its key as it came, null where there was none."""

    key: str | None
    status: Literal["refused"]
    problem: Problem


BODY = {
    "requestBody": {
        "required": True,
        "description": f"From 1 to {MOST:,} events, each with an idempotency key of its own.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["events"],
                    "additionalProperties": False,
                    "properties": {
                        "events": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST,
                            "items": KeyedEvent.model_json_schema(),
                        }
                    },
                }
            }
        },
    }
}
"""How OpenAPI describes the body: it is read here and not by the framework, which would refuse all events for one."""

_EVENTS = TypeAdapter(list[KeyedEvent])


def read(body: bytes) -> tuple[list[KeyedEvent | TenureError], list[str | None]]:
    """The events of a body at their places, with the problem of each that is none, and the keys as they came.

    Raises InvalidRequest for a body that is no batch at all.
    """
    items = _items(body)
    keys = [item["key"] if isinstance(item, dict) and isinstance(item.get("key"), str) else None for item in items]
    return _each(items), keys


def refused(place: int, key: str | None, error: TenureError) -> dict[str, Any]:
    """What an event that is not taken is answered: the problem, with its fields named as those of the batch."""
    problem = document(error)
    placed: dict[str, Any] = {"field": _within(f"events[{place}]", problem.get("field", ""))}
    if "errors" in problem:
        placed["errors"] = [{**each, "field": _within(f"events[{place}]", each["field"])} for each in problem["errors"]]
    return {"key": key, "status": "refused", "problem": problem | placed}


def answered(results: Sequence[Mapping[str, Any]]) -> JSONResponse:
    """The answer to a batch: how many were posted, repeated and refused, and each result at its place."""
    counts = {status: sum(result["status"] == status for result in results) for status in ("posted", "repeated", "refused")}
    return _Ascii({**counts, "results": results})


class _Ascii(JSONResponse):
    """In ASCII, so that it can give back any key, even one that no encoding can write."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode()


def _within(place: str, field: str) -> str:
    # An event that is no object at all is wrong as a whole; its key is what a single request has in its header.
    inside = {"body": "", "Idempotency-Key": "key"}.get(field, field)
    return f"{place}.{inside}" if inside else place


def _items(body: bytes) -> list[Any]:
    found = _parsed(body)
    if not isinstance(found, dict):
        raise InvalidRequest([{"field": "body", "problem": 'the body must be an object: {"events": [...]}'}])
    if foreign := sorted(found.keys() - {"events"}):
        raise InvalidRequest([{"field": foreign[0][:40], "problem": "the body has nothing but `events`; take this away"}])
    items = found.get("events")
    if not isinstance(items, list):
        raise InvalidRequest([{"field": "events", "problem": f"there must be a list of 1 to {MOST:,} events"}])
    if not items:
        raise InvalidRequest([{"field": "events", "problem": f"the list is empty; send 1 to {MOST:,} events"}])
    if len(items) > MOST:
        problem = f"there are {len(items):,} events, and at most {MOST:,} may come at once; send them in several batches"
        raise InvalidRequest([{"field": "events", "problem": problem}])
    return items


def _parsed(body: bytes) -> Any:
    try:
        return pydantic_core.from_json(body)
    except ValueError:
        pass
    # The standard library also reads what only one event may be wrong for: half a surrogate, a number of 5,000 digits.
    try:
        return json.loads(body, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest([{"field": "body", "problem": f"the body is not JSON ({str(error)[:100]})"}]) from error


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < 1000 else Decimal(digits)


def _each(items: Sequence[Any]) -> list[KeyedEvent | TenureError]:
    """All at once, since that is quick; where that fails, all but those that have faults."""
    try:
        return list(_EVENTS.validate_python(items))
    except ValidationError as error:
        faults = _by_item(error)
    sound = iter(_EVENTS.validate_python([item for place, item in enumerate(items) if place not in faults]))
    return [_problem(faults[place]) if place in faults else next(sound) for place in range(len(items))]


def _by_item(error: ValidationError) -> Mapping[int, list[dict[str, Any]]]:
    faults: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for fault in error.errors(include_url=False, include_input=False):
        place, *inside = fault["loc"]
        assert isinstance(place, int)
        faults[place].append({**fault, "loc": tuple(inside)})
    return faults


def _problem(faults: Sequence[Mapping[str, Any]]) -> TenureError:
    """What a single request would have been told: of its key first, then of its body."""
    for fault in faults:
        if fault["loc"] == ("key",):
            return KeyMissing("key") if fault["type"] == "missing" else KeyInvalid(LONGEST_KEY, "key")
    return of_shape(faults)
