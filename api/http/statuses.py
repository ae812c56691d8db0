"""The HTTP status of each category of error: the one place where an error of the rules gets one."""

from collections.abc import Mapping
from http import HTTPStatus

from domain.errors import Category, TenureError

STATUSES: Mapping[Category, HTTPStatus] = {
    "malformed": HTTPStatus.BAD_REQUEST,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "not_acceptable": HTTPStatus.NOT_ACCEPTABLE,
    "conflict": HTTPStatus.CONFLICT,
    "gone": HTTPStatus.GONE,
    "precondition_failed": HTTPStatus.PRECONDITION_FAILED,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Every category has its own, so that one can be told from the other by the status alone."""


def status_of(error: TenureError | type[TenureError]) -> int:
    """The HTTP status that an error, or any of its class, is answered with."""
    return STATUSES[error.category].value
