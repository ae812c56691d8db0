"""What no single field of a definition can say: names that must exist, orders that must rise, fields that exclude each other.

The checks read plain data and pass over what they cannot read, so that they find their faults beside those of single fields.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from domain.money import exponent
from domain.period import Period

Path = tuple[str | int, ...]

_FRACTIONS = ("active_rate", "churn_rate", "member_redemption_rate", "share_above_first_tier")
_WITH_IDS = {
    "counters": "counter",
    "tiers": "tier",
    "earning": "earning rule",
    "rewards": "reward",
    "test_phases": "test phase",
    "waves": "wave",
}


class Finding(NamedTuple):
    """A fault at a path of the definition: what is wrong, and what to write instead."""

    path: Path
    problem: str
    remedy: str


class _Part:
    """A part of a definition with its path; a part that is not there, or is of another kind, is empty."""

    def __init__(self, value: Any, path: Path = ()) -> None:
        self.value = value
        self.path = path

    def __getitem__(self, key: str) -> "_Part":
        return _Part(self.value.get(key) if isinstance(self.value, Mapping) else None, (*self.path, key))

    def items(self) -> list["_Part"]:
        if not isinstance(self.value, (list, tuple)):
            return []
        return [_Part(item, (*self.path, number)) for number, item in enumerate(self.value)]

    @property
    def given(self) -> bool:
        return self.value is not None and self.value != {} and self.value != []

    @property
    def text(self) -> str | None:
        return self.value if isinstance(self.value, str) else None

    @property
    def number(self) -> Decimal | None:
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float, str, Decimal)):
            return None
        try:
            number = Decimal(str(self.value)[:100])
        except InvalidOperation:
            return None
        return number if number.is_finite() and abs(number.adjusted()) < 50 else None

    @property
    def period(self) -> Period | None:
        if isinstance(self.value, Period):
            return self.value
        try:
            return Period.parse(self.value) if isinstance(self.value, str) else None
        except ValueError:
            return None

    def says(self, problem: str, remedy: str) -> Finding:
        return Finding(self.path, problem, remedy)


def findings(definition: Mapping[str, Any]) -> Iterator[Finding]:
    """Every fault of this kind in a definition given as plain data."""
    whole = _Part(definition)
    for check in _CHECKS:
        yield from check(whole)


def _money(whole: _Part) -> Iterator[Finding]:
    money = whole["money"].text
    if money is not None and len(money) == 3 and money.isupper() and _decimals(whole) is None:
        yield whole["money"].says(f"{money} is no currency of ISO 4217", "write for instance USD, EUR or JPY")


def _unique(whole: _Part) -> Iterator[Finding]:
    for key, noun in _WITH_IDS.items():
        yield from _twice(whole[key].items(), "id", f"there are two {noun}s {{}}", "give one another id")
    for phase in whole["test_phases"].items():
        yield from _twice(phase["scenarios"].items(), "name", "there are two scenarios {}", "give one another name")
    kpis = whole["evaluation"]["kpis"].items()
    yield from _twice(kpis, "kpi", "{} is judged twice", "write one entry with all its thresholds")
    for gate in _gates(whole):
        yield from _twice(gate["rules"].items(), "role", "{} is asked twice", "write one rule with the sum as its count")


def _twice(parts: list[_Part], key: str, problem: str, remedy: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for part in parts:
        text = part[key].text
        if text is not None and text in seen:
            yield part[key].says(problem.format(repr(text)), remedy)
        seen.add(text or "")


def _tiers(whole: _Part) -> Iterator[Finding]:
    tiers = whole["tiers"].items()
    for key in ("reach", "keep", "valid_for"):
        if tiers and tiers[0][key].given:
            yield tiers[0][key].says(
                f"the first tier is everyone's, without condition or end, and cannot have {key!r}",
                "take it away, or write the tier that everyone has above this one",
            )
    previous: dict[str, Decimal] = {}
    for tier in tiers[1:]:
        if tier["reach"].value is None:
            yield tier.says("only the first tier is reached without a condition", "add reach with all or any and a threshold")
        reach = _least(whole, tier["reach"])
        yield from _rising(tier["reach"], previous, reach)
        previous = {**previous, **reach}
        keep = _least(whole, tier["keep"])
        if tier["keep"].given and not tier["valid_for"].given:
            yield tier["keep"].says("a tier that is valid without end never asks keep", "add valid_for, or take keep away")
        for counter, at_least in keep.items():
            if counter in reach and at_least > reach[counter]:
                yield tier["keep"].says(
                    f"keeping asks more of {counter!r} ({at_least}) than reaching ({reach[counter]})",
                    "write at most what reach asks; who meets reach keeps the tier in any case",
                )
        for key in ("reach", "keep"):
            yield from _qualification(whole, tier[key])


def _rising(reach: _Part, previous: Mapping[str, Decimal], own: Mapping[str, Decimal]) -> Iterator[Finding]:
    shared = [counter for counter in own if counter in previous]
    for counter in shared:
        if own[counter] < previous[counter]:
            yield reach.says(
                f"asks less of {counter!r} ({own[counter]}) than a tier below it ({previous[counter]})",
                "write the tiers from the lowest to the highest, each with higher thresholds",
            )
    if shared and len(shared) == len(own) and all(own[counter] == previous[counter] for counter in shared):
        yield reach.says("asks the same as a tier below it", "write a higher threshold than the tier below has")


def _qualification(whole: _Part, part: _Part) -> Iterator[Finding]:
    if not isinstance(part.value, Mapping):
        return
    if part["all"].given and part["any"].given:
        yield part.says("has both all and any", "write one of the two")
    if not _thresholds(part) and not (part["all"].given or part["any"].given):
        yield part.says("has neither all nor any threshold", "write all or any with a list of counter and at_least")
    yield from _twice(_thresholds(part), "counter", "{} is named twice", "write one threshold for it")
    counts = {counter["id"].text: counter["counts"].text for counter in whole["counters"].items()}
    decimals = _decimals(whole)
    for threshold in _thresholds(part):
        name, at_least = threshold["counter"].text, threshold["at_least"].number
        if name is not None and name not in counts:
            yield threshold["counter"].says(f"there is no counter {name!r}", _choose(counts, "add it to counters"))
        elif at_least is not None and counts.get(name) in ("points", "events") and at_least % 1:
            yield threshold["at_least"].says(f"{at_least} is no whole number, as {name!r} counts them", "write a whole number")
        elif at_least is not None and counts.get(name) == "amount" and decimals is not None and _finer(at_least, decimals):
            yield threshold["at_least"].says(
                f"{at_least} is finer than the money's smallest unit", f"write at most {decimals} decimals"
            )


def _earning(whole: _Part) -> Iterator[Finding]:
    remedy = "write rate for points per unit of money, or points for a flat number"
    for rule in whole["earning"].items():
        if rule["rate"].given and rule["points"].given:
            yield rule.says("has both rate and points", remedy)
        if isinstance(rule.value, Mapping) and not rule["rate"].given and not rule["points"].given:
            yield rule.says("has neither rate nor points", remedy)
        if rule["tier_rates"].given and not rule["rate"].given:
            yield rule["tier_rates"].says("rates by tier need a rate for all others", "add rate, or take tier_rates away")
        for tier in rule["tier_rates"].value if isinstance(rule["tier_rates"].value, Mapping) else ():
            yield from _known_tier(whole, _Part(tier, (*rule["tier_rates"].path, tier)))


def _named_tiers(whole: _Part) -> Iterator[Finding]:
    for reward in whole["rewards"].items():
        yield from _known_tier(whole, reward["from_tier"])
    for tier in whole["expiry"]["exempt_tiers"].items():
        yield from _known_tier(whole, tier)
    for scenario in _scenarios(whole):
        yield from _known_tier(whole, scenario["tier"])
        yield from _known_tier(whole, scenario["expect"]["tier"])


def _known_tier(whole: _Part, tier: _Part) -> Iterator[Finding]:
    known = [each["id"].text for each in whole["tiers"].items() if each["id"].text]
    if known and tier.text is not None and tier.text not in known:
        yield tier.says(f"there is no tier {tier.text!r}", _choose(known, "add it to tiers"))


def _expiry(whole: _Part) -> Iterator[Finding]:
    expiry = whole["expiry"]
    if not isinstance(expiry.value, Mapping):
        return
    kind = "never" if expiry["kind"].value is None else expiry["kind"].text
    if kind in ("after_earning", "inactivity") and not expiry["after"].given:
        yield expiry.says(f"kind {kind} does not say after how long", "add after, for instance P12M")
    misplaced = {
        "never": ("after", "unless_active_every", "exempt_tiers", "reinstate_within"),
        "inactivity": ("unless_active_every",),
    }
    for key in misplaced.get(kind or "", ()):
        if expiry[key].value:
            yield expiry[key].says(f"does not fit kind {kind}", "take it away, or write kind: after_earning")
    after, active = expiry["after"].period, expiry["unless_active_every"].period
    if kind == "after_earning" and after and active and active.approximate() > after.approximate():
        yield expiry["unless_active_every"].says(
            f"{active} is longer than after ({after}): the points would lapse before the member could be late",
            "write a period that is not longer than after",
        )


def _currencies(whole: _Part) -> Iterator[Finding]:
    currencies = [whole["currency"], *whole["other_currencies"].items()]
    yield from _twice(currencies, "code", "there are two currencies {}", "give one another code")
    known = [currency["code"].text for currency in currencies if currency["code"].text]
    rates: dict[tuple[str, str], Decimal] = {}
    for conversion in whole["conversions"].items():
        ends = conversion["from_currency"], conversion["to_currency"]
        for end in ends:
            if end.text is not None and end.text not in known:
                yield end.says(f"there is no currency {end.text!r}", _choose(known, "add it to other_currencies"))
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
    """The most that one point of `start` becomes in `end`, over any conversions; None where none lead there."""
    if start == end:
        return Decimal(1)
    ways = [
        rate * onward
        for (source, target), rate in rates.items()
        if source == start and target not in passed
        if (onward := _best(rates, target, end, passed | {start})) is not None
    ]
    return max(ways, default=None)


def _owner_asked(whole: _Part) -> Iterator[Finding]:
    for gate in _gates(whole):
        for rule in gate["rules"].items():
            if rule["role"].text == "product_owner":
                yield rule["role"].says(
                    "the program's owner is always left out of its gates, so this could never be met",
                    "ask another role: finance, legal, marketing, operations, member_service, analyst or operator",
                )


def _bounds(whole: _Part) -> Iterator[Finding]:
    bounded = [(each, "figure") for each in whole["prototype"]["criteria"].items()]
    bounded += [(each, "kpi") for each in whole["objectives"].items()]
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


def _bound(part: _Part, low: str, high: str, figure: str | None) -> Iterator[Finding]:
    if isinstance(part.value, Mapping) and not part[low].given and not part[high].given:
        yield part.says("has no bound", f"add {low} or {high}")
    for key in (low, high):
        bound = part[key].number
        if figure in _FRACTIONS and bound is not None and bound > 1:
            yield part[key].says(f"{figure} is a fraction of 1, and {bound} is above it", "write 0.35 for 35 percent")


def _scenario_events(whole: _Part) -> Iterator[Finding]:
    known = list(dict.fromkeys(rule["event"].text for rule in whole["earning"].items() if rule["event"].text))
    decimals = _decimals(whole)
    for scenario in _scenarios(whole):
        latest = Period()
        for event in scenario["events"].items():
            name, amount, after = event["event"].text, event["amount"].number, event["after"].period or Period()
            if known and name is not None and name not in known:
                remedy = _choose(known, "add a rule for it to earning")
                yield event["event"].says(f"no earning rule takes the event {name!r}", remedy)
            if amount is not None and decimals is not None and _finer(amount, decimals):
                remedy = f"write at most {decimals} decimals"
                yield event["amount"].says(f"{amount} is finer than the money's smallest unit", remedy)
            if after.approximate() < latest.approximate():
                yield event.says(
                    f"comes {after} after joining, before the event above it ({latest})", "write the events in order of time"
                )
            latest = after


def _waves(whole: _Part) -> Iterator[Finding]:
    waves = whole["waves"].items()
    last: Decimal | None = None
    for wave in waves:
        share = wave["share"].number
        if share is not None and last is not None and share <= last:
            yield wave["share"].says(f"{share} is not above the wave before it ({last})", "write a higher share")
        last = share if share is not None else last
    final = waves[-1]["share"] if waves else None
    if final is not None and final.number is not None and final.number < 100:
        yield final.says(f"the last wave reaches only {final.number} percent of members", "write 100, or add a wave with 100")


def _thresholds(qualification: _Part) -> list[_Part]:
    return qualification["all"].items() + qualification["any"].items()


def _least(whole: _Part, qualification: _Part) -> dict[str, Decimal]:
    named = ((each["counter"].text, each["at_least"].number) for each in _thresholds(qualification))
    return {counter: at_least for counter, at_least in named if counter is not None and at_least is not None}


def _gates(whole: _Part) -> list[_Part]:
    named = [whole["gates"][name] for name in ("strategy", "launch", "wind_down")]
    return named + [each["gate"] for key in ("test_phases", "waves") for each in whole[key].items()]


def _scenarios(whole: _Part) -> list[_Part]:
    return [scenario for phase in whole["test_phases"].items() for scenario in phase["scenarios"].items()]


def _decimals(whole: _Part) -> int | None:
    try:
        return exponent(whole["money"].text or "")
    except ValueError:
        return None


def _finer(amount: Decimal, decimals: int) -> bool:
    return bool(amount.scaleb(decimals) % 1)


def _choose(known: Iterable[str | None], otherwise: str) -> str:
    names = ", ".join(dict.fromkeys(name for name in known if name))
    return f"write one of: {names}; or {otherwise}" if names else otherwise


_CHECKS: tuple[Callable[[_Part], Iterator[Finding]], ...] = (
    _money,
    _unique,
    _tiers,
    _earning,
    _named_tiers,
    _expiry,
    _currencies,
    _owner_asked,
    _bounds,
    _scenario_events,
    _waves,
)
