"""The problems of who asks: tokens and keys that are none, issuers that are away, too many requests."""

from typing import ClassVar

from domain.errors import TenureError


class TokenRefused(TenureError):
    """Without a reason it is the same for everything that could be guessed at: unknown, expired and revoked keys read alike.

    `reason` is for a token whose signature was found good.
    """

    code = "token_refused"
    category = "unauthenticated"
    title = "The token or key is not good"

    def __init__(self, reason: str = "") -> None:
        super().__init__(
            reason or "The bearer token or API key is not known, or not good any more.",
            remedy="Sign in anew for a fresh token, or have another API key made; TENURE_TOKEN is what the command line sends.",
        )


class IssuerUnreachable(TenureError):
    """The issuer of tokens does not answer, and its keys are not known here yet."""

    code = "issuer_unreachable"
    category = "unavailable"
    title = "Nobody can be recognised now"
    example: ClassVar = {"issuer": "https://login.example.org"}

    def __init__(self, issuer: str) -> None:
        super().__init__(
            f"The keys of the issuer {issuer} cannot be fetched, so that its tokens cannot be checked.",
            remedy="Repeat the request in a moment; if it fails again, tell the operator, whose log says why.",
        )


class NotForMachines(TenureError):
    """Something that somebody must answer for was asked for with an API key."""

    code = "not_for_machines"
    category = "forbidden"
    title = "A person must do that"

    def __init__(self, action: str) -> None:
        super().__init__(
            f"An API key may not {action}, whatever its roles: somebody must answer for it in person.",
            remedy="Ask with the token of a person.",
        )


class TooManyRequests(TenureError):
    """`retry_after` is in seconds."""

    code = "too_many_requests"
    category = "rate_limited"
    title = "That was asked too often"
    example: ClassVar = {"what": "prototypes", "rate": "60 per 1 minute", "retry_after": 12}

    def __init__(self, what: str, rate: str, retry_after: int) -> None:
        super().__init__(
            f"There may be {rate} {what}.",
            remedy=f"Repeat the request after {retry_after} second{'s' if retry_after != 1 else ''}.",
        )
        self.retry_after = retry_after


class ApiKeyUnknown(TenureError):
    """No API key has this id, or it reaches further than who asks may see."""

    code = "api_key_unknown"
    category = "not_found"
    title = "There is no such API key"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"There is no API key {key!r}.", remedy="List the API keys and take an id from there.", field="api_key"
        )


class ApiKeyExpiry(TenureError):
    """A key that never ends would outlive whoever knows of it."""

    code = "api_key_expiry"
    category = "invalid"
    title = "The key's end is out of range"

    def __init__(self, longest: int) -> None:
        super().__init__(
            f"An API key must end in the future, and within {longest} days.",
            remedy="Write such an instant in `expires_at`; make a new key before this one ends.",
            field="expires_at",
        )


class RoleNotGranted(TenureError):
    """Who makes a key may give it the roles of machines, and those that they have themselves."""

    code = "role_not_granted"
    category = "forbidden"
    title = "That role is not yours to give"
    example: ClassVar = {"roles": "finance", "permitted": "analyst, member_service"}

    def __init__(self, roles: str, permitted: str) -> None:
        super().__init__(
            f"You cannot give a key {roles} for these programs.",
            remedy=f"Give {permitted}, or roles that you have there yourself; who has another one can give it.",
            field="roles",
        )
