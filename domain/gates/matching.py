"""Assigns as many of a gate's places as possible to people, each of whom fits some places and takes one."""

from collections.abc import Collection, Sequence
from typing import TypeVar

Place = TypeVar("Place")


def assign(places: Sequence[Place], fits: Sequence[Collection[Place]]) -> dict[int, int]:
    """For as many places as can be filled together, by number, the person (by number) who fills each.

    A person who fits several places takes one of them; which one is decided for all people together (a maximum matching by
    augmenting paths), because it must not depend on the order of arrival.
    """
    taken: dict[int, int] = {}

    def seat(person: int, tried: set[int]) -> bool:
        for number, place in enumerate(places):
            if place in fits[person] and number not in tried:
                tried.add(number)
                if number not in taken or seat(taken[number], tried):
                    taken[number] = person
                    return True
        return False

    for person in range(len(fits)):
        seat(person, set())
    return taken
