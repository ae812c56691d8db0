"""Results computed once for each definition, at the first use, for rules that need them often."""

import weakref
from collections.abc import Callable
from typing import TypeVar

from domain.definition.document import Definition

T = TypeVar("T")


def cached_per_definition(make: Callable[[Definition], T]) -> Callable[[Definition], T]:
    """Wrap `make` so that it runs once for each definition, by identity, as long as the definition is alive."""
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
