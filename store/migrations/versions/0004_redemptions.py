"""Redemptions as processes of their own, and the stock of voucher codes."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATEMENTS = """
CREATE TABLE store.redemption (
    id TEXT NOT NULL,
    program TEXT NOT NULL,
    participant TEXT NOT NULL,
    reward TEXT NOT NULL,
    points BIGINT NOT NULL,
    state TEXT NOT NULL,
    reference TEXT,
    why TEXT DEFAULT '' NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT redemption_member FOREIGN KEY (program, participant) REFERENCES store.member (program, participant)
);

CREATE INDEX redemption_by_member ON store.redemption (program, participant, asked_at);

CREATE TABLE store.voucher_code (
    program TEXT NOT NULL REFERENCES store.program (id),
    reward TEXT NOT NULL,
    code TEXT NOT NULL,
    redemption TEXT,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT voucher_code_pkey PRIMARY KEY (program, reward, code),
    CONSTRAINT voucher_code_once UNIQUE (redemption)
);

CREATE INDEX voucher_code_free ON store.voucher_code (program, reward, code) WHERE redemption IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON store.redemption, store.voucher_code TO tenure_application;
"""


def upgrade() -> None:
    for statement in _STATEMENTS.split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.voucher_code, store.redemption")
