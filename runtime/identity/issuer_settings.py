"""Errors in the settings of the issuer of tokens; with one of them, the API does not start."""

from domain.errors import TenureError


class IssuerMissing(TenureError):
    """No caller could be recognised, so the API does not start."""

    code = "issuer_missing"
    category = "unavailable"
    title = "No issuer of tokens is set"

    def __init__(self) -> None:
        super().__init__(
            "Nothing says whose tokens the API takes.",
            remedy="Set TENURE_OIDC_ISSUER and TENURE_OIDC_AUDIENCE; for development alone, `tenure up` sets "
            "TENURE_DEVELOPMENT_ISSUER=1.",
        )


class AudienceMissing(TenureError):
    code = "audience_missing"
    category = "unavailable"
    title = "No audience is set"

    def __init__(self) -> None:
        super().__init__(
            "TENURE_OIDC_ISSUER is set without TENURE_OIDC_AUDIENCE, so that tokens for any other service would do here.",
            remedy="Set TENURE_OIDC_AUDIENCE to what the issuer's tokens for this API say in `aud`.",
        )


class TwoIssuers(TenureError):
    code = "two_issuers"
    category = "unavailable"
    title = "Two issuers of tokens are set"

    def __init__(self) -> None:
        super().__init__(
            "TENURE_DEVELOPMENT_ISSUER and TENURE_OIDC_ISSUER are both set: whoever reads the key here could ask as anybody.",
            remedy="Unset one of them.",
        )


class DevelopmentUnusable(TenureError):
    code = "development_issuer_unusable"
    category = "unavailable"
    title = "The development issuer cannot be used"
