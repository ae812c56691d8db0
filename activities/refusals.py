"""Refusals: how a workflow or an activity answers that the rules forbid something; trying again would change nothing."""

from temporalio.exceptions import ApplicationError

from domain.errors import TenureError


def refusal(error: TenureError) -> ApplicationError:
    """The error as it is sent: what is wrong and what to do, under its code, of which the API makes the problem."""
    return in_words(type(error), error.detail, error.remedy)


def in_words(kind: type[TenureError], detail: str, remedy: str | None = None) -> ApplicationError:
    """An error of this kind in other words than its class has for it; without a remedy, the API says that of the code."""
    return ApplicationError(detail, *([remedy] if remedy else []), type=kind.code, non_retryable=True)
