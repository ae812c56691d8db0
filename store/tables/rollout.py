"""Tables: waves, guardrails, and the holdout that members are compared with."""

from sqlalchemy import CheckConstraint, Column, Integer, LargeBinary, Numeric, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.columns import instant, metadata, of_program, recorded_at

wave_opening = Table(
    "wave_opening",
    metadata,
    of_program(),
    Column("revision", Integer, nullable=False),
    Column("wave", Text, nullable=False),
    Column("share", Numeric),
    Column("cohort", Text),
    instant("at"),
    recorded_at(),
    PrimaryKeyConstraint("program", "revision", "wave", name="wave_opening_pkey"),
    CheckConstraint("num_nonnulls(share, cohort) = 1", name="wave_opening_audience"),
)

rollout = Table(
    "rollout",
    metadata,
    of_program(),
    Column("revision", Integer, nullable=False),
    Column("state", JSONB, nullable=False),
    instant("at"),
    recorded_at(),
    PrimaryKeyConstraint("program", "revision", name="rollout_pkey"),
)
"""Rollouts in which somebody or something has interfered: who has paused or stopped it, what holds it, and why."""

guardrail_look = Table(
    "guardrail_look",
    metadata,
    of_program(),
    Column("revision", Integer, nullable=False),
    Column("wave", Text, nullable=False),
    Column("guardrail", Text, nullable=False),
    Column("number", Integer, nullable=False),
    instant("at"),
    Column("status", Text, nullable=False),
    Column("value", Numeric),
    Column("interval", JSONB(none_as_null=True)),
    Column("n", Integer),
    Column("told", Text, nullable=False),
    recorded_at(),
    PrimaryKeyConstraint("program", "revision", "wave", "guardrail", "number", name="guardrail_look_pkey"),
    CheckConstraint("status IN ('ok', 'failing', 'no_data', 'source_failed')", name="guardrail_look_status"),
)
"""Every look at a guardrail, as evidence: what it found, and how; append-only by privilege."""

held_out = Table(
    "held_out",
    metadata,
    of_program(),
    Column("participant", Text, nullable=False),
    instant("since"),
    recorded_at(),
    PrimaryKeyConstraint("program", "participant", name="held_out_pkey"),
)
"""Who would have joined and is held out, since when: the control that members are compared with."""

outside_event = Table(
    "outside_event",
    metadata,
    of_program(),
    Column("key", Text, nullable=False),
    Column("participant", Text, nullable=False),
    instant("occurred_at"),
    Column("amount", Numeric, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    recorded_at(),
    PrimaryKeyConstraint("program", "key", name="outside_event_pkey"),
)
"""What was bought outside the program, by who is held out or has left: for the comparison, and nothing that earns."""
