"""The problems of who asks."""

from domain.errors import TenureError


class TokenMissing(TenureError):
    """The request has no `Authorization` header with a token that the API knows."""

    code = "token_missing"
    category = "unauthenticated"
    title = "Nobody is known to ask"

    def __init__(self) -> None:
        super().__init__(
            "The request carries no known bearer token.", remedy="Send `Authorization: Bearer TOKEN` with a person's token."
        )


class NotAllowed(TenureError):
    """The person is known, and has none of the roles that may do this."""

    code = "not_allowed"
    category = "forbidden"
    title = "This person may not do that"

    def __init__(self, person: str, action: str, roles: str) -> None:
        super().__init__(f"{person} may not {action}.", remedy=f"It takes one of the roles: {roles}.")
