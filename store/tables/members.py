"""Tables: members, what happened to them, and who may become one."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from store.tables.columns import instant, metadata, of_member, of_program, recorded_at

member = Table(
    "member",
    metadata,
    of_program(),
    Column("participant", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("tier", Text, nullable=False),
    instant("tier_since"),
    instant("tier_until", nullable=True),
    instant("joined_at"),
    Column("agreement", Text, nullable=False),
    Column("journey_stage", Text, nullable=False),
    Column("open_intervention", Text),
    instant("left_at", nullable=True),
    Column("fee", Numeric),
    Column("judged_by", Integer),
    Column("wave", Text),
    recorded_at(),
    PrimaryKeyConstraint("program", "participant", name="member_pkey"),
    Index("member_by_status", "program", "status", "participant"),
    Index("member_by_wave", "program", "wave", "joined_at"),
)

tier_change = Table(
    "tier_change",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("from_tier", Text),
    Column("to_tier", Text, nullable=False),
    instant("at"),
    recorded_at(),
    of_member("tier_change_member"),
    Index("tier_change_by_member", "program", "participant", "at"),
)

intervention = Table(
    "intervention",
    metadata,
    Column("id", Text, primary_key=True),
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
    instant("delivered_at"),
    instant("due"),
    Column("outcome", Text),
    instant("closed_at", nullable=True),
    recorded_at(),
    of_member("intervention_member"),
)

benefit_grant = Table(
    "benefit_grant",
    metadata,
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("benefit", Text, nullable=False),
    Column("tier", Text, nullable=False),
    instant("at"),
    Column("name", Text, nullable=False),
    Column("occasion", Text, nullable=False),
    Column("points", BigInteger),
    recorded_at(),
    PrimaryKeyConstraint("program", "participant", "benefit", "tier", "at", name="benefit_grant_pkey"),
    of_member("benefit_grant_member"),
)
"""What joining, a tier or staying in it brought a member; once for the instant at which it was due."""

survey_answer = Table(
    "survey_answer",
    metadata,
    Column("program", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("value", Integer, nullable=False),
    instant("answered_at"),
    recorded_at(),
    PrimaryKeyConstraint("program", "key", name="survey_answer_pkey"),
    of_member("survey_answer_member"),
    CheckConstraint("question IN ('recommend', 'satisfaction')", name="survey_answer_question"),
    Index("survey_answer_in_turn", "program", "answered_at"),
)
"""What members answered when they were asked how likely they would recommend the program, or how content they are."""

invitation = Table(
    "invitation",
    metadata,
    of_program(),
    Column("participant", Text, nullable=False),
    Column("invited_by", Text, nullable=False),
    instant("invited_at"),
    instant("accepted_at", nullable=True),
    recorded_at(),
    PrimaryKeyConstraint("program", "participant", name="invitation_pkey"),
)
"""Who was invited to a program, by reference; `accepted_at` once they have joined."""

cohort = Table(
    "cohort",
    metadata,
    of_program(),
    Column("name", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    instant("created_at"),
    instant("begun_at", nullable=True),
    Column("begun_by", Text),
    recorded_at(),
    PrimaryKeyConstraint("program", "name", name="cohort_pkey"),
    CheckConstraint("(begun_at IS NULL) = (begun_by IS NULL)", name="cohort_begun"),
)
"""The named cohorts of a program; one that a wave or a pilot (`begun_by`) has begun with is changed no more."""

cohort_member = Table(
    "cohort_member",
    metadata,
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("cohort", Text, nullable=False),
    PrimaryKeyConstraint("program", "participant", name="cohort_member_pkey"),
    ForeignKeyConstraint(["program", "cohort"], ["store.cohort.program", "store.cohort.name"], name="cohort_member_cohort"),
    Index("cohort_member_in_turn", "program", "cohort", "participant"),
)
"""Who is in which cohort, by reference; by the key, in one at most."""
