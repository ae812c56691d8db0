"""Holds: what of a program stands still, since when, by whom and why; and the lots whose time stands still with it."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE store.program_hold (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        program TEXT NOT NULL REFERENCES store.program (id),
        kind TEXT NOT NULL,
        stops JSONB NOT NULL,
        reason TEXT NOT NULL,
        begun_by TEXT NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        until TIMESTAMP WITH TIME ZONE,
        lifted_by TEXT,
        lifted_why TEXT DEFAULT '' NOT NULL,
        key TEXT NOT NULL,
        lifted_key TEXT,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT program_hold_pkey PRIMARY KEY (id),
        CONSTRAINT program_hold_kind CHECK (kind IN ('hold', 'suspended_insolvency')),
        CONSTRAINT program_hold_once UNIQUE (program, key),
        CONSTRAINT program_hold_lifted CHECK ((until IS NULL) = (lifted_by IS NULL) AND (until IS NULL) = (lifted_key IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX program_hold_standing ON store.program_hold (program, kind) WHERE until IS NULL",
    "GRANT SELECT, INSERT ON store.program_hold TO tenure_application",
    # What was stopped stays as it was written; it can only be lifted.
    "GRANT UPDATE (until, lifted_by, lifted_why, lifted_key) ON store.program_hold TO tenure_application",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA store TO tenure_application",
    """
    CREATE TABLE ledger.suspended_expiry (
        lot_id BIGINT NOT NULL,
        program TEXT COLLATE "C" NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        since TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT suspended_expiry_pkey PRIMARY KEY (lot_id)
    )
    """,
    "CREATE INDEX suspended_expiry_by_program ON ledger.suspended_expiry (program)",
    "GRANT SELECT, INSERT, UPDATE (expires_at), DELETE ON ledger.suspended_expiry TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    # Time that stands still would stand still for good.
    op.execute(
        "UPDATE ledger.lot SET expires_at = kept.expires_at FROM ledger.suspended_expiry AS kept "
        "WHERE lot.id = kept.lot_id AND lot.expires_at IS NULL"
    )
    op.execute("DROP TABLE ledger.suspended_expiry, store.program_hold")
