"""Tables: programs with their stages, revisions, holds, and what amendments mean for members."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
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

from store.tables.columns import instant, metadata, of_member, of_program, recorded_at

program = Table(
    "program",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("stage", Text, nullable=False),
    instant("stage_since"),
    Column("note", Text, nullable=False, server_default=""),
    Column("salt", Text, nullable=False),
    Column("open_buckets", Integer, nullable=False, server_default="0"),
    Column("wave", Text),
    Column("revision_in_force", Integer),
    instant("launched_at", nullable=True),
    instant("calendar_since", nullable=True),
    instant("enrolment_until", nullable=True),
    instant("earning_until", nullable=True),
    instant("redeeming_until", nullable=True),
    instant("late_until", nullable=True),
    instant("data_until", nullable=True),
    instant("data_erased_at", nullable=True),
    instant("rollout_paused_at", nullable=True),
    Column("stops", JSONB, nullable=False, server_default="[]"),
    instant("started_at"),
    instant("closed_at", nullable=True),
    recorded_at(),
)

stage_change = Table(
    "stage_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    of_program(),
    Column("stage", Text, nullable=False),
    instant("at"),
    Column("note", Text, nullable=False),
    recorded_at(),
    UniqueConstraint("program", "stage", "at", name="stage_change_once"),
)

revision = Table(
    "revision",
    metadata,
    of_program(),
    Column("number", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("document", JSONB, nullable=False),
    Column("submitted_by", Text, nullable=False),
    instant("submitted_at"),
    Column("status", Text, nullable=False),
    instant("effective_from", nullable=True),
    Column("weight", Text),
    instant("wanted_from", nullable=True),
    Column("restores", Integer),
    instant("piloted_from", nullable=True),
    instant("piloted_until", nullable=True),
    recorded_at(),
    PrimaryKeyConstraint("program", "number", name="revision_pkey"),
)
"""`effective_from` is written as soon as it is certain, before its time where the revision waits for it (`approved`)."""

program_hold = Table(
    "program_hold",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    of_program(),
    Column("kind", Text, nullable=False),
    Column("stops", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("begun_by", Text, nullable=False),
    instant("since"),
    instant("until", nullable=True),
    Column("lifted_by", Text),
    Column("lifted_why", Text, nullable=False, server_default=""),
    Column("key", Text, nullable=False),
    Column("lifted_key", Text),
    recorded_at(),
    UniqueConstraint("program", "key", name="program_hold_once"),
    Index("program_hold_standing", "program", "kind", unique=True, postgresql_where="until IS NULL"),
)
"""What was stopped of a program, from when on, by whom and why; lifted or standing. What a hold stops never changes."""

amendment_impact = Table(
    "amendment_impact",
    metadata,
    Column("program", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("impact", JSONB, nullable=False),
    instant("at"),
    recorded_at(),
    PrimaryKeyConstraint("program", "revision", name="amendment_impact_pkey"),
    ForeignKeyConstraint(
        ["program", "revision"], ["store.revision.program", "store.revision.number"], name="amendment_impact_revision"
    ),
)
"""What an amendment means for the members that existed when its launch gate opened, as figures."""

amendment_impact_member = Table(
    "amendment_impact_member",
    metadata,
    Column("program", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("participant", Text, nullable=False),
    Column("tier_before", Text),
    Column("tier_after", Text),
    Column("tier_by_rules", Text),
    Column("points_before", BigInteger, nullable=False, server_default="0"),
    Column("points_after", BigInteger, nullable=False, server_default="0"),
    Column("value_change", Numeric, nullable=False, server_default="0"),
    PrimaryKeyConstraint("program", "revision", "participant", name="amendment_impact_member_pkey"),
    of_member("amendment_impact_member_member"),
    Index("amendment_impact_member_of", "program", "participant"),
)
"""The same for each member who would move, gain or lose; who is not here is not touched."""
