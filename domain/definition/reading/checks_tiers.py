"""Checks of counters and tiers: qualifications can be met, and rise from tier to tier."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from domain.definition.reading.plain import Finding, Plain, choose, decimals_of, finer, known_tier, twice
from domain.period import Period
from domain.window import Cycle, Window


def tiers(whole: Plain) -> Iterator[Finding]:
    levels = whole["tiers"].items()
    for key in ("reach", "keep", "valid_for", "valid", "lifetime"):
        if levels and levels[0][key].given:
            yield levels[0][key].says(
                f"the first tier is everyone's, without condition or end, and cannot have {key!r}",
                "take it away, or write the tier that everyone has above this one",
            )
    previous: dict[str, Decimal] = {}
    for tier in levels[1:]:
        if tier["reach"].value is None:
            yield tier.says("only the first tier is reached without a condition", "add reach with all or any and a threshold")
        reach = _least(whole, tier["reach"])
        yield from _rising(tier["reach"], previous, reach)
        previous = {**previous, **reach}
        keep = _least(whole, tier["keep"])
        if tier["keep"].given and not tier["valid_for"].given and tier["valid"].value is None:
            yield tier["keep"].says("a tier that is valid without end never asks keep", "add valid_for, or take keep away")
        for counter, at_least in keep.items():
            if counter in reach and at_least > reach[counter]:
                yield tier["keep"].says(
                    f"keeping asks more of {counter!r} ({at_least}) than reaching ({reach[counter]})",
                    "write at most what reach asks; who meets reach keeps the tier in any case",
                )
        yield from _validity(whole, tier)
        yield from _of_other_windows(whole, tier)
    yield from _replaced(levels)
    if whole["downgrade"]["grace"].period and not any(tier["valid_for"].given for tier in levels):
        yield whole["downgrade"]["grace"].says(
            "no tier is valid_for a time, so that this grace is never given", "write the grace under the tiers' valid"
        )


def _rising(reach: Plain, previous: Mapping[str, Decimal], own: Mapping[str, Decimal]) -> Iterator[Finding]:
    shared = [counter for counter in own if counter in previous]
    for counter in shared:
        if own[counter] < previous[counter]:
            yield reach.says(
                f"asks less of {counter!r} ({own[counter]}) than a tier below it ({previous[counter]})",
                "write the tiers from the lowest to the highest, each with higher thresholds",
            )
    by_counters = not any(leaf["held"].given for leaf in _leaves(reach))
    if by_counters and shared and len(shared) == len(own) and all(own[counter] == previous[counter] for counter in shared):
        yield reach.says("asks the same as a tier below it", "write a higher threshold than the tier below has")


def _validity(whole: Plain, tier: Plain) -> Iterator[Finding]:
    valid = tier["valid"].value is not None
    if valid and tier["valid_for"].given:
        yield tier["valid"].says("a tier has either valid_for or valid", "write one of the two")
    window = whole["qualification_window"]
    if valid and (window.window is None or not window.window.repeats) and (window.window or not window.given):
        yield tier["valid"].says(
            "the tier is to end with the window, and a window that rolls never ends",
            "write qualification_window with year_from, with every and from, or as anniversary; or valid_for in place of valid",
        )


def _of_other_windows(whole: Plain, tier: Plain) -> Iterator[Finding]:
    """A tier that ends with a window uses counters of that window or of a lifetime: others would come too late."""
    if tier["valid"].value is None:
        return
    own = _default_window(whole)
    for part in (*_leaves(tier["reach"]), *_leaves(tier["keep"])):
        window = _window_of(whole, part["counter"].text)
        if window is not None and window.repeats and own is not None and own.repeats and window != own:
            yield part["counter"].says(
                f"the tier ends with qualification_window, and {part['counter'].text!r} has a window of its own",
                "name a counter of the same window or of a lifetime, or write valid_for in place of valid",
            )


def _replaced(levels: list[Plain]) -> Iterator[Finding]:
    own = {tier["id"].text for tier in levels}
    seen: set[str] = set()
    for old in (old for tier in levels for old in tier["replaces"].items()):
        if old.text in own:
            yield old.says(f"{old.text!r} is a tier of this definition", "name tiers of earlier revisions alone")
        elif old.text in seen:
            yield old.says(f"{old.text!r} is replaced twice", "name it under one tier")
        seen.add(old.text or "")


def qualifications(whole: Plain) -> Iterator[Finding]:
    """Every group has all or any, and names existing counters and tiers."""
    for tier in whole["tiers"].items()[1:]:
        for key in ("reach", "keep", "lifetime"):
            yield from _qualification(whole, tier[key])
        for part in _leaves(tier["lifetime"]):
            window = _window_of(whole, part["counter"].text)
            if part["counter"].text and window is not None and window.kind != "lifetime":
                yield part["counter"].says(
                    f"a tier for life asks for {part['counter'].text!r}, which begins anew with each window",
                    "add a counter with window: lifetime, and name it here",
                )


def counters(whole: Plain) -> Iterator[Finding]:
    """Every counter can grow, and far enough for the tiers that use it."""
    rules = [rule for rule in whole["earning"].items() if rule["event"].text]
    events = sorted({rule["event"].text or "" for rule in rules})
    for counter in whole["counters"].items():
        attribute = counter["counts"].text == "attribute"
        if attribute != counter["attribute"].given and counter["counts"].text:
            problem = (
                "counts an attribute, and does not say which" if attribute else "names an attribute that it does not count"
            )
            yield counter.says(problem, "write counts: attribute together with attribute")
        of = {event.text for event in counter["events"].items()}
        feeding = [rule for rule in rules if rule["counts"].value is not False and (not of or rule["event"].text in of)]
        if counter["counts"].text == "points" and rules and not feeding:
            yield counter.says(
                f"no rule feeds {counter['id'].text!r}: none that counts takes its events",
                choose(events, "add a rule to earning"),
            )
        elif not of and rules and not feeding:
            yield counter.says(
                f"no rule feeds {counter['id'].text!r}: every rule has counts: false", "write the events that it counts"
            )
        elif counter["counts"].text == "points" and feeding:
            yield from _within_caps(whole, counter, feeding)


def milestones(whole: Plain) -> Iterator[Finding]:
    """A milestone has a counter whose window does not roll, so that it is paid once in each."""
    for milestone in whole["milestones"].items():
        yield from _threshold(whole, milestone["counter"], milestone["at"])
        window = _window_of(whole, milestone["counter"].text)
        if window is not None and window.kind == "rolling":
            yield milestone["counter"].says(
                f"the window of {milestone['counter'].text!r} rolls, so that there is no once in it",
                "give the counter a window with year_from, with every and from, or anniversary or lifetime",
            )


def _qualification(whole: Plain, part: Plain) -> Iterator[Finding]:
    if not isinstance(part.value, Mapping):
        return
    if part["all"].given and part["any"].given:
        yield part.says("has both all and any", "write one of the two")
    if not (part["all"].given or part["any"].given):
        yield part.says("has neither all nor any threshold", "write all or any with a list of counter and at_least")
    entries = part["all"].items() + part["any"].items()
    yield from twice(
        [each for each in entries if each["counter"].text], "counter", "{} is named twice", "write one threshold for it"
    )
    for each in entries:
        if each["counter"].given:
            yield from _threshold(whole, each["counter"], each["at_least"])
        elif each["held"].given:
            yield from known_tier(whole, each["held"])
        elif each["all"].given or each["any"].given:
            yield from _qualification(whole, each)


def _threshold(whole: Plain, counter: Plain, figure: Plain) -> Iterator[Finding]:
    counts = {each["id"].text: each["counts"].text for each in whole["counters"].items()}
    decimals = decimals_of(whole)
    name, at_least = counter.text, figure.number
    if name is not None and name not in counts:
        yield counter.says(f"there is no counter {name!r}", choose(counts, "add it to counters"))
    elif at_least is not None and counts.get(name) in ("points", "events", "attribute") and at_least % 1:
        yield figure.says(f"{at_least} is no whole number, as {name!r} counts them", "write a whole number")
    elif at_least is not None and counts.get(name) == "amount" and decimals is not None and finer(at_least, decimals):
        yield figure.says(f"{at_least} is finer than the money's smallest unit", f"write at most {decimals} decimals")


def _within_caps(whole: Plain, counter: Plain, feeding: list[Plain]) -> Iterator[Finding]:
    """A threshold on points from capped rules alone must not exceed the points that the caps allow in the window."""
    window = _window_of(whole, counter["id"].text)
    if window is None or window.length is None:
        return
    allowed = 0
    for rule in feeding:
        points, per = rule["cap"]["points"].number, rule["cap"]["per"].value
        if points is None or per == "event":
            return
        allowed += int(points) * (1 if per == "window" else _times(window, per))
    for tier in whole["tiers"].items():
        for part in _leaves(tier["reach"]):
            asked = part["at_least"].number
            if part["counter"].text == counter["id"].text and asked is not None and asked > allowed:
                yield part["at_least"].says(
                    f"{asked} cannot be reached: the caps of the rules allow {allowed} in the window",
                    "lower the threshold, or raise the caps",
                )


def _times(window: Window, per: object) -> int:
    """The most spans of a cap that a window can overlap."""
    try:
        every = Cycle.read(per).every.approximate()
    except ValueError:
        return 10**9
    whole_spans = -(-(window.length or Period()).approximate() // every)
    return int(whole_spans) + (window.kind != "fixed")


def _window_of(whole: Plain, counter: str | None) -> Window | None:
    for each in whole["counters"].items():
        if each["id"].text == counter:
            return each["window"].window if each["window"].given else _default_window(whole)
    return None


def _default_window(whole: Plain) -> Window | None:
    written = whole["qualification_window"]
    return written.window if written.given else Window(Period(12))


def _leaves(qualification: Plain) -> list[Plain]:
    """Every threshold, including those of nested groups."""
    found = []
    for each in qualification["all"].items() + qualification["any"].items():
        found += _leaves(each) if each["all"].given or each["any"].given else [each]
    return found


def _least(whole: Plain, qualification: Plain) -> dict[str, Decimal]:
    named = ((each["counter"].text, each["at_least"].number) for each in _leaves(qualification))
    return {counter: at_least for counter, at_least in named if counter is not None and at_least is not None}
