"""Checks across fields of a definition: names that must exist, orders that must rise, fields that exclude each other.

The checks read plain data and skip values that they cannot read, so that their faults appear beside those of single fields.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from domain.definition.reading import checks_gates
from domain.definition.reading.checks_earning import earning, expiry
from domain.definition.reading.checks_events import attributes, scenario_events
from domain.definition.reading.checks_rewards import joining, rewards, scenario_rewards
from domain.definition.reading.checks_rollout import guardrails, waves
from domain.definition.reading.checks_tiers import counters, milestones, qualifications, tiers
from domain.definition.reading.checks_wind_down import floors, late_files, personal_data, remainder
from domain.definition.reading.plain import Finding, Plain, choose, decimals_of, gates, known_tier, scenarios, twice
from domain.definition.values import AGAINST_HOLDOUT
from domain.period import Period
from domain.recurrence import is_calendar

_FRACTIONS = (
    "active_rate",
    "churn_rate",
    "retention_rate",
    "member_redemption_rate",
    "breakage_rate",
    "satisfaction",
    "share_above_first_tier",
)
_WITH_IDS = {
    "counters": "counter",
    "tiers": "tier",
    "earning": "earning rule",
    "rewards": "reward",
    "test_phases": "test phase",
    "waves": "wave",
    "milestones": "milestone",
    "benefits": "benefit",
    "partners": "partner",
    "interactions": "message",
    "guardrails": "guardrail",
}
_TEXTS = ("name", "summary", "message", "risk", "answer", "version", "address")
_MIXED = re.compile(r"P(?=\d+[YM])(?:\d+Y)?(?:\d+M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T.+)?")


def findings(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Every fault of this kind in a definition given as plain data."""
    whole = Plain(definition)
    for check in _CHECKS:
        yield from check(whole)


def _money(whole: Plain) -> Iterator[Finding]:
    money = whole["money"].text
    if money is not None and len(money) == 3 and money.isupper() and decimals_of(whole) is None:
        yield whole["money"].says(f"{money} is no currency of ISO 4217", "write for instance USD, EUR or JPY")


def _unique(whole: Plain) -> Iterator[Finding]:
    for key, noun in _WITH_IDS.items():
        yield from twice(whole[key].items(), "id", f"there are two {noun}s {{}}", "give one another id")
    for phase in whole["test_phases"].items():
        yield from twice(phase["scenarios"].items(), "name", "there are two scenarios {}", "give one another name")
    items = whole["readiness"]["items"].items()
    yield from twice(items, "id", "there are two items of readiness {}", "give one another id")
    kpis = whole["evaluation"]["kpis"].items()
    yield from twice(kpis, "kpi", "{} is judged twice", "write one entry with all its thresholds")


def _named_tiers(whole: Plain) -> Iterator[Finding]:
    for reward in whole["rewards"].items():
        yield from known_tier(whole, reward["from_tier"])
    for tier in whole["expiry"]["exempt_tiers"].items():
        yield from known_tier(whole, tier)
    for benefit in whole["benefits"].items():
        for tier in benefit["tiers"].items():
            yield from known_tier(whole, tier)
    for scenario in scenarios(whole):
        yield from known_tier(whole, scenario["tier"])
        yield from known_tier(whole, scenario["expect"]["tier"])


def _currencies(whole: Plain) -> Iterator[Finding]:
    currencies = [whole["currency"], *whole["other_currencies"].items()]
    yield from twice(currencies, "code", "there are two currencies {}", "give one another code")
    known = [currency["code"].text for currency in currencies if currency["code"].text]
    rates: dict[tuple[str, str], Decimal] = {}
    for conversion in whole["conversions"].items():
        ends = conversion["from_currency"], conversion["to_currency"]
        for end in ends:
            if end.text is not None and end.text not in known:
                yield end.says(f"there is no currency {end.text!r}", choose(known, "add it to other_currencies"))
        source, target, rate = ends[0].text, ends[1].text, conversion["rate"].number
        if source is None or target is None or rate is None:
            continue
        if source == target:
            yield ends[1].says(f"{source!r} cannot be converted into itself", "name another currency")
        elif (source, target) in rates:
            yield conversion.says(f"{source} into {target} is written twice", "write one rate for it")
        elif (gain := _best(rates, target, source)) is not None and gain * rate >= 1:
            yield conversion["rate"].says(
                f"converting {source} in a circle would bring back {format((gain * rate).normalize(), 'f')} for each point",
                "lower a rate of the circle until a round trip loses something, or take one of its conversions away",
            )
        rates.setdefault((source, target), rate)


def _best(
    rates: Mapping[tuple[str, str], Decimal], start: str, end: str, passed: frozenset[str] = frozenset()
) -> Decimal | None:
    """The most points of `end` that one point of `start` can become, over any conversions; None if none lead there."""
    if start == end:
        return Decimal(1)
    ways = [
        rate * onward
        for (source, target), rate in rates.items()
        if source == start and target not in passed
        if (onward := _best(rates, target, end, passed | {start})) is not None
    ]
    return max(ways, default=None)


def _bounds(whole: Plain) -> Iterator[Finding]:
    bounded = [(each, "figure") for each in whole["prototype"]["criteria"].items()]
    for phase in whole["test_phases"].items():
        bounded += [(each, "kpi" if phase["kind"].text == "pilot" else "figure") for each in phase["criteria"].items()]
    bounded += [(each, "kpi") for name in ("objectives", "guardrails") for each in whole[name].items()]
    bounded += [(each, "figure") for gate in gates(whole) for each in gate["automatic"]["bounds"].items()]
    for part, name in bounded:
        yield from _bound(part, "at_least", "at_most", part[name].text)
        low, high = part["at_least"].number, part["at_most"].number
        if low is not None and high is not None and low > high:
            yield part.says(f"at least {low} and at most {high} cannot both hold", "write at_most not below at_least")
    for rule in whole["evaluation"]["kpis"].items():
        for threshold in rule["thresholds"].items():
            yield from _bound(threshold, "below", "above", rule["kpi"].text)
            low, high = threshold["below"].number, threshold["above"].number
            if low is not None and high is not None and low > high:
                yield threshold.says(f"every figure is below {low} or above {high}", "write below as the lower one of the two")


