"""Tables: who decides, for whom, and by which key."""

from sqlalchemy import CheckConstraint, Column, Date, ForeignKey, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.columns import instant, metadata, recorded_at

person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("roles", JSONB, nullable=False, server_default=text("'{}'")),
    instant("seen_at", nullable=True),
)
"""The directory: everybody who may decide, by what the API was last told of them."""

delegation = Table(
    "delegation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("giver", Text, nullable=False),
    Column("taker", Text, nullable=False),
    Column("roles", JSONB, nullable=False),
    Column("program", Text, ForeignKey("store.program.id")),
    instant("since"),
    instant("until"),
    instant("ended_at", nullable=True),
    recorded_at(),
    Index("delegation_by_giver", "giver", "until"),
    Index("delegation_by_taker", "taker", "until"),
)
"""Who decides for whom, from when until when; no program means all. `ended_at` is set where it was ended before its time."""

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", JSONB, nullable=False),
    Column("programs", JSONB(none_as_null=True)),
    instant("expires_at"),
    Column("created_by", Text, nullable=False),
    instant("created_at"),
    Column("revoked_by", Text),
    instant("revoked_at", nullable=True),
    Column("last_used_on", Date),
    recorded_at(),
    CheckConstraint("expires_at > created_at AND expires_at <= created_at + interval '366 days'", name="api_key_ends"),
)
"""The keys of machines; of a secret only the SHA-256 is kept. What a key may never changes, by privilege."""
