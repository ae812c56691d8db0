"""Who sits where: the fullest way to give the places that a gate asks for to people who each fit some and take one."""

from collections.abc import Collection, Sequence
from typing import TypeVar

Place = TypeVar("Place")


def seated(places: Sequence[Place], fits: Sequence[Collection[Place]]) -> dict[int, int]:
    """For as many places as can be filled at once, by number, the person (by number) who fills it.

    Who fits several places takes one of them. Which one is settled for all together (a maximum matching by augmenting paths),
    since it must not depend on who came first.
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
