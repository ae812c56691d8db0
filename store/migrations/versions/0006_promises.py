"""What a definition promises, as it is kept: refused redemptions, benefits given, invitations, the fee that was accepted."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE store.redemption ADD COLUMN refusal TEXT",
    # What counts against a reward's stock.
    "CREATE INDEX redemption_taken ON store.redemption (program, reward) WHERE state IN ('held', 'fulfilled')",
    "ALTER TABLE store.member ADD COLUMN fee NUMERIC",
    """
    CREATE TABLE store.benefit_grant (
        program TEXT NOT NULL,
        participant TEXT NOT NULL,
        benefit TEXT NOT NULL,
        tier TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        name TEXT NOT NULL,
        occasion TEXT NOT NULL,
        points BIGINT,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT benefit_grant_pkey PRIMARY KEY (program, participant, benefit, tier, at),
        CONSTRAINT benefit_grant_member FOREIGN KEY (program, participant) REFERENCES store.member (program, participant)
    )
    """,
    """
    CREATE TABLE store.invitation (
        program TEXT NOT NULL REFERENCES store.program (id),
        participant TEXT NOT NULL,
        invited_by TEXT NOT NULL,
        invited_at TIMESTAMP WITH TIME ZONE NOT NULL,
        accepted_at TIMESTAMP WITH TIME ZONE,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT invitation_pkey PRIMARY KEY (program, participant)
    )
    """,
    "GRANT SELECT, INSERT, UPDATE, DELETE ON store.benefit_grant, store.invitation TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.invitation, store.benefit_grant")
    op.execute("ALTER TABLE store.member DROP COLUMN fee")
    op.execute("DROP INDEX store.redemption_taken")
    op.execute("ALTER TABLE store.redemption DROP COLUMN refusal")
