"""Who decides for whom for a time, and what became of each decision that was handed to a gate."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE store.delegation (
        id TEXT NOT NULL,
        giver TEXT NOT NULL,
        taker TEXT NOT NULL,
        roles JSONB NOT NULL,
        program TEXT REFERENCES store.program (id),
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT delegation_pkey PRIMARY KEY (id),
        CONSTRAINT delegation_to_another CHECK (giver <> taker),
        CONSTRAINT delegation_span CHECK (since < until)
    )
    """,
    "CREATE INDEX delegation_by_giver ON store.delegation (giver, until)",
    "CREATE INDEX delegation_by_taker ON store.delegation (taker, until)",
    """
    CREATE TABLE store.gate_answer (
        gate TEXT NOT NULL REFERENCES store.gate (id),
        person TEXT NOT NULL,
        key TEXT NOT NULL,
        refusal JSONB,
        state JSONB,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT gate_answer_pkey PRIMARY KEY (gate, person, key),
        CONSTRAINT gate_answer_once CHECK (refusal IS NULL OR state IS NULL)
    )
    """,
    "GRANT SELECT, INSERT ON store.delegation TO tenure_application",
    # What was lent stays as it was written; it can only be ended.
    "GRANT UPDATE (ended_at) ON store.delegation TO tenure_application",
    "GRANT SELECT, INSERT ON store.gate_answer TO tenure_application",
    "GRANT UPDATE (refusal, state) ON store.gate_answer TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.gate_answer, store.delegation")
