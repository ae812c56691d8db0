"""The differences between two definitions, in a product owner's words, each marked editorial, minor or substantial.

Substantial is whatever decides what a member earns, keeps, pays or loses, what they agreed to, and who decides: points, expiry,
tiers, rewards, agreement, gates, notice, the end. Minor is how the program is run: tests, waves, messages, KPIs. Editorial are
names and texts. A field that is not named here is substantial, so that no new field passes as less.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from domain.definition import words
from domain.definition.acceptance import Scenario
from domain.definition.document import Definition, PointsCurrency
from domain.definition.earning import EarningRule, Expiry
from domain.definition.expiry_kinds import expiry_rule
from domain.definition.rewards import Reward
from domain.definition.tiers import Qualification, Threshold, Tier
from domain.model import Value

Mark = Literal["editorial", "minor", "substantial"]
_WEIGHT: tuple[Mark, ...] = ("editorial", "minor", "substantial")
_HOW_IT_IS_RUN = ("objectives", "prototype", "test_phases", "waves", "evaluation", "interactions")
_EDITORIAL = ("name", "summary", "message", "risk", "answer", "risks", "address")
_MINOR = ("sweep_every", "fulfilment", "fulfil_within", "cost_per_point", "expected_redemption_rate", "reminders")
_KEYS = ("id", "code", "kpi", "figure", "role", "name", "risk", "version")


class _Named(str):
    """A part of a path that is the key of an entry, not a field of the language."""


class Difference(Value):
    """One difference: its path, its mark, and its description."""

    path: str
    mark: Mark
    told: str


class Differences(Value):
    """Every difference between two definitions; the mark of the whole is the gravest one, None without a difference."""

    mark: Mark | None
    differences: tuple[Difference, ...]


class _Compared:
    """Two definitions, and the sentences about them."""

    def __init__(self, old: Definition, new: Definition) -> None:
        self.old = old
        self.new = new

    def fields(self, old: BaseModel, new: BaseModel, path: tuple[str, ...], subject: str) -> Iterator[Difference]:
        """The differences between two parts of one kind, field by field."""
        for field in type(new).model_fields:
            before, after = getattr(old, field, None), getattr(new, field)
            if before != after:
                yield from self.field(before, after, (*path, field.rstrip("_")), subject, old, new)

    def field(
        self, before: Any, after: Any, path: tuple[str, ...], subject: str, old: BaseModel, new: BaseModel
    ) -> Iterator[Difference]:
        if isinstance(new, Tier) and path[-1] in ("reach", "keep", "lifetime"):
            yield from self.qualification(before, after, path, new.name)
        elif isinstance(new, Tier) and path[-1] in ("valid_for", "valid"):
            if path[-1] == "valid_for" or old.valid_for == new.valid_for:  # type: ignore[attr-defined]
                assert isinstance(old, Tier)
                yield self.difference(path, f"{new.name} now lasts {words.validity(new)} instead of {words.validity(old)}")
        elif isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self.by_key(before, after, path, subject)
        elif _keyed(before) or _keyed(after):
            yield from self.entries(before, after, path, subject)
        elif isinstance(before, BaseModel) and isinstance(after, BaseModel) and type(before) is type(after):
            if isinstance(before, Expiry) and isinstance(after, Expiry) and expiry_rule(before) != expiry_rule(after):
                old_words = words.expiry(self.old, before)
                yield self.difference(
                    path, f"{words.expiry(self.new, after)}; until now: {old_words[0].lower()}{old_words[1:]}"
                )
            else:
                yield from self.fields(before, after, path, self.subject(after, path, subject))
        else:
            yield self.difference(path, self.changed(before, after, path, subject, new))

    def changed(self, before: Any, after: Any, path: tuple[str, ...], subject: str, new: BaseModel) -> str:
        """Describe one value in place of another."""
        field = path[-1]
        if isinstance(new, PointsCurrency) and field in ("value_per_point", "cost_per_point"):
            verb = "worth" if field == "value_per_point" else "expected to cost"
            was = words.worth(self.old, before)
            coin = words.worth(self.new, after).partition(" ")[2]
            return f"A point is now {verb} {words.worth(self.new, after)} instead of {was.removesuffix(f' {coin}')}"
        if isinstance(new, Reward) and field == "points":
            return f"{new.name} now costs {words.points(after)} instead of {words.figure(before)}"
        if isinstance(new, EarningRule) and field in ("rate", "points") and before is not None and after is not None:
            unit = f" per {self.new.money if new.per == 'amount' else words.name(new.per)}" if field == "rate" else ""
            return f"{subject} now gives {words.points(after)}{unit} instead of {words.figure(before)}"
        if isinstance(new, Expiry) and field == "after" and before is not None and after is not None:
            return f"Points now expire after {words.period(after)} instead of {words.period(before)}"
        if path == ("qualification_window",):
            return f"What counts towards tiers is now summed over {words.window(after)} instead of {words.window(before)}"
        if path == ("agreement", "version"):
            return f"The agreement is now version {after} instead of {before}"
        if field == "name":
            return f"{before} is now called {after}"
        if field in _EDITORIAL:
            return f"The text of {subject or 'the program'} ({field}) has changed"
        shown = f"{subject}: {field.replace('_', ' ')}" if subject else field.replace("_", " ").capitalize()
        if before in (None, (), {}):
            return f"{shown} is now {self.value(after)}; until now there was none"
        if after in (None, (), {}):
            return f"{shown} is no longer {self.value(before)}; there is none now"
        return f"{shown} is now {self.value(after)} instead of {self.value(before)}"

    def qualification(
        self, before: Qualification | None, after: Qualification | None, path: tuple[str, ...], tier: str
    ) -> Iterator[Difference]:
        verb = {"reach": "needs", "keep": "is kept with", "lifetime": "is held for life with"}[path[-1]]
        if before is None:
            yield self.difference(
                path, f"{tier} now {verb} {words.qualification(self.new, after)}; until now that was not written"
            )
            return
        if after is None:
            was = words.qualification(self.old, before)
            yield self.difference(path, f"It is no longer so that {tier} {verb} {was}")
            return
        if not (_simple(before) and _simple(after)) or bool(before and before.all) != bool(after and after.all):
            was = words.qualification(self.old, before)
            yield self.difference(path, f"{tier} now {verb} {words.qualification(self.new, after)} instead of {was}")
            return
        old = {each.counter: each.at_least for each in before.thresholds}
        new = {each.counter: each.at_least for each in after.thresholds}
        for counter, figure in new.items():
            text = words.on_counter(self.new, counter, figure)
            if counter not in old:
                more = f"{tier} now also {verb} {text}" if after.all else f"{tier} can now also be had with {text}"
                yield self.difference(path, more)
            elif old[counter] != figure:
                yield self.difference(path, f"{tier} now {verb} {text} instead of {words.figure(old[counter])}")
        for counter, figure in old.items():
            if counter not in new:
                text = words.on_counter(self.old, counter, figure)
                less = f"{tier} no longer asks for {text}" if after.all else f"{tier} can no longer be had with {text}"
                yield self.difference(path, less)

    def by_key(
        self, before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...], subject: str
    ) -> Iterator[Difference]:
        """The differences between two mappings: figures by tier, attributes by name."""
        what = {"tier_rates": "points per unit", "tier_bonus": "percent on top"}.get(path[-1], path[-1].replace("_", " "))
        for key in {**before, **after}:
            if before.get(key) == after.get(key):
                continue
            who = words.tier_name(self.new, key)
            if key not in after:
                text = f"{subject} no longer gives {who} {words.value(before[key])} {what}"
            elif key not in before:
                text = f"{subject} now gives {who} {words.value(after[key])} {what}; until now none of its own"
            else:
                text = f"{subject} now gives {who} {words.value(after[key])} {what} instead of {words.value(before[key])}"
            yield self.difference((*path, _Named(key)), text)

    def entries(self, before: Any, after: Any, path: tuple[str, ...], subject: str) -> Iterator[Difference]:
        """The entries added, removed and changed in a list whose entries have names."""
        old, new = {_key(each): each for each in before or ()}, {_key(each): each for each in after or ()}
        replaced = {former: each for each in new.values() if isinstance(each, Tier) for former in each.replaces}
        for key, each in new.items():
            was = old.get(key) or next((old[former] for former, by in replaced.items() if by is each and former in old), None)
            if was is None:
                yield self.difference((*path, _Named(key)), f"New: {self.entry(self.new, each)}")
            elif was != each:
                yield from self.fields(was, each, (*path, _Named(key)), self.subject(each, path, subject))
        for key, each in old.items():
            if key not in new and key not in replaced:
                yield self.difference((*path, _Named(key)), f"No longer: {self.entry(self.old, each)}")
        if [key for key in old if key in new] != [key for key in new if key in old]:
            yield self.difference(path, f"The order of {path[-1].replace('_', ' ')} is now {words.listed(new)}")

    def subject(self, part: Any, path: tuple[str, ...], within: str) -> str:
        """The subject of a sentence about a part."""
        if isinstance(part, Tier | Reward):
            return part.name
        key = _key(part)
        kind = {
            "earning": "The rule",
            "counters": "The counter",
            "milestones": "The milestone",
            "test_phases": "The test phase",
            "waves": "The wave",
            "guardrails": "The guardrail",
            "benefits": "The benefit",
            "partners": "The partner",
            "interactions": "The message",
        }.get(path[-1], path[-1].replace("_", " ").capitalize())
        named = f"{kind} {key}" if key else kind
        return f"{within}, {named[0].lower()}{named[1:]}" if within and within != named else named

    def entry(self, definition: Definition, part: Any) -> str:
        """A whole entry in words."""
        if isinstance(part, Tier):
            needs = words.qualification(definition, part.reach)
            return f"the tier {part.name}, for {needs}, {words.validity(part)}"
        describe = {
            "EarningRule": words.rule,
            "Counter": words.counter,
            "Reward": words.reward,
            "Milestone": words.milestone,
            "Benefit": words.benefit,
        }.get(type(part).__name__)
        if describe is None:
            return f"the scenario {part.name!r}" if isinstance(part, Scenario) else self.value(part)
        kind = {"EarningRule": f"the rule {part.id}, ", "Counter": "the counter ", "Milestone": "the milestone of "}
        return kind.get(type(part).__name__, "") + describe(definition, part)  # type: ignore[operator,no-any-return]

    def value(self, written: Any) -> str:
        if isinstance(written, BaseModel):
            shown = written.model_dump(exclude_defaults=True)
            return ", ".join(f"{key.replace('_', ' ')} {self.value(each)}" for key, each in shown.items())
        if isinstance(written, (tuple, list)) and any(isinstance(each, (BaseModel, Mapping)) for each in written):
            return "; ".join(self.value(each) for each in written)
        if isinstance(written, Mapping):
            return ", ".join(f"{str(key).replace('_', ' ')} {self.value(each)}" for key, each in written.items())
        return words.value(written)

    def difference(self, path: tuple[str, ...], text: str) -> Difference:
        return Difference(path=".".join(path), mark=_mark(path), told=f"{text[0].upper()}{text[1:]}.")


def differences(old: Definition, new: Definition) -> Differences:
    """Every difference between two definitions, the gravest first, then in the order of the definition."""
    found = list(_Compared(old, new).fields(old, new, (), ""))
    found.sort(key=lambda each: -_WEIGHT.index(each.mark))
    return Differences(mark=found[0].mark if found else None, differences=tuple(found))


def _mark(path: tuple[str, ...]) -> Mark:
    """The mark of a difference, by the fields on its path; names that people chose have no effect."""
    fields = [part for part in path if not isinstance(part, _Named)]
    if fields[0] in _EDITORIAL or (fields[-1] in _EDITORIAL and not isinstance(path[-1], _Named)):
        return "editorial"
    return "minor" if fields[0] in _HOW_IT_IS_RUN or any(part in _MINOR for part in fields) else "substantial"


def _keyed(part: Any) -> bool:
    return isinstance(part, tuple) and bool(part) and all(_key(each) for each in part)


def _key(part: Any) -> str:
    return next((str(getattr(part, key)) for key in _KEYS if isinstance(part, BaseModel) and hasattr(part, key)), "")


def _simple(written: Qualification | None) -> bool:
    """Whether the qualification is a plain list of thresholds."""
    return written is not None and all(isinstance(each, Threshold) for each in written.requirements)
