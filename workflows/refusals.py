"""Refusals: what a workflow answers to a message that it does not take, as a problem with a code and a remedy."""

from temporalio.exceptions import ApplicationError


def refusal(code: str, detail: str, remedy: str) -> ApplicationError:
    """What is wrong and what to do; the API makes the problem with this code of it."""
    return ApplicationError(detail, remedy, type=code, non_retryable=True)
