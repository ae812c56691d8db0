"""The problems of input, wherever they are found out: it is of another shape than it must have, or of a state that is past."""

from domain.errors import TenureError


class InvalidRequest(TenureError):
    """The body, a header or the address is of the wrong shape; `errors` names every field that is."""

    code = "invalid_request"
    category = "invalid"
    title = "The request is of the wrong shape"

    def __init__(self, errors: list[dict[str, object]]) -> None:
        first = errors[0] if errors else {"field": "body", "problem": "not readable"}
        super().__init__(
            f"{first['field']}: {first['problem']}.", remedy="Correct the fields named in `errors`.", field=str(first["field"])
        )
        self.errors = errors


class Changed(TenureError):
    """`If-Match` names the state that was read, and there is another one now."""

    code = "changed_meanwhile"
    category = "precondition_failed"
    title = "Somebody else has changed it meanwhile"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not what you have read any more.",
            remedy="Read it again, see what has changed, and send your change with its new ETag.",
            field="If-Match",
        )


class KeyReused(TenureError):
    """A key names one request; the same key came with another body, or to another address."""

    code = "idempotency_key_reused"
    category = "invalid"
    title = "The key belongs to another request"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The Idempotency-Key {key!r} was used before, for a request with another body or address.",
            remedy="Repeat the first request unchanged to get its answer again, or take a new key.",
            field="Idempotency-Key",
        )
