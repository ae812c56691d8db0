"""The comparison with the holdout: who would have joined and is held out, and what is bought outside the program."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE store.outside_event (
        program TEXT NOT NULL REFERENCES store.program (id),
        key TEXT NOT NULL,
        participant TEXT NOT NULL,
        occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
        amount NUMERIC NOT NULL,
        fingerprint BYTEA NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT outside_event_pkey PRIMARY KEY (program, key)
    )
    """,
    """
    CREATE TABLE store.held_out (
        program TEXT NOT NULL REFERENCES store.program (id),
        participant TEXT NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT held_out_pkey PRIMARY KEY (program, participant)
    )
    """,
    "GRANT SELECT, INSERT, DELETE ON store.outside_event TO tenure_application",
    "GRANT SELECT, INSERT, DELETE ON store.held_out TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.held_out, store.outside_event")
