"""Tables: gates, what was answered at them, and who is told."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.columns import instant, metadata, of_program, recorded_at

gate = Table(
    "gate",
    metadata,
    Column("id", Text, primary_key=True),
    of_program(),
    Column("gate", Text, nullable=False),
    instant("opened_at"),
    instant("due"),
    Column("outcome", Text),
    instant("decided_at", nullable=True),
    Column("state", JSONB, nullable=False),
    recorded_at(),
    Index("gate_open", "program", postgresql_where="outcome IS NULL"),
)

gate_answer = Table(
    "gate_answer",
    metadata,
    Column("gate", Text, ForeignKey("store.gate.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("refusal", JSONB(none_as_null=True)),
    Column("state", JSONB(none_as_null=True)),
    recorded_at(),
    PrimaryKeyConstraint("gate", "person", "key", name="gate_answer_pkey"),
)
"""What became of each decision handed to a gate: the gate after it where it counted, or why it did not; neither: it is open."""

notice = Table(
    "notice",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Text, nullable=False),
    Column("program", Text, ForeignKey("store.program.id")),
    Column("gate", Text),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("round", Integer, nullable=False, server_default="1"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    instant("created_at"),
    instant("started_at", nullable=True),
    instant("settled_at", nullable=True),
    recorded_at(),
    UniqueConstraint("id", name="notice_id"),
    Index("notice_waiting", "number", postgresql_where="state = 'waiting' AND started_at IS NULL"),
    Index("notice_by_state", "state", "number"),
)
"""What is to be told to one recipient by one channel: `waiting`, then `delivered` or `dead`; a replay is a further `round`."""
