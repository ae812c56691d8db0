"""The people file of a development stack: the persons with their names and roles. It holds no secret."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, TypeAdapter

from domain.identity.roles import Roles
from domain.model import CAN_BE_KEPT, Message

PERSON_ID = r"[!-~]+"
"""The characters of a person's id: visible ASCII, so that it fits into any header, log and key."""
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
    """Read all persons of the people file. Raises OSError if it cannot be read, ValueError if it has another form."""
    return _ENTRIES.validate_python(json.loads(file.read_text(encoding="utf-8")))
