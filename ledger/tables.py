"""The ledger's tables as SQLAlchemy Core; `store/migrations/versions/0001_ledger.py` makes them and holds their constraints."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import PrimaryKeyConstraint as PrimaryKey
from sqlalchemy.dialects.postgresql import JSONB

from domain.message_names import NUDGE

metadata = MetaData(schema="ledger")


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(), primary_key=True)


def _number(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger, **{"nullable": False, **options})


def _name(name: str, **options: Any) -> Column[str]:
    """A text column compared by code point, which is quick and gives locks the same order everywhere."""
    return Column(name, Text(collation="C"), **{"nullable": False, **options})


def _instant(name: str, **options: Any) -> Column[Any]:
    return Column(name, DateTime(timezone=True), **{"nullable": False, **options})


account = Table(
    "account",
    metadata,
    _id(),
    _name("program"),
    _name("participant"),
    _name("currency"),
    _name("kind", server_default="participant"),
    _number("posted", server_default="0"),
    _number("held", server_default="0"),
    _number("lowest_allowed", server_default="0"),
    _number("debt", server_default="0"),
    _number("version", server_default="0"),
    _instant("last_activity_at", nullable=True),
    _instant("recorded_at", server_default="now()"),
    UniqueConstraint("program", "participant", "currency", name="account_owner"),
)
"""The accounts, by owner and currency. A program's own accounts (`@issuance` and so on) keep no balance: it is derived.

`posted` = points left in the lots - `debt`; a debt comes from a clawback of points already spent.
"""

txn = Table(
    "txn",
    metadata,
    _id(),
    _name("program"),
    _name("key"),
    Column("request_hash", LargeBinary, nullable=False),
    _name("kind"),
    _number("account_id", nullable=True),
    _name("outcome", server_default="posted"),
    _number("points"),
    _number("balance"),
    Column("activity", Boolean, nullable=False, server_default="false"),
    Column("refusal", Text),
    Column("detail", Text),
    Column("details", JSONB, nullable=False, server_default="{}"),
    _number("reverses", nullable=True),
    _number("concerns", nullable=True),
    _instant("effective_at"),
    _instant("recorded_at", server_default="now()"),
    UniqueConstraint("program", "key", name="txn_key"),
    Index("txn_by_time", "program", "effective_at"),
)
Index("txn_by_account", txn.c.account_id, postgresql_where=txn.c.kind.not_in(["earn", "bonus"]))
Index("txn_reversals", txn.c.reverses, postgresql_where=txn.c.reverses.is_not(None))
Index("txn_lapses", txn.c.account_id, txn.c.effective_at, postgresql_where=txn.c.kind.in_(["expire", "reinstate"]))
"""Every accepted request, once, with its answer; `account_id` is empty if the request concerns a whole program.

`reverses` is the transaction that this one takes back, whole or in part; `concerns` the one that it follows up (the hold of a
capture, the pending earn of a confirmation, the outgoing side of an incoming transfer).
"""

posting = Table(
    "posting",
    metadata,
    _id(),
    _number("txn_id"),
    _number("debit_account"),
    _number("credit_account"),
    _number("amount"),
)
"""Points from one account to another: both sides in one row, so that the sum over all accounts is always zero."""

lot = Table(
    "lot",
    metadata,
    _id(),
    _number("account_id"),
    _number("txn_id"),
    _number("amount"),
    _number("remaining"),
    _number("held", server_default="0"),
    _instant("earned_at"),
    _instant("expires_at", nullable=True),
)
Index("lot_in_turn", lot.c.account_id, lot.c.expires_at, lot.c.id, postgresql_where=lot.c.remaining > 0)
Index("lot_due", lot.c.expires_at, postgresql_where=(lot.c.remaining > 0) & lot.c.expires_at.is_not(None))
"""Points earned together: the rest of them, and when it expires (empty: never)."""

suspended_expiry = Table(
    "suspended_expiry",
    metadata,
    _number("lot_id", primary_key=True, autoincrement=False),
    _name("program"),
    _instant("expires_at"),
    _instant("since"),
    Index("suspended_expiry_by_program", "program"),
)
"""The expiry of a lot that is suspended while members cannot redeem, and the start of the suspension."""

lot_move = Table(
    "lot_move", metadata, _number("txn_id", primary_key=True), _number("lot_id", primary_key=True), _number("amount")
)
"""Points that left a lot (positive) or came back to it (negative)."""

debt_move = Table("debt_move", metadata, _number("txn_id", primary_key=True, autoincrement=False), _number("amount"))
"""An increase of a member's debt (positive), or a payment of it from the lots (negative)."""

hold = Table(
    "hold",
    metadata,
    _number("txn_id", primary_key=True, autoincrement=False),
    _number("account_id"),
    _number("points"),
    _number("captured", server_default="0"),
    _name("state", server_default="open"),
    _instant("expires_at"),
    _number("ended_by", nullable=True),
)
Index("hold_open", hold.c.account_id, postgresql_where=hold.c.state == "open")
Index("hold_due", hold.c.expires_at, postgresql_where=hold.c.state == "open")
"""Points reserved for a redemption under way, until `ended_by`: the transaction that captured, voided or timed it out."""

hold_lot = Table(
    "hold_lot", metadata, _number("hold_id", primary_key=True), _number("lot_id", primary_key=True), _number("amount")
)
"""The points of a lot that a hold keeps, or kept."""

pending = Table(
    "pending",
    metadata,
    _number("txn_id", primary_key=True, autoincrement=False),
    _number("account_id"),
    _number("points"),
    _name("state", server_default="open"),
    _instant("expires_at", nullable=True),
    Column("qualifying", JSONB, nullable=False, server_default="{}"),
    Column("watches", JSONB, nullable=False, server_default="[]"),
    Column("nudge_on_watch", Text),
    _number("ended_by", nullable=True),
)
Index("pending_open", pending.c.account_id, postgresql_where=pending.c.state == "open")
"""Pending earns, with all that their confirmation will post."""

qualification = Table(
    "qualification",
    metadata,
    _name("program"),
    _name("participant"),
    _name("counter"),
    _instant("effective_at"),
    _number("txn_id"),
    _number("amount"),
    PrimaryKey("program", "participant", "counter", "effective_at", "txn_id", postgresql_include=["amount"]),
)
"""Qualifying amounts, in the counter's smallest unit."""

outbox = Table(
    "outbox",
    metadata,
    _id(),
    Column("workflow_id", Text, nullable=False),
    Column("signal", Text, nullable=False, server_default=NUDGE),
    _instant("created_at", server_default="now()"),
    _instant("sent_at", nullable=True),
)
Index("outbox_waiting", outbox.c.id, postgresql_where=outbox.c.sent_at.is_(None))
"""Nudges for the relay to send, written in the same transaction as their cause."""

seal = Table(
    "seal",
    metadata,
    _number("number", primary_key=True, autoincrement=False),
    Column("format", SmallInteger, nullable=False),
    _number("last_account"),
    _number("last_txn"),
    _number("last_posting"),
    _number("last_lot"),
    _number("rows"),
    Column("content", LargeBinary, nullable=False),
    Column("marks", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    _instant("recorded_at", server_default="now()"),
)
"""The chain of sealed blocks: a block's last ids, the hash of its rows, marks that identify the rows, and the block's hash."""
