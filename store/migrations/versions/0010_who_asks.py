"""Who asks: the directory knows roles, addresses and when somebody was seen; machines have API keys."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE store.person ADD COLUMN email TEXT",
    "ALTER TABLE store.person ADD COLUMN roles JSONB DEFAULT '{}' NOT NULL",
    "ALTER TABLE store.person ADD COLUMN seen_at TIMESTAMP WITH TIME ZONE",
    """
    CREATE TABLE store.api_key (
        id TEXT NOT NULL,
        digest TEXT NOT NULL,
        name TEXT NOT NULL,
        roles JSONB NOT NULL,
        programs JSONB,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        revoked_by TEXT,
        revoked_at TIMESTAMP WITH TIME ZONE,
        last_used_on DATE,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT api_key_pkey PRIMARY KEY (id),
        CONSTRAINT api_key_ends CHECK (expires_at > created_at AND expires_at <= created_at + interval '366 days')
    )
    """,
    # What a key is and may never changes; it is used, and it is revoked.
    "GRANT SELECT, INSERT, UPDATE (revoked_by, revoked_at, last_used_on) ON store.api_key TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.api_key")
    op.execute("ALTER TABLE store.person DROP COLUMN seen_at, DROP COLUMN roles, DROP COLUMN email")
