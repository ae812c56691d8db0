"""Refusals: a workflow's answer to a message that it does not accept, with a code and a remedy."""

from temporalio.exceptions import ApplicationError


def refusal(code: str, detail: str, remedy: str) -> ApplicationError:
    """The error and its remedy; the API turns it into the problem with this code."""
    return ApplicationError(detail, remedy, type=code, non_retryable=True)
