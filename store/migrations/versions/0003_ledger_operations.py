"""The ledger's other operations: holds, pending earns, debts, what a transaction follows up, and the accounts they need."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KINDS = ("participant", "issuance", "redemption", "breakage", "forfeiture")
_MORE_KINDS = ("clawback", "loss", "transfer", "conversion", "adjustment")


def _account_kind(kinds: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"ALTER TABLE ledger.account ADD CONSTRAINT account_kind CHECK (kind IN ({listed}))"


_CHANGES = (
    "ALTER TABLE ledger.account DROP CONSTRAINT account_kind",
    _account_kind(_KINDS + _MORE_KINDS),
    # What a member owes is what the lots do not cover; a balance may go as far below zero as that, and no further.
    "ALTER TABLE ledger.account ADD COLUMN debt bigint DEFAULT 0 NOT NULL",
    "ALTER TABLE ledger.account ADD CONSTRAINT account_debt CHECK (debt >= 0 AND lowest_allowed = -debt)",
    # What left a lot is positive, what came back to it is negative.
    "ALTER TABLE ledger.lot_move DROP CONSTRAINT lot_move_amount",
    "ALTER TABLE ledger.lot_move ADD CONSTRAINT lot_move_amount CHECK (amount <> 0)",
    "ALTER TABLE ledger.txn ADD COLUMN concerns bigint",
    "CREATE INDEX txn_reversals ON ledger.txn (reverses) WHERE reverses IS NOT NULL",
    "CREATE INDEX txn_lapses ON ledger.txn (account_id, effective_at) WHERE kind IN ('expire', 'reinstate')",
    """
    CREATE TABLE ledger.debt_move (
        txn_id bigint NOT NULL,
        amount bigint NOT NULL,
        CONSTRAINT debt_move_pkey PRIMARY KEY (txn_id),
        CONSTRAINT debt_move_amount CHECK (amount <> 0)
    )
    """,
    """
    CREATE TABLE ledger.hold (
        txn_id bigint NOT NULL,
        account_id bigint NOT NULL,
        points bigint NOT NULL,
        captured bigint DEFAULT 0 NOT NULL,
        state text COLLATE "C" DEFAULT 'open' NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_by bigint,
        CONSTRAINT hold_pkey PRIMARY KEY (txn_id),
        CONSTRAINT hold_points CHECK (points > 0),
        CONSTRAINT hold_state CHECK (state IN ('open', 'captured', 'voided', 'timed_out')),
        CONSTRAINT hold_ended CHECK ((state = 'open') = (ended_by IS NULL)),
        CONSTRAINT hold_captured CHECK (
            captured BETWEEN 0 AND points AND (captured > 0) = (state = 'captured')
        )
    )
    """,
    "CREATE INDEX hold_open ON ledger.hold (account_id) WHERE state = 'open'",
    "CREATE INDEX hold_due ON ledger.hold (expires_at) WHERE state = 'open'",
    """
    CREATE TABLE ledger.hold_lot (
        hold_id bigint NOT NULL,
        lot_id bigint NOT NULL,
        amount bigint NOT NULL,
        CONSTRAINT hold_lot_pkey PRIMARY KEY (hold_id, lot_id),
        CONSTRAINT hold_lot_amount CHECK (amount > 0)
    )
    """,
    """
    CREATE TABLE ledger.pending (
        txn_id bigint NOT NULL,
        account_id bigint NOT NULL,
        points bigint NOT NULL,
        state text COLLATE "C" DEFAULT 'open' NOT NULL,
        expires_at timestamptz,
        qualifying jsonb DEFAULT '{}' NOT NULL,
        watches jsonb DEFAULT '[]' NOT NULL,
        nudge_on_watch text,
        ended_by bigint,
        CONSTRAINT pending_pkey PRIMARY KEY (txn_id),
        CONSTRAINT pending_points CHECK (points >= 0),
        CONSTRAINT pending_state CHECK (state IN ('open', 'confirmed', 'cancelled')),
        CONSTRAINT pending_ended CHECK ((state = 'open') = (ended_by IS NULL))
    )
    """,
    "CREATE INDEX pending_open ON ledger.pending (account_id) WHERE state = 'open'",
)

_PRIVILEGES = (
    "GRANT SELECT, INSERT ON ledger.debt_move, ledger.hold, ledger.hold_lot, ledger.pending TO tenure_application",
    "GRANT UPDATE (debt, lowest_allowed) ON ledger.account TO tenure_application",
    "GRANT UPDATE (state, captured, ended_by) ON ledger.hold TO tenure_application",
    "GRANT UPDATE (state, ended_by) ON ledger.pending TO tenure_application",
)


def upgrade() -> None:
    for statement in (*_CHANGES, *_PRIVILEGES):
        op.execute(statement)


def downgrade() -> None:
    """Only while none of the operations was used: their rows fit no older ledger, and the constraints refuse them."""
    for statement in (
        "ALTER TABLE ledger.lot_move DROP CONSTRAINT lot_move_amount",
        "ALTER TABLE ledger.lot_move ADD CONSTRAINT lot_move_amount CHECK (amount > 0)",
        "DELETE FROM ledger.account WHERE kind IN ('clawback', 'loss', 'transfer', 'conversion', 'adjustment')",
        "ALTER TABLE ledger.account DROP CONSTRAINT account_kind",
        _account_kind(_KINDS),
        "ALTER TABLE ledger.account DROP COLUMN debt",
        "REVOKE UPDATE (lowest_allowed) ON ledger.account FROM tenure_application",
        "DROP INDEX ledger.txn_reversals, ledger.txn_lapses",
        "ALTER TABLE ledger.txn DROP COLUMN concerns",
        "DROP TABLE ledger.debt_move, ledger.hold, ledger.hold_lot, ledger.pending",
    ):
        op.execute(statement)
