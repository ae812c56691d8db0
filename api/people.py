"""Who asks: a bearer token per person, and one table of what each role may do."""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, get_args

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr, TypeAdapter

from api.errors import NotAllowed, TokenMissing
from domain.definition import Role
from domain.gates import Person
from domain.model import Value

logger = logging.getLogger(__name__)

Action = Literal[
    "start a program",
    "revise a program",
    "end a program",
    "evaluate a program",
    "read programs",
    "decide at a gate",
    "delegate",
    "load a transaction log",
    "invite members",
    "run a prototype",
    "serve members",
    "confirm points",
    "transfer points",
    "convert points",
    "correct points",
    "stock rewards",
    "read members",
    "check the ledger",
    "read the audit trail",
    "see to notices",
    "read the books",
    "keep the books",
]
_EVERYBODY: frozenset[Role] = frozenset(get_args(Role))
MAY: dict[Action, frozenset[Role]] = {
    "start a program": frozenset({"product_owner"}),
    "revise a program": frozenset({"product_owner"}),
    "end a program": frozenset({"product_owner"}),
    "evaluate a program": frozenset({"product_owner", "analyst"}),
    "read programs": _EVERYBODY,
    # Whose vote a gate takes is the gate's own rule.
    "decide at a gate": _EVERYBODY,
    "delegate": _EVERYBODY,
    "load a transaction log": frozenset({"product_owner", "analyst"}),
    "invite members": frozenset({"product_owner", "marketing", "operations", "member_service"}),
    "run a prototype": frozenset({"product_owner", "analyst"}),
    "serve members": frozenset({"member_service"}),
    "confirm points": frozenset({"member_service", "operations"}),
    "transfer points": frozenset({"member_service", "operations"}),
    "convert points": frozenset({"member_service", "operations"}),
    "correct points": frozenset({"operations", "finance"}),
    "stock rewards": frozenset({"product_owner", "operations"}),
    # Whoever corrects points must see which.
    "read members": frozenset({"member_service", "product_owner", "analyst", "operator", "operations", "finance"}),
    "check the ledger": frozenset({"product_owner", "finance", "operator", "analyst"}),
    "read the audit trail": frozenset({"product_owner", "finance", "legal", "operator"}),
    # They have addresses in them.
    "see to notices": frozenset({"operator", "operations", "product_owner"}),
    "read the books": frozenset({"finance", "product_owner", "analyst"}),
    "keep the books": frozenset({"finance"}),
}


class PersonEntry(Value):
    """A person of the people file."""

    id: str
    name: str
    roles: tuple[Role, ...]
    token: SecretStr


class People:
    """The people of the people file, found by their token; read again when the file changes is not needed: restart the API."""

    def __init__(self, entries: list[PersonEntry]) -> None:
        self._by_digest = {_digest(entry.token.get_secret_value()): entry for entry in entries}

    @classmethod
    def read(cls, path: Path) -> "People":
        """Read the people file. Raises OSError or ValueError where it is not there or not of its shape."""
        return cls(TypeAdapter(list[PersonEntry]).validate_python(json.loads(path.read_text())))

    @property
    def names(self) -> dict[str, str]:
        return {entry.id: entry.name for entry in self._by_digest.values()}

    def by_token(self, token: str) -> Person | None:
        """Whose token it is; compared in constant time."""
        digest = _digest(token)
        for known, entry in self._by_digest.items():
            if hmac.compare_digest(known, digest):
                return Person(id=entry.id, roles=entry.roles)
        return None


_bearer = HTTPBearer(auto_error=False, description="The token of a person in the people file")


async def caller(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Person:
    """The person who asks. Raises TokenMissing."""
    people: People = request.app.state.people
    person = people.by_token(credentials.credentials) if credentials is not None else None
    if person is None:
        raise TokenMissing
    return person


Caller = Annotated[Person, Depends(caller)]


def may(action: Action) -> Callable[[Person], Awaitable[Person]]:
    """A dependency that lets through only who may do this."""

    async def check(person: Caller) -> Person:
        if not MAY[action] & set(person.roles):
            raise NotAllowed(person.id, action, ", ".join(sorted(MAY[action])))
        return person

    return check


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
