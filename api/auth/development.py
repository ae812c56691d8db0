"""The development issuer as the API takes it: its tokens are read as any issuer's, its persons stand in the directory."""

import logging
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth.issuer_keys import KnownKeys
from api.auth.tokens import Tokens
from domain.audit.chain import SYSTEM, Fact
from domain.gates.state import counted
from domain.identity.roles import Roles
from runtime.identity.development_issuer import AUDIENCE, ISSUER, ROLES_CLAIM, DevelopmentIssuer, key_file
from runtime.identity.issuer_settings import DevelopmentUnusable
from runtime.identity.people_file import PersonEntry, read_people
from store.audit import trail
from store.gates import gates
from store.identity import people

logger = logging.getLogger(__name__)


def tokens_of_development(people_file: Path) -> Tokens:
    """What reads the tokens that are signed with the key beside the people file. Raises DevelopmentUnusable."""
    try:
        keys = KnownKeys(DevelopmentIssuer.read(people_file).public_keys)
    except (OSError, ValueError) as error:
        raise DevelopmentUnusable(
            f"The development issuer's key {key_file(people_file)} cannot be read: {error}.",
            remedy="`tenure up` makes one; the people file beside it is named in TENURE_PEOPLE_FILE.",
        ) from error
    return Tokens(ISSUER, AUDIENCE, keys, ROLES_CLAIM)


def persons_of_development(people_file: Path) -> tuple[PersonEntry, ...]:
    """Everybody for whom the development issuer signs. Raises DevelopmentUnusable."""
    try:
        return read_people(people_file)
    except (OSError, ValueError) as error:
        raise DevelopmentUnusable(
            f"The people file {people_file} cannot be read: {error}.",
            remedy="Write a JSON list of {id, name, roles}, and name its place in TENURE_PEOPLE_FILE.",
        ) from error


async def enter(engine: AsyncEngine, persons: tuple[PersonEntry, ...]) -> None:
    """Have the directory know everybody of the people file before they ask for the first time, and nobody else.

    A gate that waits for somebody whom nobody is any more is told of: in the log, and once in the audit trail.
    """
    if not persons:
        return
    known = [
        people.PersonRecord(id=each.id, name=each.name, email=each.email, roles=Roles.read(each.roles)) for each in persons
    ]
    async with engine.begin() as connection:
        await people.enter(connection, known)
        for state, missing in await gates.beyond_reach(connection):
            logger.warning("nobody is left who could approve at %s as %s", state.id, counted(missing))
            fact = Fact(
                program=state.subject.program,
                at=datetime.now(UTC),
                action="gate_beyond_reach",
                actor=SYSTEM,
                about=state.id,
                key=f"{state.id}/gate_beyond_reach/{counted(missing)}",
                details={"lacking": missing},
            )
            await trail.append(connection, fact)
