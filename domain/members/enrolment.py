"""Who may join: a definition's conditions on what an applicant says of themselves, and the fee."""

from collections.abc import Mapping
from decimal import Decimal

from domain.definition import conditions
from domain.definition.partners import Joining
from domain.definition.values import Condition


class NotAdmitted(Exception):
    """Nobody joins so: `code` is that of the problem, `why` says it in words."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


def not_asked(joining: Joining, attributes: Mapping[str, object]) -> tuple[str, ...]:
    """The attributes that no condition asks for: a slip of the pen, or more about a person than anybody needs."""
    asked = {condition.attribute for condition in joining.requires}
    return tuple(name for name in attributes if name not in asked)


def unmet(joining: Joining, attributes: conditions.Attributes) -> tuple[Condition, ...]:
    """The conditions that do not hold. Raises UnratableEvent where a number is asked for, and a text was given."""
    return tuple(condition for condition in joining.requires if not conditions.hold((condition,), attributes))


def fee(joining: Joining) -> Decimal:
    """What joining costs, in units of the program's money; 0 where it costs nothing."""
    return joining.fee or Decimal(0)
