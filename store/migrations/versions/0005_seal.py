"""The seals of the ledger's blocks, which the application can add and never change; and a member's transactions."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE ledger.seal (
        number bigint NOT NULL,
        format smallint NOT NULL,
        last_account bigint NOT NULL,
        last_txn bigint NOT NULL,
        last_posting bigint NOT NULL,
        last_lot bigint NOT NULL,
        rows bigint NOT NULL,
        content bytea NOT NULL,
        marks bytea NOT NULL,
        previous bytea NOT NULL,
        hash bytea NOT NULL,
        recorded_at timestamptz DEFAULT now() NOT NULL,
        CONSTRAINT seal_pkey PRIMARY KEY (number),
        CONSTRAINT seal_number CHECK (number > 0),
        CONSTRAINT seal_hashes CHECK (length(content) = 32 AND length(previous) = 32 AND length(hash) = 32)
    )
    """,
    # Random bytes: to try and compress them is in vain.
    "ALTER TABLE ledger.seal ALTER COLUMN marks SET STORAGE EXTERNAL",
    "GRANT SELECT, INSERT ON ledger.seal TO tenure_application",
    # An earn is found by its lot: to keep up an index over earns too would cost each of them a tenth.
    "CREATE INDEX txn_by_account ON ledger.txn (account_id) WHERE kind NOT IN ('earn', 'bonus')",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX ledger.txn_by_account")
    op.execute("DROP TABLE ledger.seal")
