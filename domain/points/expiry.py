"""Expiry: when the points of a lot expire, and how a member's activity changes that date."""

from datetime import datetime

from domain.definition.document import Definition
from domain.definition.expiry_kinds import expiry_rule
from domain.period import Period


def lot_expiry(definition: Definition, tier: str, earned_at: datetime) -> datetime | None:
    """When points expire that a member of this tier earns at this instant; None: never."""
    expiry = definition.expiry
    if expiry.after is None or not expiry_rule(expiry).expires or definition.current_tier(tier) in expiry.exempt_tiers:
        return None
    expires = expiry.after.after(earned_at, definition.zone)
    return expiry.at_end_of.end(expires, definition.zone) if expiry.at_end_of else expires


def clock_stands_within(definition: Definition) -> Period | None:
    """The longest gap between two activities during which a member's lots do not age; None: they always age.

    The end of every open lot then moves on by the gap. Gaps are compared as exact time (`Period.approximate`).
    """
    return definition.expiry.unless_active_every if expiry_rule(definition.expiry).lot_by_lot else None


def renews_lots(definition: Definition) -> bool:
    """Whether an activity gives all of a member's lots a new expiry, counted from it."""
    return expiry_rule(definition.expiry).renewed_by_activity


def tier_change_reschedules(definition: Definition, old_tier: str, new_tier: str) -> bool:
    """Whether a change of tier gives all of a member's lots a new expiry: only if exactly one of the two tiers is exempt.

    The new expiry is `lot_expiry` in the new tier, counted from the change.
    """
    exempt = definition.expiry.exempt_tiers
    old, new = definition.current_tier(old_tier), definition.current_tier(new_tier)
    return expiry_rule(definition.expiry).expires and (old in exempt) != (new in exempt)
