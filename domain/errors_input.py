"""The problem of input that is not of the shape it must have, wherever it is found out."""

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
