"""A program's books: the estimates that finance entered, and the periods that it closed; neither is ever changed."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE store.books_estimate (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        program TEXT NOT NULL REFERENCES store.program (id),
        period TEXT NOT NULL,
        currency TEXT NOT NULL,
        redemption_rate NUMERIC NOT NULL,
        why TEXT NOT NULL,
        entered_by TEXT NOT NULL,
        key TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        PRIMARY KEY (id),
        CONSTRAINT books_estimate_once UNIQUE (program, key),
        CONSTRAINT books_estimate_rate CHECK (redemption_rate BETWEEN 0 AND 1)
    )
    """,
    """
    CREATE TABLE store.books_period (
        program TEXT NOT NULL REFERENCES store.program (id),
        period TEXT NOT NULL,
        status TEXT NOT NULL,
        closed_by TEXT NOT NULL,
        closed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        books JSONB NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT books_period_pkey PRIMARY KEY (program, period),
        CONSTRAINT books_period_status CHECK (status IN ('closed', 'final'))
    )
    """,
    "CREATE UNIQUE INDEX books_period_last ON store.books_period (program) WHERE status = 'final'",
    "GRANT SELECT, INSERT ON store.books_estimate, store.books_period TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.books_period, store.books_estimate")
