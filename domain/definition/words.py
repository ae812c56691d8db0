"""A definition's parts in a product owner's words: periods, windows, figures, conditions, qualifications."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from domain.definition.document import Definition
from domain.definition.earning import EarningRule, Expiry, Milestone
from domain.definition.expiry_kinds import expiry_rule
from domain.definition.gates import AutomaticBound, GatePolicy
from domain.definition.rewards import Benefit, Reward
from domain.definition.rollout import Guardrail, Wave
from domain.definition.tiers import Counter, Held, Qualification, Threshold, Tier
from domain.definition.values import Condition
from domain.money import exponent
from domain.period import Period
from domain.window import Cycle, Moment, Window

_COINS = {"USD": "cents", "EUR": "cents", "CAD": "cents", "AUD": "cents", "GBP": "pence"}


def figure(number: Decimal | int) -> str:
    """A figure with separators and without trailing zeros: 12,500 or 0.5."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def period(length: Period) -> str:
    """A period in words: 2 years, 18 months, 30 days, 1 hour and 30 seconds."""
    years, months = divmod(length.months, 12)
    counted = [(length.months, "month")] if months else [(years, "year")]
    seconds = length.rest // timedelta(seconds=1)
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        counted.append((seconds // size, unit))
        seconds %= size
    parts = [f"{number} {unit}{'s' * (number != 1)}" for number, unit in counted if number]
    return listed(parts) or "no time"


def window(written: Window) -> str:
    """A window in words: the last 12 months; each year from 1 April; every 12 months from joining; a lifetime."""
    if written.length is None:
        return "a lifetime"
    if written.kind == "rolling":
        return f"the last {period(written.length)}"
    if written.kind == "anniversary":
        return f"every {period(written.length)} from joining"
    if isinstance(written.starts, Moment) and written.length == Period(12) and written.starts.is_day:
        return f"each year from {written.starts.value.day} {written.starts.value:%B}"
    return f"every {period(written.length)}, counted from {written.starts}"


def ending(definition: Definition) -> str:
    """The settlement of the remainder at the end, in words."""
    policy = definition.wind_down
    if policy.remainder == "cash_out":
        return f"what is left is paid out at {worth(definition, definition.currency.value_per_point)} a point"
    if policy.into is None:
        return "what is left is forfeited"
    into = policy.into
    partner = next((each.name for each in definition.partners if each.id == into.partner), into.partner)
    rates = listed(f"{figure(rate)} for each {code}" for code, rate in into.rates.items())
    return f"what is left becomes points of {partner}, {rates}"


def money(definition: Definition, amount: Decimal) -> str:
    return f"{figure(amount)} {definition.money}"


def worth(definition: Definition, amount: Decimal) -> str:
    """The value of a point in the smallest coin, if it has a name here: 0.5 cents."""
    coin = _COINS.get(definition.money)
    return f"{figure(amount.scaleb(exponent(definition.money)))} {coin}" if coin else money(definition, amount)


def points(number: Decimal | int) -> str:
    return f"{figure(number)} point{'s' * (number != 1)}"


def name(short: str) -> str:
    return short.replace("-", " ")


def listed(parts: Iterable[str], last: str = "and") -> str:
    """A list in words: A, B and C."""
    words = list(parts)
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def on_counter(definition: Definition, counter_id: str, at_least: Decimal) -> str:
    """A threshold of a counter in words: 40 nights; 6,000 USD of spend."""
    counter = next((each for each in definition.counters if each.id == counter_id), None)
    if counter is not None and counter.counts == "amount":
        return f"{money(definition, at_least)} of {name(counter_id)}"
    return f"{figure(at_least)} {name(counter_id)}"


def requirement(definition: Definition, part: Threshold | Held | Qualification) -> str:
    if isinstance(part, Threshold):
        return on_counter(definition, part.counter, part.at_least)
    if isinstance(part, Held):
        return f"{period(part.at_least)} at {tier_name(definition, part.held)} or above"
    return f"({qualification(definition, part)})"


def qualification(definition: Definition, written: Qualification | None) -> str:
    """A qualification in words: 40 nights, 20 stays or 75,000 base points."""
    if written is None:
        return "nothing"
    words = (requirement(definition, part) for part in written.requirements)
    return listed(words, "and" if written.all else "or")


def tier_name(definition: Definition, tier_id: str) -> str:
    return next((tier.name for tier in definition.tiers if tier.id == tier_id), tier_id)


def validity(tier: Tier) -> str:
    if tier.valid is not None:
        further = " and the one after it" if tier.valid.further_windows else ""
        grace = f", and {period(tier.valid.grace)} more" if tier.valid.grace else ""
        return f"to the end of the window in which it was earned{further}{grace}"
    return f"for {period(tier.valid_for)}" if tier.valid_for is not None else "without end"


def condition(written: Condition) -> str:
    subject = name(written.attribute)
    parts = []
    if written.is_ is not None:
        parts.append(f"is {value(written.is_)}")
    if written.is_not is not None:
        parts.append(f"is not {value(written.is_not)}")
    if written.one_of:
        parts.append(f"is {listed(map(value, written.one_of), 'or')}")
    for bound, words in (("at_least", "at least"), ("at_most", "at most"), ("above", "above"), ("below", "below")):
        if (number := getattr(written, bound)) is not None:
            parts.append(f"is {words} {figure(number)}")
    return f"{subject} {listed(parts)}"


def conditions(written: tuple[Condition, ...]) -> str:
    return f" where {listed(map(condition, written))}" if written else ""


def rule(definition: Definition, written: EarningRule) -> str:
    """An earning rule, in one sentence."""
    unit = definition.money if written.per == "amount" else name(written.per)
    gives = points(written.points) if written.points is not None else f"{points(written.rate or 0)} per {unit}"
    text = f"{gives} for each {name(written.event)}{conditions(written.when)}"
    if written.tier_rates:
        text += "; " + by_tier(definition, written.tier_rates, f" per {unit}")
    if written.tier_bonus:
        text += "; on top " + by_tier(definition, written.tier_bonus, " %")
    if written.minimum_amount:
        text += f"; from {money(definition, written.minimum_amount)}"
    if written.from_:
        text += f"; from {written.from_}"
    if written.until:
        text += f"; until {written.until}"
    if written.cap:
        text += f"; at most {figure(written.cap.points)} {per(written.cap.per)}"
    if written.pending:
        text += "; waiting until confirmed"
    if not written.counts:
        text += "; counting towards no tier"
    return text


def by_tier(definition: Definition, figures: dict[str, Decimal], unit: str) -> str:
    return listed(f"{tier_name(definition, tier)} {figure(number)}{unit}" for tier, number in figures.items())


def per(span: Cycle | str) -> str:
    written = span.written() if isinstance(span, Cycle) else span
    return f"per {written}" if isinstance(written, str) else f"every {written['every']}"


def expiry(definition: Definition, written: Expiry) -> str:
    """When points expire, in one sentence."""
    rule = expiry_rule(written)
    if not rule.expires or written.after is None:
        return "Points never expire"
    text = f"Points expire {period(written.after)} after {rule.counted_from}"
    if written.at_end_of:
        text += f", at the end of the {written.at_end_of.written()}"
    if written.unless_active_every:
        text += f", later where the member is active every {period(written.unless_active_every)}"
    if written.exempt_tiers:
        text += f"; never for {listed(tier_name(definition, tier) for tier in written.exempt_tiers)}"
    return text


def counter(definition: Definition, written: Counter) -> str:
    """A counter and its window, in words."""
    counts = {"points": "points", "amount": "money spent", "events": "events"}.get(
        written.counts, name(written.attribute or "an attribute")
    )
    of = f" of {listed(map(name, written.events), 'or')}" if written.events else ""
    over = window(written.window or definition.qualification_window)
    return f"{name(written.id)}: {counts}{of}{conditions(written.when)}, over {over}"


def milestone(definition: Definition, written: Milestone) -> str:
    return f"{points(written.points)} at {on_counter(definition, written.counter, written.at)}"


def reward(definition: Definition, written: Reward) -> str:
    limits = [
        f"from {tier_name(definition, written.from_tier)} up" if written.from_tier else "",
        f"{figure(written.stock)} in all" if written.stock else "",
        f"{figure(written.per_member.count)} per member within {period(written.per_member.per)}" if written.per_member else "",
        f"from {written.from_}" if written.from_ else "",
        f"until {written.until}" if written.until else "",
    ]
    return ", ".join([f"{written.name}: {points(written.points)}", *filter(None, limits)])


def benefit(definition: Definition, written: Benefit) -> str:
    on = {"joining": "on joining", "tier": "on rising", "renewal": "on staying"}[written.on]
    tiers = f" ({listed(tier_name(definition, tier) for tier in written.tiers)})" if written.tiers else ""
    brings = f", {points(written.points)}" if written.points else ""
    return f"{written.name}, {on}{tiers}{brings}"


def policy(written: GatePolicy) -> str:
    """A gate's policy in words: approvers step by step, reminders, escalation, automatic approval, break glass."""
    steps = sorted({rule.step for rule in written.rules})
    asked = (
        listed(f"{rule.count} {rule.role}" if rule.count > 1 else rule.role for rule in written.rules if rule.step == step)
        for step in steps
    )
    text = ", then ".join(asked)
    more = []
    if written.reminders:
        more.append(f"reminded after {listed(map(period, written.reminders))}")
    if written.escalation:
        more.append(f"from {period(written.escalation.after)} on {written.escalation.to} may stand in")
    if written.automatic:
        more.append(f"nobody is asked where {listed(map(bound, written.automatic.bounds))}")
    if written.break_glass:
        more.append(f"in an emergency {written.break_glass} alone")
    return f"{text} ({'; '.join(more)})" if more else text


def bound(written: AutomaticBound) -> str:
    """A bound in words: cost is at most 1,000."""
    limits = {"at least": written.at_least, "at most": written.at_most}
    text = listed(f"{words} {figure(limit)}" for words, limit in limits.items() if limit is not None)
    return f"{written.figure.replace('_', ' ')} is {text}"


def wave(written: Wave) -> str:
    """A wave in words: its audience, its time, its rates: 20 % for 30 days."""
    whom = f"{figure(written.share)} %" if written.share is not None else f"the cohort {written.cohort}"
    lines = [f"{whom} for {period(written.minimum_time)}"]
    if written.minimum_sample is not None:
        lines.append(f"and until {figure(written.minimum_sample)} have joined")
    for pace, done in ((written.invitations, "invited"), (written.enrolment, "let in")):
        if pace is not None:
            lines.append(f"({figure(pace.count)} {done} in {period(pace.every)})")
    return " ".join(lines)


def guardrail(written: Guardrail) -> str:
    """A guardrail in words: its bound, how often it is checked, and the consequence of a failure."""
    limits = {"at least": written.at_least, "at most": written.at_most}
    within = listed(f"{words} {figure(limit)}" for words, limit in limits.items() if limit is not None)
    often = f"in {written.failures} of {written.count} looks" if written.count > 1 else "once"
    return (
        f"{written.kpi.replace('_', ' ')} over {period(written.window)} must be {within}, looked at every "
        f"{period(written.every)}; beyond it {often}: {written.on_failure}"
    )


def value(written: Any) -> str:
    """Any single value as a product owner reads it."""
    if written is None or written in ((), {}):
        return "nothing"
    if isinstance(written, bool):
        return "yes" if written else "no"
    if isinstance(written, (int, Decimal)):
        return figure(written)
    if isinstance(written, Period):
        return period(written)
    if isinstance(written, Window):
        return window(written)
    if isinstance(written, Cycle):
        return per(written).removeprefix("per ")
    if isinstance(written, tuple):
        return listed(map(value, written))
    if isinstance(written, dict):
        return listed(f"{key} {value(each)}" for key, each in written.items())
    return str(written)
