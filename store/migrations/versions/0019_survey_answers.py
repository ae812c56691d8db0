"""What members answer when they are asked about the program: for the net promoter score and satisfaction."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE store.survey_answer (
        program TEXT NOT NULL,
        key TEXT NOT NULL,
        participant TEXT NOT NULL,
        question TEXT NOT NULL,
        value INTEGER NOT NULL,
        answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT survey_answer_pkey PRIMARY KEY (program, key),
        CONSTRAINT survey_answer_member FOREIGN KEY (program, participant)
            REFERENCES store.member (program, participant) ON UPDATE CASCADE,
        CONSTRAINT survey_answer_question CHECK (question IN ('recommend', 'satisfaction'))
    )
    """,
    "CREATE INDEX survey_answer_in_turn ON store.survey_answer (program, answered_at)",
    "GRANT SELECT, INSERT, UPDATE (key) ON store.survey_answer TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE store.survey_answer")
