"""Tables: redemptions, and the codes that are handed out."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from store.tables.columns import instant, metadata, of_member, of_program, recorded_at

redemption = Table(
    "redemption",
    metadata,
    Column("id", Text, primary_key=True),
    Column("program", Text, nullable=False),
    Column("participant", Text, nullable=False),
    Column("reward", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reference", Text),
    Column("why", Text, nullable=False, server_default=""),
    Column("refusal", Text),
    instant("asked_at"),
    instant("settled_at", nullable=True),
    recorded_at(),
    of_member("redemption_member"),
    Index("redemption_by_member", "program", "participant", "asked_at"),
    Index("redemption_taken", "program", "reward", postgresql_where="state IN ('held', 'fulfilled')"),
)
"""What became of each redemption: `held`, then `fulfilled` (with what was handed out) or `voided` (with why), or `refused`."""

voucher_code = Table(
    "voucher_code",
    metadata,
    of_program(),
    Column("reward", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("redemption", Text),
    recorded_at(),
    PrimaryKeyConstraint("program", "reward", "code", name="voucher_code_pkey"),
    UniqueConstraint("redemption", name="voucher_code_once"),
    Index("voucher_code_free", "program", "reward", "code", postgresql_where="redemption IS NULL"),
)
"""The stock of a reward that is handed out as codes; a code belongs to one redemption, and a redemption to one code."""
