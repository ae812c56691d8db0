"""The currencies of a program, as its definition in force names them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.definition.document import Definition
from domain.points.errors import CurrencyUnknown
from store.programs import programs


async def definition_now(connection: AsyncConnection, program: str) -> Definition:
    """The definition in force, or the first one where none is yet. Raises ProgramUnknown."""
    record = await programs.find(connection, program)
    return await programs.definition(connection, program, record.revision_in_force or 1)


def currency_of(definition: Definition, code: str | None, *, field: str = "currency") -> str:
    """The currency that is meant: the main one where none is named. Raises CurrencyUnknown."""
    known = [currency.code for currency in (definition.currency, *definition.other_currencies)]
    if code is None:
        return known[0]
    if code not in known:
        raise CurrencyUnknown(code, known, field)
    return code
