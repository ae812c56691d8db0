"""The head of a chain as a request names it: a number and a hash, which belong together."""

from domain.errors_input import InvalidRequest

HASH = "^[0-9a-f]{64}$"


def both_or_none(number: int | None, digest: str | None, number_field: str, digest_field: str) -> tuple[int, str] | None:
    """The two parts of a head, of which both must be given, or none. Raises InvalidRequest."""
    if number is not None and digest is not None:
        return number, digest
    if number is None and digest is None:
        return None
    missing, given = (number_field, digest_field) if number is None else (digest_field, number_field)
    raise InvalidRequest([{"field": missing, "problem": f"it is missing, and {given} says nothing without it"}])
