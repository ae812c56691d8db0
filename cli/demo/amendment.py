"""The demo's amendment: members of the highest tier earn one point more for each dollar."""

import json
from decimal import Decimal
from typing import Any


def amended(definition: dict[str, Any]) -> dict[str, Any] | None:
    """The definition with the demo's amendment; None if no rule has a rate by tier."""
    after: dict[str, Any] = json.loads(json.dumps(definition))
    for rule in after["earning"]:
        for tier in reversed(after["tiers"]):
            if tier["id"] in rule.get("tier_rates", {}):
                rates = rule["tier_rates"]
                rates[tier["id"]] = str(Decimal(str(rates[tier["id"]])) + 1)
                return after
    return None