def _kpi_terms(whole: Plain) -> Iterator[Finding]:
    for phase in whole["test_phases"].items():
        yield from twice(phase["criteria"].items(), "kpi", "{} is bounded twice", "write one criterion with both bounds")
        for criterion in phase["criteria"].items():
            if criterion["kpi"].text == "lifetime_value":
                yield criterion["kpi"].says("a pilot has no terms for a lifetime value", "bound another figure")
    for rule in whole["evaluation"]["kpis"].items():
        kpi = rule["kpi"].text
        if kpi == "lifetime_value" and not rule["lifetime"].given:
            yield rule["kpi"].says("a lifetime value needs its terms", "add lifetime with margin and discount_rate")
        for terms, of in (
            ("lifetime", ("lifetime_value",)),
            ("running_cost", ("incremental_net", "return_on_investment")),
            ("margin_rate", AGAINST_HOLDOUT),
        ):
            if rule[terms].given and kpi is not None and kpi not in of:
                yield rule[terms].says(f"{kpi} is computed without {terms}", f"take it away; it belongs to {' and '.join(of)}")


def _bound(part: Plain, low: str, high: str, figure: str | None) -> Iterator[Finding]:
    if isinstance(part.value, Mapping) and not part[low].given and not part[high].given:
        yield part.says("has no bound", f"add {low} or {high}")
    for key in (low, high):
        bound = part[key].number
        if figure in _FRACTIONS and bound is not None and bound > 1:
            yield part[key].says(f"{figure} is a fraction of 1, and {bound} is above it", "write 0.35 for 35 percent")


def _partners(whole: Plain) -> Iterator[Finding]:
    for partner in whole["partners"].items():
        begins, ends = partner["agreement_from"], partner["agreement_until"]
        for date in (begins, ends):
            if date.given and not partner["agreement"].given:
                yield date.says("there is no agreement that it could be the date of", "add agreement, or take the date away")
        first, last = begins.moment, ends.moment
        if first and last and first.is_day and last.is_day and last.value <= first.value:
            yield ends.says(f"the agreement ends on {last}, and begins on {first}: it is never in force", "write a later day")
        inward, outward = partner["transfer_in"]["rate"].number, partner["transfer_out"]["rate"].number
        if inward is not None and outward is not None and inward * outward > 1:
            yield partner["transfer_in"]["rate"].says(
                f"points sent out and back again would come to {format((inward * outward).normalize(), 'f')} for each point",
                "lower one of the two rates until a round trip gains nothing",
            )
    for message in whole["interactions"].items():
        expiring = message["when"].text == "points_lapse_soon"
        if expiring != message["before"].given or (expiring == message["after"].given and expiring):
            yield message.says(
                "a message before points expire says how long before, and every other how long after",
                "write before with points_lapse_soon, and after with all others",
            )


def _durations(whole: Plain) -> Iterator[Finding]:
    """Find periods that mix months, which differ in length, with 28 days or more: their meaning is unclear."""
    for part in _all_parts(whole):
        found = _MIXED.fullmatch(part.text) if part.text and part.path[-1] not in _TEXTS else None
        days = int(found["weeks"] or 0) * 7 + int(found["days"] or 0) if found else 0
        if days >= 28 and (period := part.period):  # a period that is too long is a fault of its own
            months = period.months
            yield part.says(
                f"{part.text} mixes units: it means {months} months of the calendar and then {days} days",
                f"write months alone (P{months + round(days / 30.436875)}M), or days alone "
                f"(P{round(months * 30.436875) + days}D)",
            )


def _schedules(whole: Plain) -> Iterator[Finding]:
    """Find periods in months that no calendar Schedule can express: they would fall on other months each year."""
    for part in (whole["evaluation"]["every"], whole["expiry"]["sweep_every"]):
        period = part.period
        if period is None or not period.months:
            continue
        if period.rest:
            yield part.says(f"{period} mixes months with days or hours", f"write months alone, for instance {_near(period)}")
        elif not is_calendar(period.months):
            yield part.says(
                f"{period} does not fall on the same months of each year, or is too long for a calendar",
                f"write a number of months that divides 12, or whole years up to ten; for instance {_near(period)}",
            )


def _near(period: Period) -> Period:
    """The longest calendar period that is not longer than this one."""
    return Period(max(months for months in range(1, period.months + 1) if is_calendar(months)))


def _all_parts(part: Plain) -> Iterator[Plain]:
    if isinstance(part.value, Mapping):
        for key in part.value:
            yield from _all_parts(part[key])
    elif isinstance(part.value, (list, tuple)):
        for item in part.items():
            yield from _all_parts(item)
    elif part.path:
        yield part


_CHECKS: tuple[Callable[[Plain], Iterator[Finding]], ...] = (
    _money,
    _unique,
    tiers,
    qualifications,
    counters,
    milestones,
    earning,
    _named_tiers,
    rewards,
    joining,
    expiry,
    attributes,
    _currencies,
    _partners,
    checks_gates.asked,
    checks_gates.steps,
    checks_gates.times,
    checks_gates.automatic,
    checks_gates.signed,
    _bounds,
    _kpi_terms,
    scenario_events,
    scenario_rewards,
    waves,
    guardrails,
    floors,
    late_files,
    remainder,
    personal_data,
    _durations,
    _schedules,
)
