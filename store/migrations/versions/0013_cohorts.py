"""Cohorts: named lists of participants, for waves and pilots; a participant is in one of a program at most."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE store.cohort (
        program TEXT NOT NULL REFERENCES store.program (id),
        name TEXT NOT NULL,
        created_by TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        begun_at TIMESTAMP WITH TIME ZONE,
        begun_by TEXT,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT cohort_pkey PRIMARY KEY (program, name),
        CONSTRAINT cohort_begun CHECK ((begun_at IS NULL) = (begun_by IS NULL))
    )
    """,
    """
    CREATE TABLE store.cohort_member (
        program TEXT NOT NULL,
        participant TEXT NOT NULL,
        cohort TEXT NOT NULL,
        CONSTRAINT cohort_member_pkey PRIMARY KEY (program, participant),
        CONSTRAINT cohort_member_cohort FOREIGN KEY (program, cohort) REFERENCES store.cohort (program, name)
    )
    """,
    "CREATE INDEX cohort_member_in_turn ON store.cohort_member (program, cohort, participant)",
    "GRANT SELECT, INSERT, UPDATE ON store.cohort TO tenure_application",
    "GRANT SELECT, INSERT, DELETE ON store.cohort_member TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.cohort_member, store.cohort")
