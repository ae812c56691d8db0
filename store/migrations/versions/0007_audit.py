"""The audit trail: one chain of hashed entries per program, which the application can add to and never change."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE store.audit (
        program TEXT NOT NULL,
        number BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        action TEXT NOT NULL,
        actor TEXT NOT NULL,
        role TEXT,
        on_behalf_of TEXT,
        about TEXT,
        key TEXT,
        refusal TEXT,
        details JSONB NOT NULL,
        previous BYTEA NOT NULL,
        hash BYTEA NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT audit_pkey PRIMARY KEY (program, number),
        CONSTRAINT audit_number CHECK (number > 0),
        CONSTRAINT audit_hashes CHECK (length(previous) = 32 AND length(hash) = 32)
    )
    """,
    "CREATE UNIQUE INDEX audit_once ON store.audit (program, key) WHERE key IS NOT NULL",
    "CREATE INDEX audit_about ON store.audit (about, number) WHERE about IS NOT NULL",
    "CREATE INDEX audit_by_actor ON store.audit (actor, recorded_at) WHERE action = 'vote'",
    "CREATE INDEX audit_by_giver ON store.audit (on_behalf_of, recorded_at) WHERE on_behalf_of IS NOT NULL",
    """
    CREATE TABLE store.audit_head (
        program TEXT NOT NULL,
        number BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        CONSTRAINT audit_head_pkey PRIMARY KEY (program)
    )
    """,
    # Moves the head in the name of the tables' owner, so that nobody who appends needs the right to move it any other way; an
    # entry that does not follow upon the head is refused here, whoever writes it.
    """
    CREATE FUNCTION store.audit_follows() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        IF NEW.number = 1 AND NEW.previous = decode(repeat('00', 32), 'hex') THEN
            INSERT INTO store.audit_head (program, number, hash) VALUES (NEW.program, 1, NEW.hash) ON CONFLICT DO NOTHING;
        ELSE
            UPDATE store.audit_head SET number = NEW.number, hash = NEW.hash
            WHERE program = NEW.program AND number = NEW.number - 1 AND hash = NEW.previous;
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'entry % of the audit trail of % does not follow upon its head', NEW.number, NEW.program
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END
    $$
    """,
    "REVOKE EXECUTE ON FUNCTION store.audit_follows() FROM PUBLIC",
    """
    CREATE TRIGGER audit_follows AFTER INSERT ON store.audit
        FOR EACH ROW EXECUTE FUNCTION store.audit_follows()
    """,
    "GRANT SELECT, INSERT ON store.audit TO tenure_application",
    "GRANT SELECT ON store.audit_head TO tenure_application",
)

_DECISION = (
    """
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
    )
    """,
    "CREATE UNIQUE INDEX decision_counts_once ON store.decision (gate, person) WHERE refusal IS NULL",
    # What the newer table alone can tell (a vote that was taken back and given anew) has no place in the older one.
    """
    INSERT INTO store.decision (gate, program, person, role, answer, reason, digest, key, refusal, at, recorded_at)
    SELECT about, program, actor, role, details->>'answer', details->>'reason', details->>'digest', details->>'key', refusal,
        at, recorded_at
    FROM store.audit WHERE action = 'vote' AND about IN (SELECT id FROM store.gate) ORDER BY program, number
    ON CONFLICT DO NOTHING
    """,
    "GRANT SELECT, INSERT ON store.decision TO tenure_application",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    connection = op.get_bind()
    decisions = connection.execute(sa.text("SELECT * FROM store.decision ORDER BY program, id")).mappings()
    audit = sa.table("audit", *(sa.column(name) for name in _COLUMNS), sa.column("details", JSONB), schema="store")
    if entries := list(_chained(decisions)):
        connection.execute(sa.insert(audit), entries)
    op.execute("DROP TABLE store.decision")


def downgrade() -> None:
    for statement in _DECISION:
        op.execute(statement)
    op.execute("DROP TABLE store.audit, store.audit_head")
    op.execute("DROP FUNCTION store.audit_follows()")


_COLUMNS = (
    *("program", "number", "at", "action", "actor", "role", "about", "key", "refusal", "previous", "hash", "recorded_at"),
)


def _chained(decisions: Any) -> Iterator[dict[str, Any]]:
    """The decisions there were, as entries of their programs' chains: the form of today, whatever becomes of it later."""
    number, previous, program = 0, bytes(32), None
    for row in decisions:
        if row["program"] != program:
            number, previous, program = 0, bytes(32), row["program"]
        number += 1
        entry = {
            "program": program,
            "number": number,
            "at": row["at"],
            "action": "vote",
            "actor": row["person"],
            "role": row["role"],
            "about": row["gate"],
            "key": None if row["refusal"] else f"{row['gate']}/{row['person']}/{row['key']}",
            "refusal": row["refusal"],
            "details": {name: row[name] for name in ("answer", "reason", "digest", "key")},
            "recorded_at": row["recorded_at"],
        }
        said = {name: value for name, value in entry.items() if value is not None}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_instant)
        digest = hashlib.sha256(previous + text.encode()).digest()
        yield entry | {"previous": previous, "hash": digest}
        previous = digest


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")
