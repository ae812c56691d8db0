"""Tables: the steps of an end, what is told to whom, and the books."""

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.columns import instant, metadata, of_program, recorded_at

wind_down_step = Table(
    "wind_down_step",
    metadata,
    of_program(),
    Column("step", Text, nullable=False),
    Column("number", Integer, nullable=False),
    instant("due", nullable=True),
    instant("began_at", nullable=True),
    instant("ended_at", nullable=True),
    Column("told", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("trouble", Text, nullable=False, server_default=""),
    Column("figures", JSONB, nullable=False, server_default="{}"),
    recorded_at(),
    PrimaryKeyConstraint("program", "step", name="wind_down_step_pkey"),
)
"""The steps of a program's end: when each is due, began and ended, what it did, how often tried, what last went wrong."""

announcement = Table(
    "announcement",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    of_program(),
    Column("about", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("kind", Text, nullable=False),
    instant("at"),
    Column("told", JSONB, nullable=False, server_default="{}"),
    recorded_at(),
    UniqueConstraint("program", "about", "kind", "audience", "recipient", name="announcement_once"),
    Index("announcement_in_turn", "program", "about", "id"),
)
"""What is to be told to whom, by reference, for whoever writes to them: of the program's end (`about` is `end`), or of an
amendment (`r2`); each notice once for each recipient."""

books_estimate = Table(
    "books_estimate",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    of_program(),
    Column("period", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("redemption_rate", Numeric, nullable=False),
    Column("why", Text, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("key", Text, nullable=False),
    instant("at"),
    recorded_at(),
    UniqueConstraint("program", "key", name="books_estimate_once"),
)
"""The redemption rates that finance entered: from which period on, by whom and why. The last one for a period counts."""

books_period = Table(
    "books_period",
    metadata,
    of_program(),
    Column("period", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("closed_by", Text, nullable=False),
    instant("closed_at"),
    Column("books", JSONB, nullable=False),
    recorded_at(),
    PrimaryKeyConstraint("program", "period", name="books_period_pkey"),
    Index("books_period_last", "program", unique=True, postgresql_where="status = 'final'"),
)
"""The books of each closed period, as they were closed: figures, terms and journal; the `final` one ends them."""
