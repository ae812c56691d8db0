"""The store: programs, revisions, gates, decisions, members, evidence, transaction logs, answered requests."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = """
CREATE SCHEMA store;

CREATE TABLE store.person (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE store.program (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    stage TEXT NOT NULL,
    stage_since TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    salt TEXT NOT NULL,
    open_buckets INTEGER DEFAULT '0' NOT NULL,
    wave TEXT,
    revision_in_force INTEGER,
    launched_at TIMESTAMP WITH TIME ZONE,
    enrolment_until TIMESTAMP WITH TIME ZONE,
    earning_until TIMESTAMP WITH TIME ZONE,
    redeeming_until TIMESTAMP WITH TIME ZONE,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE store.request (
    person TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER,
    answer JSONB,
    location TEXT,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT request_pkey PRIMARY KEY (person, key)
);

CREATE TABLE store.transaction_log (
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    rows INTEGER NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE store.evaluation (
    id TEXT NOT NULL,
    program TEXT NOT NULL,
    consequence TEXT NOT NULL,
    verdict JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE INDEX evaluation_by_program ON store.evaluation (program, at);

CREATE TABLE store.gate (
    id TEXT NOT NULL,
    program TEXT NOT NULL,
    gate TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    state JSONB NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE INDEX gate_open ON store.gate (program) WHERE outcome IS NULL;

CREATE TABLE store.member (
    program TEXT NOT NULL,
    participant TEXT NOT NULL,
    status TEXT NOT NULL,
    tier TEXT NOT NULL,
    tier_since TIMESTAMP WITH TIME ZONE NOT NULL,
    tier_until TIMESTAMP WITH TIME ZONE,
    joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
    agreement TEXT NOT NULL,
    journey_stage TEXT NOT NULL,
    open_intervention TEXT,
    left_at TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT member_pkey PRIMARY KEY (program, participant),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE INDEX member_by_status ON store.member (program, status, participant);

CREATE TABLE store.prototype_run (
    program TEXT NOT NULL,
    revision INTEGER NOT NULL,
    log TEXT NOT NULL,
    passed BOOLEAN NOT NULL,
    result JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT prototype_run_pkey PRIMARY KEY (program, revision),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE TABLE store.revision (
    program TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    document JSONB NOT NULL,
    submitted_by TEXT NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT NOT NULL,
    effective_from TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT revision_pkey PRIMARY KEY (program, number),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE TABLE store.stage_change (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    program TEXT NOT NULL,
    stage TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT stage_change_once UNIQUE (program, stage, at),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE TABLE store.test_result (
    program TEXT NOT NULL,
    revision INTEGER NOT NULL,
    phase TEXT NOT NULL,
    kind TEXT NOT NULL,
    passed BOOLEAN NOT NULL,
    evidence JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT test_result_pkey PRIMARY KEY (program, revision, phase),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE TABLE store.transaction_row (
    log TEXT NOT NULL,
    number INTEGER NOT NULL,
    customer TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    amount NUMERIC NOT NULL,
    CONSTRAINT transaction_row_pkey PRIMARY KEY (log, number),
    FOREIGN KEY(log) REFERENCES store.transaction_log (name) ON DELETE CASCADE
);

CREATE TABLE store.wave_opening (
    program TEXT NOT NULL,
    revision INTEGER NOT NULL,
    wave TEXT NOT NULL,
    share NUMERIC NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT wave_opening_pkey PRIMARY KEY (program, revision, wave),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE TABLE store.decision (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    gate TEXT NOT NULL,
    program TEXT NOT NULL,
    person TEXT NOT NULL,
    role TEXT,
    answer TEXT NOT NULL,
    reason TEXT NOT NULL,
    digest TEXT NOT NULL,
    key TEXT NOT NULL,
    refusal TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(gate) REFERENCES store.gate (id),
    FOREIGN KEY(program) REFERENCES store.program (id)
);

CREATE UNIQUE INDEX decision_counts_once ON store.decision (gate, person) WHERE refusal IS NULL;

CREATE TABLE store.intervention (
    id TEXT NOT NULL,
    program TEXT NOT NULL,
    participant TEXT NOT NULL,
    points BIGINT NOT NULL,
    message TEXT NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome TEXT,
    closed_at TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT intervention_member FOREIGN KEY(program, participant) REFERENCES store.member (program, participant)
);

CREATE TABLE store.tier_change (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    program TEXT NOT NULL,
    participant TEXT NOT NULL,
    change TEXT NOT NULL,
    from_tier TEXT,
    to_tier TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT tier_change_member FOREIGN KEY(program, participant) REFERENCES store.member (program, participant)
);

CREATE INDEX tier_change_by_member ON store.tier_change (program, participant, at);
"""

_PRIVILEGES = """
GRANT USAGE ON SCHEMA store TO tenure_application;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA store TO tenure_application;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA store TO tenure_application;
REVOKE UPDATE, DELETE ON store.decision, store.stage_change, store.tier_change FROM tenure_application;
"""


def upgrade() -> None:
    for statement in (*_TABLES.split(";"), *_PRIVILEGES.split(";")):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP SCHEMA store CASCADE")
