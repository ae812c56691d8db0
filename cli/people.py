"""The people file on the command line's side: whose token is sent."""

import json
from pathlib import Path
from typing import NamedTuple

from cli.errors import PeopleFileUnusable, PersonUnknown


class Person(NamedTuple):
    """Somebody of the people file."""

    id: str
    name: str
    roles: tuple[str, ...]
    token: str


def read_people(file: Path) -> tuple[Person, ...]:
    """Everybody in the people file. Raises PeopleFileUnusable."""
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        return tuple(Person(entry["id"], entry["name"], tuple(entry["roles"]), entry["token"]) for entry in entries)
    except FileNotFoundError:
        raise PeopleFileUnusable(
            f"There is no people file {file}.",
            remedy="`tenure up` writes one; name another one in TENURE_PEOPLE_FILE, or give a token in TENURE_TOKEN.",
        ) from None
    except OSError as error:
        raise PeopleFileUnusable(
            f"The people file {file} cannot be read: {error.strerror}.", remedy="Name another one in TENURE_PEOPLE_FILE."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise PeopleFileUnusable(
            f"The people file {file} is no list of people.", remedy="Write a JSON list of {id, name, roles, token}."
        ) from error


def token_of(file: Path, person: str) -> str:
    """The person's token. Raises PeopleFileUnusable or PersonUnknown."""
    people = read_people(file)
    for entry in people:
        if entry.id == person:
            return entry.token
    known = ", ".join(entry.id for entry in people) or "nobody"
    raise PersonUnknown(f"There is no {person!r} in the people file {file}.", remedy=f"It has {known}.")
