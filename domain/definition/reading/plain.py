"""A definition as plain data, for checks: parts with their paths, and lookups that several checks share."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from domain.money import exponent
from domain.period import Period
from domain.window import Moment, Window

Path = tuple[str | int, ...]


class Finding(NamedTuple):
    """A fault at a path of the definition: the problem, and its remedy."""

    path: Path
    problem: str
    remedy: str


class Plain:
    """A part of a definition with its path; a part that is missing, or of another kind, is empty."""

    def __init__(self, value: Any, path: Path = ()) -> None:
        self.value = value
        self.path = path

    def __getitem__(self, key: str) -> "Plain":
        return Plain(self.value.get(key) if isinstance(self.value, Mapping) else None, (*self.path, key))

    def items(self) -> list["Plain"]:
        if not isinstance(self.value, (list, tuple)):
            return []
        return [Plain(item, (*self.path, number)) for number, item in enumerate(self.value)]

    @property
    def given(self) -> bool:
        return self.value is not None and self.value not in ({}, [], ())

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

    @property
    def window(self) -> Window | None:
        try:
            return Window.read(self.value)
        except ValueError:
            return None

    @property
    def moment(self) -> Moment | None:
        if isinstance(self.value, Moment):
            return self.value
        try:
            return Moment.parse(self.value) if isinstance(self.value, str) else None
        except ValueError:
            return None

    def says(self, problem: str, remedy: str) -> Finding:
        return Finding(self.path, problem, remedy)


def twice(parts: list[Plain], key: str, problem: str, remedy: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for part in parts:
        text = part[key].text
        if text is not None and text in seen:
            yield part[key].says(problem.format(repr(text)), remedy)
        seen.add(text or "")


def known_tier(whole: Plain, tier: Plain) -> Iterator[Finding]:
    known = [each["id"].text for each in whole["tiers"].items() if each["id"].text]
    if known and tier.text is not None and tier.text not in known:
        yield tier.says(f"there is no tier {tier.text!r}", choose(known, "add it to tiers"))


def gates(whole: Plain) -> list[Plain]:
    named = [whole["gates"][name] for name in ("strategy", "launch", "wind_down")]
    named += [each["gate"] for key in ("test_phases", "waves") for each in whole[key].items()]
    return named + [phase["retry"] for phase in whole["test_phases"].items()]


def scenarios(whole: Plain) -> list[Plain]:
    return [scenario for phase in whole["test_phases"].items() for scenario in phase["scenarios"].items()]


def decimals_of(whole: Plain) -> int | None:
    try:
        return exponent(whole["money"].text or "")
    except ValueError:
        return None


def finer(amount: Decimal, decimals: int) -> bool:
    return bool(amount.scaleb(decimals) % 1)


def choose(known: Iterable[str | None], otherwise: str) -> str:
    names = ", ".join(dict.fromkeys(name for name in known if name))
    return f"write one of: {names}; or {otherwise}" if names else otherwise
