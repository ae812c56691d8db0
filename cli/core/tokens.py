"""The command's token: one of the development issuer for a person of the people file, or a given one."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cli.core.errors import IssuerKeyUnusable, PeopleFileUnusable, PersonUnknown

if TYPE_CHECKING:
    from runtime.identity.people_file import PersonEntry

Token = Callable[[], str]
"""Makes the token of the next request: one of the development issuer is valid for minutes, and a command may take hours."""
_API_KEY = "tnr_"


def read_people(file: Path) -> "tuple[PersonEntry, ...]":
    """Read the people file. Raises PeopleFileUnusable."""
    from runtime.identity import people_file

    try:
        return people_file.read_people(file)
    except FileNotFoundError:
        raise PeopleFileUnusable(
            f"There is no people file {file}.",
            remedy="`tenure up` writes one; name another one in TENURE_PEOPLE_FILE, or give a token in TENURE_TOKEN.",
        ) from None
    except OSError as error:
        raise PeopleFileUnusable(
            f"The people file {file} cannot be read: {error.strerror}.", remedy="Name another one in TENURE_PEOPLE_FILE."
        ) from error
    except ValueError as error:
        raise PeopleFileUnusable(
            f"The people file {file} is no list of people.", remedy="Write a JSON list of {id, name, roles}."
        ) from error


def tokens_of(file: Path, person: str) -> Token:
    """The tokens of a person in the people file. Raises PeopleFileUnusable, PersonUnknown, IssuerKeyUnusable."""
    from runtime.identity.development_issuer import DevelopmentIssuer, key_file

    people = read_people(file)
    entry = next((entry for entry in people if entry.id == person), None)
    if entry is None:
        known = ", ".join(entry.id for entry in people) or "nobody"
        raise PersonUnknown(f"There is no {person!r} in the people file {file}.", remedy=f"It has {known}.")
    try:
        issuer = DevelopmentIssuer.read(file)
    except (OSError, ValueError) as error:
        raise IssuerKeyUnusable(
            f"The development issuer's key {key_file(file)} cannot be read: {error}.",
            remedy="`tenure up` makes one beside its people file; elsewhere, give the token of your issuer in TENURE_TOKEN.",
        ) from error
    return partial(issuer.token, entry.id, entry.name, entry.roles)


def named(token: str) -> str:
    """The principal in a token, without revealing the token: the same person's next token has the same name."""
    if token.startswith(_API_KEY):
        return f"the API key {token.removeprefix(_API_KEY).partition('_')[0]}"
    try:
        claims = token.split(".")[1]
        return str(json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"])
    except (ValueError, LookupError, TypeError):
        return "a token"
