"""A whole definition explained in a product owner's words, section by section."""

from typing import NamedTuple

from domain.definition import words
from domain.definition.acceptance import PilotPhase, PrototypePhase, ScenarioPhase, TestPhase
from domain.definition.document import Definition
from domain.definition.jurisdictions import PROFILES, floors


class Section(NamedTuple):
    """A heading, and sentences under it."""

    heading: str
    lines: tuple[str, ...]


def explained(definition: Definition) -> tuple[Section, ...]:
    """The definition in sections, without its texts for members and its scenarios; empty sections are left out."""
    sections = (
        Section("Program", _program(definition)),
        Section("Earning", tuple(f"{rule.id}: {words.rule(definition, rule)}" for rule in definition.earning)),
        Section("Milestones", tuple(words.milestone(definition, each) for each in definition.milestones)),
        Section("What counts", tuple(words.counter(definition, each) for each in definition.counters)),
        Section("Tiers", _tiers(definition)),
        Section("Rewards", tuple(words.reward(definition, each) for each in definition.rewards)),
        Section("Benefits", tuple(words.benefit(definition, each) for each in definition.benefits)),
        Section("Expiry", (words.expiry(definition, definition.expiry),)),
        Section("Partners", tuple(f"{each.name} ({words.listed(each.events) or 'no events'})" for each in definition.partners)),
        Section("Messages", tuple(f"{each.when.replace('_', ' ')}: {each.message}" for each in definition.interactions)),
        Section("Before the launch", _before_launch(definition)),
        Section("Judged by", _judged(definition)),
        Section("The end", _end(definition)),
    )
    return tuple(section for section in sections if section.lines)


def _program(definition: Definition) -> tuple[str, ...]:
    currency = definition.currency
    joining = definition.joining
    lines = [
        f"{definition.name} ({definition.program}), for {definition.participants}, in {definition.time_zone}. "
        f"{definition.summary}",
        f"A point ({currency.code}) is worth {words.worth(definition, currency.value_per_point)} to a member and costs "
        f"{words.worth(definition, currency.cost_per_point)}.",
    ]
    if joining.requires:
        lines.append(f"Who joins must meet: {words.listed(map(words.condition, joining.requires))}.")
    if joining.fee:
        lines.append(f"Joining costs {words.money(definition, joining.fee)}.")
    if joining.invitation_only:
        lines.append("Only who was invited may join.")
    return tuple(lines)


def _tiers(definition: Definition) -> tuple[str, ...]:
    lines = [f"{definition.base_tier.name}: everyone."]
    for tier in definition.tiers[1:]:
        text = f"{tier.name}: {words.qualification(definition, tier.reach)}, {words.validity(tier)}"
        if tier.keep is not None:
            text += f"; kept with {words.qualification(definition, tier.keep)}"
        if tier.lifetime is not None:
            text += f"; for life with {words.qualification(definition, tier.lifetime)}"
        lines.append(f"{text}.")
    if len(definition.tiers) > 1:
        falls = "by one tier" if definition.downgrade.to == "one_tier" else "to what they have earned"
        lines.append(f"Who does not keep a tier falls {falls}.")
    return tuple(lines)


def _before_launch(definition: Definition) -> tuple[str, ...]:
    prototype, gates = definition.prototype, definition.gates
    phases = (f"{phase.id} ({_phase(phase)})" for phase in definition.test_phases)
    return (
        f"The concept is approved by {words.policy(gates.strategy)}, the launch by {words.policy(gates.launch)}.",
        f"The prototype runs on {prototype.transactions}, and must meet {len(prototype.criteria)} criteria.",
        f"Tests: {words.listed(phases)}.",
        *_readiness(definition),
        f"Waves: {words.listed(map(words.wave, definition.waves))}.",
        *_watched(definition),
    )


def _readiness(definition: Definition) -> tuple[str, ...]:
    items = [f"{item.name} ({item.owner})" for item in definition.readiness.items]
    return (f"Signed before the launch: {words.listed(items)}.",) if items else ()


def _phase(phase: TestPhase) -> str:
    again = f", again if {words.policy(phase.retry)} say so" if phase.retry is not None else ""
    if isinstance(phase, ScenarioPhase):
        return f"{len(phase.scenarios)} scenarios{again}"
    if isinstance(phase, PrototypePhase):
        return f"simulated on {phase.transactions}, {len(phase.criteria)} criteria{again}"
    if isinstance(phase, PilotPhase):
        return f"with the cohort {phase.cohort} for {words.period(phase.lasts)}, {len(phase.criteria)} criteria{again}"
    return f"signed off by {words.policy(phase.gate)}{again}"


def _watched(definition: Definition) -> tuple[str, ...]:
    held_out = definition.holdout
    lines = [f"{words.figure(held_out.share)} % of members at random stay out to the end."] if held_out is not None else []
    return (*lines, *(f"{words.guardrail(each)}." for each in definition.guardrails))


def _judged(definition: Definition) -> tuple[str, ...]:
    lines = []
    for rule in definition.evaluation.kpis:
        kpi = f"{rule.kpi.replace('_', ' ')} over {words.period(rule.window)}"
        if rule.minimum_sample is not None:
            kpi += f" (told from {words.figure(rule.minimum_sample)} on)"
        for threshold in rule.thresholds:
            bounds = {"below": threshold.below, "above": threshold.above}
            crossed = " or ".join(f"{word} {words.figure(bound)}" for word, bound in bounds.items() if bound is not None)
            lines.append(f"{kpi} {crossed}: {threshold.consequence.replace('_', ' ')}")
    return (f"Every {words.period(definition.evaluation.every)}:", *lines)


def _end(definition: Definition) -> tuple[str, ...]:
    end = definition.wind_down
    kept = "is kept" if end.personal_data == "keep" else f"is erased {words.period(end.keep_for)} after the end"
    lines = [
        f"Approved by {words.policy(definition.gates.wind_down)}; {words.period(end.notice)} notice, then "
        f"{words.period(end.redeem_window)} to redeem; {words.ending(definition)}.",
        f"What happened before earning stops counts for {words.period(end.late_files)} more; members' data {kept}.",
    ]
    if end.reminders:
        longest_first = sorted(end.reminders, key=lambda before: before.approximate(), reverse=True)
        lines.append(f"Who still has points is reminded {words.listed(map(words.period, longest_first))} before the last day.")
    for place, floor in floors(definition.jurisdictions):
        lines.append(f"In {PROFILES[place].place}, at least {words.period(floor.redeem_window)} to redeem: {floor.source}.")
    for place in definition.jurisdictions:
        profile = PROFILES[place]
        facts = (*profile.facts, *((profile.erasure,) if profile.erasure is not None else ()))
        lines += [f"In {profile.place}, {fact.description} ({fact.source})." for fact in facts]
    return tuple(lines)
