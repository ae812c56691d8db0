"""The end of a program: its steps with their dates, what is told to whom, cash-out, and how personal data is erased."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KINDS = (
    "participant",
    "issuance",
    "redemption",
    "breakage",
    "forfeiture",
    "clawback",
    "loss",
    "transfer",
    "conversion",
    "adjustment",
)
_OF_MEMBERS = ("tier_change", "intervention", "redemption", "benefit_grant")


def _account_kind(kinds: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"ALTER TABLE ledger.account ADD CONSTRAINT account_kind CHECK (kind IN ({listed}))"


def _of_member(table: str, then: str) -> tuple[str, str]:
    return (
        f"ALTER TABLE store.{table} DROP CONSTRAINT {table}_member",
        f"ALTER TABLE store.{table} ADD CONSTRAINT {table}_member "
        f"FOREIGN KEY (program, participant) REFERENCES store.member (program, participant){then}",
    )


_STATEMENTS = (
    "ALTER TABLE store.program ADD COLUMN late_until TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE store.program ADD COLUMN data_until TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE store.program ADD COLUMN data_erased_at TIMESTAMP WITH TIME ZONE",
    """
    CREATE TABLE store.wind_down_step (
        program TEXT NOT NULL REFERENCES store.program (id),
        step TEXT NOT NULL,
        number INTEGER NOT NULL,
        due TIMESTAMP WITH TIME ZONE,
        began_at TIMESTAMP WITH TIME ZONE,
        ended_at TIMESTAMP WITH TIME ZONE,
        told TEXT DEFAULT '' NOT NULL,
        attempts INTEGER DEFAULT 0 NOT NULL,
        trouble TEXT DEFAULT '' NOT NULL,
        figures JSONB DEFAULT '{}' NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT wind_down_step_pkey PRIMARY KEY (program, step)
    )
    """,
    """
    CREATE TABLE store.end_notice (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        program TEXT NOT NULL REFERENCES store.program (id),
        audience TEXT NOT NULL,
        recipient TEXT NOT NULL,
        kind TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        told JSONB DEFAULT '{}' NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT end_notice_pkey PRIMARY KEY (id),
        CONSTRAINT end_notice_once UNIQUE (program, kind, audience, recipient)
    )
    """,
    "CREATE INDEX end_notice_in_turn ON store.end_notice (program, id)",
    # Erasing gives members another reference, in whatever else is written of them too.
    *(statement for table in _OF_MEMBERS for statement in _of_member(table, " ON UPDATE CASCADE")),
    "GRANT SELECT, INSERT, UPDATE, DELETE ON store.wind_down_step, store.end_notice TO tenure_application",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA store TO tenure_application",
    "ALTER TABLE ledger.account DROP CONSTRAINT account_kind",
    _account_kind((*_KINDS, "cash_out")),
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE ledger.account DROP CONSTRAINT account_kind")
    op.execute(_account_kind(_KINDS))
    for table in _OF_MEMBERS:
        for statement in _of_member(table, ""):
            op.execute(statement)
    op.execute("DROP TABLE store.end_notice, store.wind_down_step")
    for column in ("data_erased_at", "data_until", "late_until"):
        op.execute(f"ALTER TABLE store.program DROP COLUMN {column}")
