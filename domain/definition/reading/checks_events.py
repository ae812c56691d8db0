"""Checks of events' attributes: conditions that can hold, one type for each attribute, scenarios that fit."""

from collections.abc import Iterator
from decimal import Decimal

from domain.definition.reading.plain import Finding, Plain, choose, decimals_of, finer, scenarios
from domain.period import Period

_NUMBERS = ("at_least", "at_most", "above", "below")
_KINDS = {"number": "a number", "word": "a text", "truth": "true or false"}


def attributes(whole: Plain) -> Iterator[Finding]:
    """Every attribute is used as one type, number, text or boolean, and no conditions exclude each other."""
    known: dict[str, str] = {}
    for group in _groups(whole):
        yield from _together(group)
        for condition in group:
            yield from _condition(condition)
    for part, name, kind in _uses(whole):
        before = known.setdefault(name, kind)
        if before != kind:
            yield part.says(
                f"takes {name!r} for {_KINDS[kind]}, which is {_KINDS[before]} elsewhere",
                f"compare {name!r} with {_KINDS[before]} everywhere, or give one of the two another name",
            )
    for scenario in scenarios(whole):
        for event in scenario["events"].items():
            given = event["attributes"].value
            for name in given if isinstance(given, dict) else ():
                part = event["attributes"][name]
                if name not in known:
                    yield part.says(f"nothing asks for the attribute {name!r}", choose(known, "take it away"))
                elif (kind := _kind(part.value)) != known[name]:
                    yield part.says(f"{name!r} is {_KINDS[kind]}, and {_KINDS[known[name]]} is asked for", _write(known[name]))


def scenario_events(whole: Plain) -> Iterator[Finding]:
    taken = [rule["event"].text for rule in whole["earning"].items()]
    taken += [event.text for counter in whole["counters"].items() for event in counter["events"].items()]
    known = list(dict.fromkeys(name for name in taken if name))
    decimals = decimals_of(whole)
    for scenario in scenarios(whole):
        latest = Period()
        for event in scenario["events"].items():
            name, amount, after = event["event"].text, event["amount"].number, event["after"].period or Period()
            if known and name is not None and name not in known:
                remedy = choose(known, "add a rule for it to earning")
                yield event["event"].says(f"no earning rule takes the event {name!r}", remedy)
            if amount is not None and decimals is not None and finer(amount, decimals):
                remedy = f"write at most {decimals} decimals"
                yield event["amount"].says(f"{amount} is finer than the money's smallest unit", remedy)
            if after.approximate() < latest.approximate():
                yield event.says(
                    f"comes {after} after joining, before the event above it ({latest})", "write the events in order of time"
                )
            latest = after


def _groups(whole: Plain) -> Iterator[list[Plain]]:
    for key in ("earning", "counters"):
        for part in whole[key].items():
            yield part["when"].items()
    yield whole["joining"]["requires"].items()


def _condition(part: Plain) -> Iterator[Finding]:
    asked = [key for key in ("is", "is_not", "one_of", *_NUMBERS) if part[key].given]
    if part["attribute"].text and not asked:
        yield part.says("does not say what the attribute must be", "add is, is_not, one_of, at_least, at_most, above or below")
    words = [key for key in asked if key not in _NUMBERS]
    numbers = [key for key in asked if key in _NUMBERS]
    if words and numbers:
        yield part.says(
            f"asks for a text ({words[0]}) and a number ({numbers[0]}) at once", "write one of the two, or two conditions"
        )


def _together(group: list[Plain]) -> Iterator[Finding]:
    """Find conditions that no event can meet: two different values, or bounds that exclude each other."""
    low: dict[str, tuple[Decimal, bool]] = {}
    high: dict[str, tuple[Decimal, bool]] = {}
    words: dict[str, set[object]] = {}
    for part in group:
        name = part["attribute"].text or ""
        may_be = [{part["is"].value}] if part["is"].given else []
        may_be += [{each.value for each in part["one_of"].items()}] if part["one_of"].given else []
        known = False
        for options in may_be:
            words[name] = words.get(name, options) & options
            known = known or not words[name]
        if part["is_not"].given and words.get(name) == {part["is_not"].value}:
            known = True
        for key, bounds, keep in (("at_least", low, max), ("above", low, max), ("at_most", high, min), ("below", high, min)):
            figure = part[key].number
            if figure is not None:
                own = (figure, key == "above") if bounds is low else (figure, key != "below")
                bounds[name] = keep(bounds.get(name, own), own)
        if name in low and name in high:
            (least, beyond), (most, with_it) = low[name], high[name]
            known = known or least > most or (least == most and (beyond or not with_it))
        if known:
            yield part.says(
                f"no {name!r} can meet all that is asked of it here, so that this never holds",
                "take one of the conditions that exclude each other away",
            )
            return


def _uses(whole: Plain) -> Iterator[tuple[Plain, str, str]]:
    """Each use of an attribute: the part, the attribute, and the type that the part needs."""
    for rule in whole["earning"].items():
        if rule["per"].text not in (None, "amount"):
            yield rule["per"], rule["per"].text or "", "number"
    for counter in whole["counters"].items():
        if counter["attribute"].text:
            yield counter["attribute"], counter["attribute"].text, "number"
    for group in _groups(whole):
        for part in group:
            name = part["attribute"].text
            if name is None:
                continue
            for key in _NUMBERS:
                if part[key].number is not None:
                    yield part[key], name, "number"
            for key in ("is", "is_not"):
                if part[key].given:
                    yield part[key], name, _kind(part[key].value)
            for each in part["one_of"].items():
                yield each, name, _kind(each.value)


def _kind(value: object) -> str:
    return "truth" if isinstance(value, bool) else "word" if isinstance(value, str) else "number"


def _write(kind: str) -> str:
    quoted = "write a text, in quotes where it looks like a number"
    return {"number": "write a number", "word": quoted, "truth": "write true or false"}[kind]
