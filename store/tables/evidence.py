"""Tables: what decisions rest on: logs, prototypes, tests, pilots, readiness, evaluations."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.columns import instant, metadata, of_program, recorded_at

transaction_log = Table(
    "transaction_log",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    recorded_at(),
)

transaction_row = Table(
    "transaction_row",
    metadata,
    Column("log", Text, ForeignKey("store.transaction_log.name", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("customer", Text, nullable=False),
    instant("at"),
    Column("amount", Numeric, nullable=False),
    PrimaryKeyConstraint("log", "number", name="transaction_row_pkey"),
)

prototype_run = Table(
    "prototype_run",
    metadata,
    of_program(),
    Column("revision", Integer, nullable=False),
    Column("log", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("result", JSONB, nullable=False),
    instant("at"),
    recorded_at(),
    PrimaryKeyConstraint("program", "revision", name="prototype_run_pkey"),
)

test_result = Table(
    "test_result",
    metadata,
    of_program(),
    Column("revision", Integer, nullable=False),
    Column("phase", Text, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="1"),
    Column("kind", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("evidence", JSONB, nullable=False),
    instant("at"),
    recorded_at(),
    PrimaryKeyConstraint("program", "revision", "phase", "attempt", name="test_result_pkey"),
)

pilot = Table(
    "pilot",
    metadata,
    of_program(),
    Column("revision", Integer, nullable=False),
    Column("phase", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("cohort", Text, nullable=False),
    instant("opened_at"),
    instant("due"),
    instant("closed_at", nullable=True),
    recorded_at(),
    PrimaryKeyConstraint("program", "revision", "phase", "attempt", name="pilot_pkey"),
    ForeignKeyConstraint(["program", "cohort"], ["store.cohort.program", "store.cohort.name"], name="pilot_cohort"),
)
"""When enrolment was open to which cohort before the launch, for which attempt at a revision's pilot."""

readiness_check = Table(
    "readiness_check",
    metadata,
    of_program(),
    Column("revision", Integer, nullable=False),
    instant("at"),
    Column("ready", Boolean, nullable=False),
    Column("results", JSONB, nullable=False),
    recorded_at(),
    PrimaryKeyConstraint("program", "revision", "at", name="readiness_check_pkey"),
)
"""What every look at a revision's readiness for its launch has found; append-only by privilege."""

readiness_signature = Table(
    "readiness_signature",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    of_program(),
    Column("revision", Integer, nullable=False),
    Column("item", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("note", Text, nullable=False),
    instant("at"),
    Column("taken_back_by", Text),
    instant("taken_back_at", nullable=True),
    recorded_at(),
    CheckConstraint("(taken_back_by IS NULL) = (taken_back_at IS NULL)", name="readiness_signature_taken_back"),
    Index("readiness_signature_once", "program", "revision", "item", unique=True, postgresql_where="taken_back_at IS NULL"),
)
"""Who has signed which item of a revision's readiness; one that was taken back stays, and counts no more."""

evaluation = Table(
    "evaluation",
    metadata,
    Column("id", Text, primary_key=True),
    of_program(),
    Column("consequence", Text, nullable=False),
    Column("verdict", JSONB, nullable=False),
    instant("at"),
    recorded_at(),
    Index("evaluation_by_program", "program", "at"),
)
