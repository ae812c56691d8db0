"""Rollouts: waves by cohort, who joined by which, what guardrails found, who paused, held or stopped one and why."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE store.program ADD COLUMN rollout_paused_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE store.program ADD COLUMN stops JSONB DEFAULT '[]' NOT NULL",
    "ALTER TABLE store.member ADD COLUMN wave TEXT",
    "CREATE INDEX member_by_wave ON store.member (program, wave, joined_at)",
    "ALTER TABLE store.wave_opening ALTER COLUMN share DROP NOT NULL",
    "ALTER TABLE store.wave_opening ADD COLUMN cohort TEXT",
    "ALTER TABLE store.wave_opening ADD CONSTRAINT wave_opening_audience CHECK (num_nonnulls(share, cohort) = 1)",
    """
    CREATE TABLE store.rollout (
        program TEXT NOT NULL REFERENCES store.program (id),
        revision INTEGER NOT NULL,
        state JSONB NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT rollout_pkey PRIMARY KEY (program, revision)
    )
    """,
    """
    CREATE TABLE store.guardrail_look (
        program TEXT NOT NULL REFERENCES store.program (id),
        revision INTEGER NOT NULL,
        wave TEXT NOT NULL,
        guardrail TEXT NOT NULL,
        number INTEGER NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        status TEXT NOT NULL,
        value NUMERIC,
        "interval" JSONB,
        n INTEGER,
        told TEXT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT guardrail_look_pkey PRIMARY KEY (program, revision, wave, guardrail, number),
        CONSTRAINT guardrail_look_status CHECK (status IN ('ok', 'failing', 'no_data', 'source_failed'))
    )
    """,
    "GRANT SELECT, INSERT, UPDATE ON store.rollout TO tenure_application",
    "GRANT SELECT, INSERT ON store.guardrail_look TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.guardrail_look, store.rollout")
    op.execute("DELETE FROM store.wave_opening WHERE share IS NULL")
    op.execute("ALTER TABLE store.wave_opening DROP COLUMN cohort")
    op.execute("ALTER TABLE store.wave_opening ALTER COLUMN share SET NOT NULL")
    op.execute("ALTER TABLE store.member DROP COLUMN wave")
    for column in ("stops", "rollout_paused_at"):
        op.execute(f"ALTER TABLE store.program DROP COLUMN {column}")
