"""Amendments: weight, the date asked for, impact on members, by whose conditions a tier is held, what members are told."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE store.revision ADD COLUMN weight TEXT",
    "ALTER TABLE store.revision ADD COLUMN wanted_from TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE store.revision ADD COLUMN restores INTEGER",
    "ALTER TABLE store.member ADD COLUMN judged_by INTEGER",
    # What members are told of an amendment is kept with what they are told of the end.
    "ALTER TABLE store.end_notice RENAME TO announcement",
    "ALTER TABLE store.announcement RENAME CONSTRAINT end_notice_pkey TO announcement_pkey",
    "ALTER TABLE store.announcement ADD COLUMN about TEXT NOT NULL DEFAULT 'end'",
    "ALTER TABLE store.announcement ALTER COLUMN about DROP DEFAULT",
    "ALTER TABLE store.announcement DROP CONSTRAINT end_notice_once",
    "ALTER TABLE store.announcement ADD CONSTRAINT announcement_once UNIQUE (program, about, kind, audience, recipient)",
    "DROP INDEX store.end_notice_in_turn",
    "CREATE INDEX announcement_in_turn ON store.announcement (program, about, id)",
    """
    CREATE TABLE store.amendment_impact (
        program TEXT NOT NULL,
        revision INTEGER NOT NULL,
        impact JSONB NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT amendment_impact_pkey PRIMARY KEY (program, revision),
        CONSTRAINT amendment_impact_revision FOREIGN KEY (program, revision) REFERENCES store.revision (program, number)
    )
    """,
    """
    CREATE TABLE store.amendment_impact_member (
        program TEXT NOT NULL,
        revision INTEGER NOT NULL,
        participant TEXT NOT NULL,
        tier_before TEXT,
        tier_after TEXT,
        tier_by_rules TEXT,
        points_before BIGINT DEFAULT 0 NOT NULL,
        points_after BIGINT DEFAULT 0 NOT NULL,
        value_change NUMERIC DEFAULT 0 NOT NULL,
        CONSTRAINT amendment_impact_member_pkey PRIMARY KEY (program, revision, participant),
        CONSTRAINT amendment_impact_member_member FOREIGN KEY (program, participant)
            REFERENCES store.member (program, participant) ON UPDATE CASCADE
    )
    """,
    "CREATE INDEX amendment_impact_member_of ON store.amendment_impact_member (program, participant)",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON store.amendment_impact, store.amendment_impact_member TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.amendment_impact_member, store.amendment_impact")
    op.execute("DELETE FROM store.announcement WHERE about <> 'end'")
    op.execute("DROP INDEX store.announcement_in_turn")
    op.execute("ALTER TABLE store.announcement DROP CONSTRAINT announcement_once")
    op.execute("ALTER TABLE store.announcement DROP COLUMN about")
    op.execute("ALTER TABLE store.announcement RENAME CONSTRAINT announcement_pkey TO end_notice_pkey")
    op.execute("ALTER TABLE store.announcement RENAME TO end_notice")
    op.execute("ALTER TABLE store.end_notice ADD CONSTRAINT end_notice_once UNIQUE (program, kind, audience, recipient)")
    op.execute("CREATE INDEX end_notice_in_turn ON store.end_notice (program, id)")
    op.execute("ALTER TABLE store.member DROP COLUMN judged_by")
    for column in ("restores", "wanted_from", "weight"):
        op.execute(f"ALTER TABLE store.revision DROP COLUMN {column}")
