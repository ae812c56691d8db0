"""What the tables have in common: one schema, and columns that many have."""

from sqlalchemy import Column, DateTime, ForeignKey, ForeignKeyConstraint, MetaData, Text, func

metadata = MetaData(schema="store")


def instant(name: str, *, nullable: bool = False) -> Column:  # type: ignore[type-arg]
    return Column(name, DateTime(timezone=True), nullable=nullable)


def recorded_at() -> Column:  # type: ignore[type-arg]
    """The database's clock: when the row was written, apart from the business time beside it."""
    return Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


def of_program() -> Column:  # type: ignore[type-arg]
    return Column("program", Text, ForeignKey("store.program.id"), nullable=False)


def of_member(name: str) -> ForeignKeyConstraint:
    """The columns `program` and `participant` are a member's, and go with their reference when it is erased."""
    member = ["store.member.program", "store.member.participant"]
    return ForeignKeyConstraint(["program", "participant"], member, name=name, onupdate="CASCADE")
