"""The directory: everybody whom the API has been told of or has seen, with the name and the roles that they had then."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.identity.person import Person
from domain.identity.roles import Roles
from domain.model import Message
from store.tables import person

_SEEN_AGAIN = "day"


class PersonRecord(Message):
    """A person; `seen_at` is a recent time at which they asked, to the day; None for who never has."""

    id: str
    name: str
    email: str | None = None
    roles: Roles = Roles()
    seen_at: datetime | None = None

    def in_program(self, program: str) -> Person:
        """The person as a gate of this program sees them."""
        return Person(id=self.id, roles=self.roles.of(program))


async def all_known(connection: AsyncConnection) -> Sequence[PersonRecord]:
    """Everybody in the directory, by their ids."""
    columns = [person.c[name] for name in PersonRecord.model_fields]
    rows = await connection.execute(select(*columns).order_by(person.c.id))
    return [PersonRecord.model_validate(dict(row)) for row in rows.mappings()]


async def directory(connection: AsyncConnection, program: str) -> Sequence[Person]:
    """Everybody in the directory, as a gate of this program sees them."""
    return [record.in_program(program) for record in await all_known(connection)]


async def enter(connection: AsyncConnection, known: Sequence[PersonRecord]) -> None:
    """Write down everybody there is, with their names and roles; when they were seen stays.

    Who is not among them has no role any more; the name stays, for what they have done.
    """
    there = [each.id for each in known]
    await connection.execute(update(person).where(person.c.id.not_in(there)).values(roles=Roles().model_dump(mode="json")))
    if not known:
        return
    rows = [each.model_dump(mode="json", exclude={"seen_at"}) for each in sorted(known, key=lambda each: each.id)]
    statement = insert(person).values(rows)
    new = statement.excluded
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"name": new.name, "email": new.email, "roles": new.roles})
    )


class Sightings:
    """Writes down who asks, once for each change of what their token says, and once a day."""

    def __init__(self) -> None:
        self._written: dict[str, tuple[object, ...]] = {}

    async def seen(self, engine: AsyncEngine, id_: str, name: str | None, email: str | None, roles: Roles) -> None:
        """Somebody asks now; a name or an address that their token does not tell stays as it was."""
        now = datetime.now(UTC)
        lines = (name, email, roles, now.date())
        if self._written.get(id_) == lines:
            return
        values = {"id": id_, "name": name or id_, "email": email, "roles": roles.model_dump(mode="json"), "seen_at": now}
        statement = insert(person).values(values)
        new = statement.excluded
        changed = {
            "name": new.name if name else person.c.name,
            "email": new.email if email else person.c.email,
            "roles": new.roles,
            "seen_at": new.seen_at,
        }
        # Another process may have written the same: then nothing is written.
        differs = (
            func.row(changed["name"], changed["email"], changed["roles"], func.date_trunc(_SEEN_AGAIN, new.seen_at))
        ).is_distinct_from(
            func.row(person.c.name, person.c.email, person.c.roles, func.date_trunc(_SEEN_AGAIN, person.c.seen_at))
        )
        async with engine.begin() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=differs))
        self._written[id_] = lines
