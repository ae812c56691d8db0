"""Checks of earning and expiry: every rule can fire, and has one meaning."""

from collections.abc import Iterator, Mapping

from domain.definition.reading.plain import Finding, Plain, known_tier


def earning(whole: Plain) -> Iterator[Finding]:
    remedy = "write rate for points per unit of money, or points for a flat number"
    for rule in whole["earning"].items():
        if rule["rate"].given and rule["points"].given:
            yield rule.says("has both rate and points", remedy)
        if isinstance(rule.value, Mapping) and not rule["rate"].given and not rule["points"].given:
            yield rule.says("has neither rate nor points", remedy)
        if rule["tier_rates"].given and not rule["rate"].given:
            yield rule["tier_rates"].says("rates by tier need a rate for all others", "add rate, or take tier_rates away")
        for key in ("tier_rates", "tier_bonus"):
            for tier in rule[key].value if isinstance(rule[key].value, Mapping) else ():
                yield from known_tier(whole, Plain(tier, (*rule[key].path, tier)))
        if rule["points"].given and rule["per"].text not in (None, "amount"):
            yield rule["per"].says("a flat number of points is multiplied with nothing", "write rate in place of points")
        yield from _ever(rule)


def _ever(rule: Plain) -> Iterator[Finding]:
    """Find rules that can never fire, or never give what they promise."""
    begins, ends = rule["from"].moment, rule["until"].moment
    if begins and ends and begins.is_day and ends.is_day and ends.value <= begins.value:
        yield rule["until"].says(f"the rule ends on {ends}, and begins on {begins}: it never holds", "write a later day")
    most, flat = rule["cap"]["points"].number, rule["points"].number
    rate, least = rule["rate"].number, rule["minimum_amount"].number
    if most is not None and flat is not None and flat > most:
        yield rule["cap"]["points"].says(
            f"one event brings {flat} points, and the cap lets {most} through", "write a cap that is not below points"
        )
    by_amount = rule["per"].text in (None, "amount")
    if most is not None and rate is not None and least is not None and by_amount and rate * least > most:
        yield rule["minimum_amount"].says(
            f"an event of {least} brings {(rate * least).normalize():f} points, above the cap of {most}",
            "lower the minimum, raise the cap, or write points in place of rate",
        )


def expiry(whole: Plain) -> Iterator[Finding]:
    policy = whole["expiry"]
    if not isinstance(policy.value, Mapping):
        return
    kind = "never" if policy["kind"].value is None else policy["kind"].text
    if kind in ("after_earning", "inactivity") and not policy["after"].given:
        yield policy.says(f"kind {kind} does not say after how long", "add after, for instance P12M")
    misplaced = {
        "never": ("after", "at_end_of", "unless_active_every", "exempt_tiers", "reinstate_within"),
        "inactivity": ("unless_active_every",),
    }
    for key in misplaced.get(kind or "", ()):
        if policy[key].value:
            yield policy[key].says(f"does not fit kind {kind}", "take it away, or write kind: after_earning")
    after, active = policy["after"].period, policy["unless_active_every"].period
    if kind == "after_earning" and after and active and active.approximate() > after.approximate():
        yield policy["unless_active_every"].says(
            f"{active} is longer than after ({after}): the points would expire before the member could be late",
            "write a period that is not longer than after",
        )
