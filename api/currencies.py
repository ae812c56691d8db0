"""Which of a program's currencies a request is about."""

from api.errors import CurrencyUnknown
from domain.definition import Definition


def currency_of(definition: Definition, asked: str | None, field: str = "currency") -> str:
    """The code of the currency that is asked for, or (None) of the program's first one. Raises CurrencyUnknown."""
    if asked is None:
        return definition.currency.code
    known = currencies_of(definition)
    if asked not in known:
        raise CurrencyUnknown(asked, known, field)
    return asked


def currencies_of(definition: Definition) -> list[str]:
    """The codes of all currencies of a program, the first one first."""
    return [each.code for each in (definition.currency, *definition.other_currencies)]
