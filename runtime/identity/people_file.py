"""The people file of a development stack: who there is, under which name and with which roles. It holds no secret."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, TypeAdapter

from domain.identity.roles import Roles
from domain.model import CAN_BE_KEPT, Message

PERSON_ID = r"[!-~]+"
"""What a person's id may have in it: visible ASCII characters, so that it fits into any header, log and key."""
LONGEST_ID, LONGEST_NAME = 200, 200

PersonId = Annotated[str, StringConstraints(pattern=f"^{PERSON_ID}$", max_length=LONGEST_ID)]


def _of_roles(entries: tuple[str, ...]) -> tuple[str, ...]:
    Roles.read(entries)
    return entries


class PersonEntry(Message):
    """A person of the people file; each of `roles` is for every program (`finance`) or for one (`finance@cd-club`)."""

    id: PersonId
    name: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME), CAN_BE_KEPT]
    email: Annotated[str, StringConstraints(max_length=320), CAN_BE_KEPT] | None = None
    roles: Annotated[tuple[str, ...], AfterValidator(_of_roles)]


_ENTRIES = TypeAdapter(tuple[PersonEntry, ...])


def read_people(file: Path) -> tuple[PersonEntry, ...]:
    """Everybody in the people file. Raises OSError or ValueError where it is not there or not of its shape."""
    return _ENTRIES.validate_python(json.loads(file.read_text(encoding="utf-8")))
