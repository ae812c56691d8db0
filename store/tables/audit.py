"""Tables: the audit trail, chained by hash."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.columns import instant, metadata

audit = Table(
    "audit",
    metadata,
    Column("program", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    instant("at"),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text),
    Column("on_behalf_of", Text),
    Column("about", Text),
    Column("key", Text),
    Column("refusal", Text),
    Column("details", JSONB, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    instant("recorded_at"),
    PrimaryKeyConstraint("program", "number", name="audit_pkey"),
    Index("audit_once", "program", "key", unique=True, postgresql_where="key IS NOT NULL"),
    Index("audit_about", "about", "number", postgresql_where="about IS NOT NULL"),
    Index("audit_by_actor", "actor", "recorded_at", postgresql_where="action = 'vote'"),
    Index("audit_by_giver", "on_behalf_of", "recorded_at", postgresql_where="on_behalf_of IS NOT NULL"),
)
"""Who decided and did what, refused attempts included (`refusal` says why); a chain of hashes, append-only by privilege."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("program", Text, primary_key=True),
    Column("number", BigInteger, nullable=False, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
"""The last entry of each chain; moved by a trigger, and by nobody else."""
