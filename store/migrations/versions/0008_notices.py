"""Notices: one row for each recipient, written with what it tells of, and what became of its delivery."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE store.notice (
        number BIGINT GENERATED ALWAYS AS IDENTITY,
        id TEXT NOT NULL,
        program TEXT REFERENCES store.program (id),
        gate TEXT,
        kind TEXT NOT NULL,
        channel TEXT NOT NULL,
        recipient TEXT NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL,
        state TEXT DEFAULT 'waiting' NOT NULL,
        round INTEGER DEFAULT 1 NOT NULL,
        attempts INTEGER DEFAULT 0 NOT NULL,
        last_error TEXT,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        started_at TIMESTAMP WITH TIME ZONE,
        settled_at TIMESTAMP WITH TIME ZONE,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT notice_pkey PRIMARY KEY (number),
        CONSTRAINT notice_id UNIQUE (id)
    )
    """,
    "CREATE INDEX notice_waiting ON store.notice (number) WHERE state = 'waiting' AND started_at IS NULL",
    "CREATE INDEX notice_by_state ON store.notice (state, number)",
    """
    CREATE FUNCTION store.announce_notice() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- The relay listens to one channel for all that it carries.
        PERFORM pg_notify('tenure_outbox', '');
        RETURN NULL;
    END
    $$
    """,
    "CREATE TRIGGER announce AFTER INSERT OR UPDATE OF round ON store.notice"
    " FOR EACH ROW EXECUTE FUNCTION store.announce_notice()",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON store.notice TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.notice")
    op.execute("DROP FUNCTION store.announce_notice()")
