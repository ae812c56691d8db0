"""Tables: answered requests."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.columns import metadata, recorded_at

request = Table(
    "request",
    metadata,
    Column("person", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer),
    Column("answer", JSONB),
    Column("location", Text),
    recorded_at(),
    PrimaryKeyConstraint("person", "key", name="request_pkey"),
)
"""Which POSTs were answered, so that a repeated Idempotency-Key gets the same answer."""
