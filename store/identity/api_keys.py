"""API keys of machines: whose they are, what they may, until when; of the secret itself only its SHA-256."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.identity.roles import Role, Roles
from domain.model import Message
from store.tables import api_key


class ApiKeyRecord(Message):
    """An API key without its secret; `programs` is None for one that is good for all."""

    id: str
    name: str
    roles: tuple[Role, ...]
    programs: tuple[str, ...] | None
    expires_at: datetime
    created_by: str
    created_at: datetime
    revoked_by: str | None = None
    revoked_at: datetime | None = None
    last_used_on: date | None = None

    @property
    def granted(self) -> Roles:
        """What the key may, as the roles of whoever shows it."""
        if self.programs is None:
            return Roles(everywhere=self.roles)
        return Roles(by_program=dict.fromkeys(self.programs, self.roles))

    def is_good(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at


_COLUMNS = [api_key.c[name] for name in ApiKeyRecord.model_fields]


async def add(connection: AsyncConnection, record: ApiKeyRecord, digest: str) -> None:
    """Keep a new key; `digest` is the SHA-256 of its secret, in hexadecimal."""
    stated = {"roles": list(record.roles), "programs": None if record.programs is None else list(record.programs)}
    await connection.execute(insert(api_key).values(record.model_dump() | stated | {"digest": digest}))


async def find(connection: AsyncConnection, id_: str) -> ApiKeyRecord | None:
    row = (await connection.execute(select(*_COLUMNS).where(api_key.c.id == id_))).mappings().one_or_none()
    return ApiKeyRecord.model_validate(dict(row)) if row is not None else None


async def find_with_digest(connection: AsyncConnection, id_: str) -> tuple[ApiKeyRecord, str] | None:
    """A key, and the SHA-256 that its secret must have."""
    row = (await connection.execute(select(*_COLUMNS, api_key.c.digest).where(api_key.c.id == id_))).mappings().one_or_none()
    return (ApiKeyRecord.model_validate(dict(row)), str(row["digest"])) if row is not None else None


async def listed(connection: AsyncConnection, after: tuple[datetime, str] | None = None) -> Sequence[ApiKeyRecord]:
    """Every key, newest first; `after` is the making and the id of the one before."""
    query = select(*_COLUMNS).order_by(api_key.c.created_at.desc(), api_key.c.id)
    if after is not None:
        made, id_ = after
        query = query.where((api_key.c.created_at < made) | ((api_key.c.created_at == made) & (api_key.c.id > id_)))
    rows = await connection.execute(query)
    return [ApiKeyRecord.model_validate(dict(row)) for row in rows.mappings()]


async def revoke(connection: AsyncConnection, id_: str, by: str, at: datetime) -> None:
    """End a key; one that is revoked stays as it was revoked."""
    await connection.execute(
        update(api_key).where(api_key.c.id == id_, api_key.c.revoked_at.is_(None)).values(revoked_by=by, revoked_at=at)
    )


async def used(connection: AsyncConnection, id_: str, on: date) -> None:
    """Note the day on which a key was used last."""
    await connection.execute(
        update(api_key).where(api_key.c.id == id_, api_key.c.last_used_on.is_distinct_from(on)).values(last_used_on=on)
    )
