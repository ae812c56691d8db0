"""The problems of a key that makes a request safe to repeat."""

from domain.errors import TenureError
from domain.errors_input import KeyReused


class KeyMissing(TenureError):
    """Every POST carries a key of the caller's own, so that it can be repeated without acting twice."""

    code = "idempotency_key_missing"
    category = "malformed"
    title = "The request needs an Idempotency-Key"

    def __init__(self, field: str = "Idempotency-Key") -> None:
        where = "the header `Idempotency-Key`" if field == "Idempotency-Key" else f"`{field}` with each event"
        super().__init__(
            "A POST without an Idempotency-Key cannot be repeated safely.",
            remedy=f"Send {where}: a value of your own, up to 200 characters, the same on repetition.",
            field=field,
        )


class KeyInvalid(TenureError):
    """A key is a text of up to 200 visible ASCII characters."""

    code = "idempotency_key_invalid"
    category = "malformed"
    title = "The Idempotency-Key cannot be used"

    def __init__(self, longest: int, field: str = "Idempotency-Key") -> None:
        super().__init__(
            f"The Idempotency-Key is no text, is longer than {longest} characters, or has others than visible ASCII ones.",
            remedy="Use letters, digits and punctuation, without blanks: a UUID, for instance.",
            field=field,
        )


class KeyTwice(TenureError):
    """Two events of one batch have the same key, and are not the same event."""

    code = KeyReused.code
    category = KeyReused.category
    title = KeyReused.title

    def __init__(self, key: str, first: int) -> None:
        super().__init__(
            f"The key {key!r} is that of events[{first}] already, which is another event.",
            remedy="Give each event a key of its own; the first one with this key has been taken.",
            field="key",
        )


class RequestInFlight(TenureError):
    """The same request came before, and its answer is not there yet."""

    code = "request_in_flight"
    category = "conflict"
    title = "The first request is still being answered"

    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key is under way.",
            remedy="Repeat it in a moment to get its answer, or ask at GET /requests/{key} what became of it.",
        )


class RequestUnknown(TenureError):
    """Nobody has sent a request under this key, or it was refused, which gives the key back."""

    code = "request_unknown"
    category = "not_found"
    title = "There is no request with this key"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"You have no request under the Idempotency-Key {key!r}.",
            remedy="Take the address from the Location header of the 202 answer, or send the request again.",
            field="key",
        )
