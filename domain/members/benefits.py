"""Benefits: what joining, rising into a tier or staying in it brings by itself."""

from domain.definition.document import Definition
from domain.definition.rewards import Benefit


def on_joining(definition: Definition) -> tuple[Benefit, ...]:
    """What a member gets on joining."""
    return tuple(benefit for benefit in definition.benefits if benefit.on == "joining")


def of_change(definition: Definition, change: str, tier: str) -> tuple[Benefit, ...]:
    """What a change of standing (`domain.tiers.Review.change`) brings to who then has the tier."""
    on = {"upgrade": "tier", "renewal": "renewal"}.get(change)
    return tuple(
        benefit for benefit in definition.benefits if benefit.on == on and (not benefit.tiers or tier in benefit.tiers)
    )
