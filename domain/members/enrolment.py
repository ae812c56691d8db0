"""Who may join: a definition's conditions on an applicant's attributes, and the fee."""

from collections.abc import Mapping
from decimal import Decimal

from domain.definition import conditions
from domain.definition.joining import Joining
from domain.definition.values import Condition
from domain.errors import TenureError


class NotAdmitted(Exception):
    """The applicant cannot join: `kind` is the problem, `reason` the reason in words."""

    def __init__(self, kind: type[TenureError], reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def not_asked(joining: Joining, attributes: Mapping[str, object]) -> tuple[str, ...]:
    """The attributes that no condition uses: a typing error, or personal data that nobody needs."""
    asked = {condition.attribute for condition in joining.requires}
    return tuple(name for name in attributes if name not in asked)


def unmet(joining: Joining, attributes: conditions.Attributes) -> tuple[Condition, ...]:
    """The conditions that do not hold. Raises UnratableEvent if a condition needs a number and a text was given."""
    return tuple(condition for condition in joining.requires if not conditions.hold((condition,), attributes))


def fee(joining: Joining) -> Decimal:
    """The fee for joining, in units of the program's money; 0 without one."""
    return joining.fee or Decimal(0)
