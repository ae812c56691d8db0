"""Test phases with attempts, pilots, and the readiness before a launch: every look at it, and who has signed what."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE store.test_result ADD COLUMN attempt INTEGER DEFAULT 1 NOT NULL",
    "ALTER TABLE store.test_result DROP CONSTRAINT test_result_pkey",
    "ALTER TABLE store.test_result ADD CONSTRAINT test_result_pkey PRIMARY KEY (program, revision, phase, attempt)",
    """
    CREATE TABLE store.readiness_check (
        program TEXT NOT NULL REFERENCES store.program (id),
        revision INTEGER NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        ready BOOLEAN NOT NULL,
        results JSONB NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT readiness_check_pkey PRIMARY KEY (program, revision, at)
    )
    """,
    """
    CREATE TABLE store.readiness_signature (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        program TEXT NOT NULL REFERENCES store.program (id),
        revision INTEGER NOT NULL,
        item TEXT NOT NULL,
        person TEXT NOT NULL,
        note TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        taken_back_by TEXT,
        taken_back_at TIMESTAMP WITH TIME ZONE,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT readiness_signature_pkey PRIMARY KEY (id),
        CONSTRAINT readiness_signature_taken_back CHECK ((taken_back_by IS NULL) = (taken_back_at IS NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX readiness_signature_once ON store.readiness_signature (program, revision, item)
    WHERE taken_back_at IS NULL
    """,
    # A revision rates a pilot's events from then on; until then (none: without end), where it is not launched.
    "ALTER TABLE store.revision ADD COLUMN piloted_from TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE store.revision ADD COLUMN piloted_until TIMESTAMP WITH TIME ZONE",
    """
    CREATE TABLE store.pilot (
        program TEXT NOT NULL REFERENCES store.program (id),
        revision INTEGER NOT NULL,
        phase TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        cohort TEXT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        due TIMESTAMP WITH TIME ZONE NOT NULL,
        closed_at TIMESTAMP WITH TIME ZONE,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pilot_pkey PRIMARY KEY (program, revision, phase, attempt),
        CONSTRAINT pilot_cohort FOREIGN KEY (program, cohort) REFERENCES store.cohort (program, name)
    )
    """,
    "GRANT SELECT, INSERT, UPDATE ON store.pilot TO tenure_application",
    "GRANT SELECT, INSERT ON store.readiness_check, store.readiness_signature TO tenure_application",
    "GRANT UPDATE (taken_back_by, taken_back_at) ON store.readiness_signature TO tenure_application",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA store TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.readiness_signature, store.readiness_check, store.pilot")
    for column in ("piloted_until", "piloted_from"):
        op.execute(f"ALTER TABLE store.revision DROP COLUMN {column}")
    op.execute("DELETE FROM store.test_result WHERE attempt > 1")
    op.execute("ALTER TABLE store.test_result DROP CONSTRAINT test_result_pkey")
    op.execute("ALTER TABLE store.test_result DROP COLUMN attempt")
    op.execute("ALTER TABLE store.test_result ADD CONSTRAINT test_result_pkey PRIMARY KEY (program, revision, phase)")
