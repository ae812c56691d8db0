"""Work done once for each definition: what rules look up again and again is put together at the first need."""

import weakref
from collections.abc import Callable
from typing import TypeVar

from domain.definition.document import Definition

T = TypeVar("T")


def once_for_each(make: Callable[[Definition], T]) -> Callable[[Definition], T]:
    """`make`, remembering what it made for as long as the definition lives; definitions are told apart by identity."""
    made: dict[int, tuple[weakref.ref[Definition], T]] = {}

    def of(definition: Definition) -> T:
        known = made.get(id(definition))
        if known is not None and known[0]() is definition:
            return known[1]
        key = id(definition)
        result = make(definition)
        made[key] = (weakref.ref(definition, lambda gone: made.pop(key, None) if made[key][0] is gone else None), result)
        return result

    return of
