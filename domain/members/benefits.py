"""Benefits: what members get on joining, on rising into a tier, or on keeping it."""

from domain.definition.document import Definition
from domain.definition.rewards import Benefit


def on_joining(definition: Definition) -> tuple[Benefit, ...]:
    """The benefits of joining."""
    return tuple(benefit for benefit in definition.benefits if benefit.on == "joining")


def of_change(definition: Definition, change: str, tier: str) -> tuple[Benefit, ...]:
    """The benefits of a change (`domain.members.tiers.Review.change`) for a member who then has the tier."""
    on = {"upgrade": "tier", "renewal": "renewal"}.get(change)
    return tuple(
        benefit for benefit in definition.benefits if benefit.on == on and (not benefit.tiers or tier in benefit.tiers)
    )
