"""Windows of time: days and instants in their written form, cycles that repeat, and the spans of counters' sums.

A span is (since, until], as in the ledger's sums: a cycle's span begins a microsecond before its first instant, to include it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from domain.period import Period

ORIGIN = datetime(2025, 1, 1, 12, tzinfo=UTC)
"""When scripted members join by default; dates of a program played faster move towards it."""
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_FIRST_DAY = date(2001, 1, 1)
_T = TypeVar("_T")


class Span(NamedTuple):
    """The instants after `since`, up to and including `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Moment:
    """A day, meaning its first instant in the program's zone, or an exact instant."""

    value: date

    @classmethod
    def parse(cls, text: str) -> "Moment":
        """Read `2026-03-10` or `2026-03-10T09:00:00Z`. Raises ValueError with a remedy."""
        remedy = f"{text[:40]!r} is no day; write for instance 2026-03-10, or 2026-03-10T09:00:00Z for an instant"
        try:
            value = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(remedy) from None
        if (isinstance(value, datetime) and value.tzinfo is None) or not 1970 <= value.year <= 2200:
            raise ValueError(remedy)
        return cls(value)

    @property
    def is_day(self) -> bool:
        return not isinstance(self.value, datetime)

    def at(self, zone: ZoneInfo) -> datetime:
        """The instant, in UTC."""
        if isinstance(self.value, datetime):
            return self.value.astimezone(UTC)
        return datetime(self.value.year, self.value.month, self.value.day, tzinfo=zone).astimezone(UTC)

    def end(self, zone: ZoneInfo) -> datetime:
        """The last instant of the day, or the instant itself, in UTC."""
        return Moment(self.value + timedelta(days=1)).at(zone) - _INSTANT if self.is_day else self.at(zone)

    def scaled(self, factor: float, zone: ZoneInfo) -> "Moment":
        """The instant whose distance from the origin is divided by `factor`."""
        return Moment(ORIGIN + (self.at(zone) - ORIGIN) / factor)

    def __str__(self) -> str:
        return self.value.isoformat()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> "Moment":
            if isinstance(value, Moment):
                return value
            if isinstance(value, (str, date)):
                return cls.parse(value if isinstance(value, str) else value.isoformat())
            raise ValueError(f"{value!s:.40} is no day; write for instance 2026-03-10")

        return _plain(read, str)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "date", "examples": ["2026-03-10"]}


@dataclass(frozen=True)
class Cycle:
    """Spans of one length, end to end, one of which begins at `starts`: months, quarters, program years."""

    every: Period
    starts: Moment

    def begin(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The first instant of the span that contains `at`."""
        return self.bounds(at, zone)[0]

    def end(self, at: datetime, zone: ZoneInfo) -> datetime:
        """The first instant after the span that contains `at`."""
        return self.bounds(at, zone)[1]

    def bounds(self, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """`begin` and `end` together. The last span is cached, because most calls are for the same span."""
        kept = _kept_bounds(self, zone)
        bounds = kept[0] if kept else None
        if bounds is None or not bounds[0] <= at < bounds[1]:
            number = self._number(at, zone)
            bounds = self._boundary(number, zone), self._boundary(number + 1, zone)
            kept[:] = [bounds]
        return bounds

    def scaled(self, factor: float, zone: ZoneInfo) -> "Cycle":
        return Cycle(self.every.scaled(factor), self.starts.scaled(factor, zone))

    def _number(self, at: datetime, zone: ZoneInfo) -> int:
        start = self.starts.at(zone)
        if self.every.months:
            here, there = at.astimezone(zone), start.astimezone(zone)
            guess = ((here.year - there.year) * 12 + here.month - there.month) // self.every.months
        else:
            guess = (at - start) // self.every.rest
        while self._boundary(guess, zone) > at:
            guess -= 1
        while self._boundary(guess + 1, zone) <= at:
            guess += 1
        return guess

    def _boundary(self, number: int, zone: ZoneInfo) -> datetime:
        start = self.starts.at(zone)
        if self.every.months:
            months = Period(self.every.months * abs(number))
            return months.after(start, zone) if number >= 0 else months.before(start, zone)
        whole_days = self.every.rest % _DAY == timedelta()
        if whole_days and self.starts.is_day:  # by the calendar: a day has 23 hours when the clocks go forward
            return Moment(self.starts.value + number * self.every.rest).at(zone)
        return start + number * self.every.rest

    @classmethod
    def read(cls, value: object) -> "Cycle":
        """Read day, month, quarter, year, or every and from. Raises ValueError with a remedy."""
        if isinstance(value, Cycle):
            return value
        if isinstance(value, str) and value in _WORDS:
            return _WORDS[value]
        if isinstance(value, Mapping):
            return _cycle(value)
        raise ValueError(f"{value!s:.40} is not known here; write day, month, quarter, year, or every and from")

    def written(self) -> str | dict[str, str]:
        word = next((word for word, cycle in _WORDS.items() if cycle == self), None)
        return word or {"every": str(self.every), "from": str(self.starts)}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _plain(cls.read, cls.written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"enum": list(_WORDS)}, EVERY_FROM]}


@lru_cache(maxsize=4096)
def _kept_bounds(cycle: Cycle, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The cache for a cycle's last span."""
    return []


_WORDS = {
    "day": Cycle(Period.parse("P1D"), Moment(_FIRST_DAY)),
    "month": Cycle(Period.parse("P1M"), Moment(_FIRST_DAY)),
    "quarter": Cycle(Period.parse("P3M"), Moment(_FIRST_DAY)),
    "year": Cycle(Period.parse("P1Y"), Moment(_FIRST_DAY)),
}
EVERY_FROM: JsonSchemaValue = {
    "type": "object",
    "properties": {"every": {"type": "string", "format": "duration"}, "from": {"type": "string", "format": "date"}},
    "required": ["every", "from"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Window:
    """The window of a counter: a period back from now (rolling), a calendar cycle, the member's own years, or a lifetime."""

    length: Period | None = None
    """None: a lifetime."""
    starts: Moment | Literal["joining"] | None = None
    """None: rolling."""

    @property
    def kind(self) -> Literal["rolling", "fixed", "anniversary", "lifetime"]:
        if self.length is None:
            return "lifetime"
        if self.starts is None:
            return "rolling"
        return "anniversary" if isinstance(self.starts, str) else "fixed"

    @property
    def repeats(self) -> bool:
        """Whether its windows follow each other, end to end."""
        return self.starts is not None

    def cycle(self, joined: datetime | None) -> Cycle:
        """The cycle of a window that repeats; an anniversary begins at `joined`. Raises ValueError for one that does not
        repeat, and for an anniversary without `joined`.
        """
        if self.length is None or self.starts is None:
            raise ValueError("this window does not repeat")
        if not isinstance(self.starts, str):
            return Cycle(self.length, self.starts)
        if joined is None:
            raise ValueError("the window begins on the member's anniversary; say when they joined")
        return Cycle(self.length, Moment(joined))

    def span(self, at: datetime, zone: ZoneInfo, joined: datetime | None = None) -> Span:
        """The span that contains the instant: up to it if the window rolls or never ends, else up to the end of the cycle."""
        if self.length is None:
            return Span(_LONG_AGO, at)
        if self.starts is None:
            return Span(self.length.before(at, zone), at)
        begin, end = self.cycle(joined).bounds(at, zone)
        return Span(begin - _INSTANT, end - _INSTANT)

    def scaled(self, factor: float, zone: ZoneInfo) -> "Window":
        if self.length is None:
            return self
        starts = self.starts.scaled(factor, zone) if isinstance(self.starts, Moment) else self.starts
        return Window(self.length.scaled(factor), starts)

    @classmethod
    def read(cls, value: object) -> "Window":
        """Read a window from its written form. Raises ValueError with a remedy."""
        if isinstance(value, Window):
            return value
        if isinstance(value, Period):
            return cls(_some(value))
        if value == "lifetime":
            return cls()
        if value == "anniversary":
            return cls(Period(12), "joining")
        if isinstance(value, Mapping) and set(value) == {"year_from"}:
            return cls(Period(12), _day_of_year(str(value["year_from"])))
        if isinstance(value, Mapping) and value.get("from") == "joining":
            return cls(_cycle({**value, "from": "2001-01-01"}).every, "joining")
        if isinstance(value, Mapping):
            cycle = _cycle(value)
            return cls(cycle.every, cycle.starts)
        if isinstance(value, str):
            return cls(_some(Period.parse(value)))
        raise ValueError(f"{value!s:.40} is no window; write P12M, year_from: 01-01, anniversary or lifetime")

    def written(self) -> str | dict[str, str]:
        if self.length is None:
            return "lifetime"
        if self.starts is None:
            return str(self.length)
        if isinstance(self.starts, str):
            return "anniversary" if self.length == Period(12) else {"every": str(self.length), "from": "joining"}
        if self.length == Period(12) and self.starts.is_day:
            return {"year_from": self.starts.value.strftime("%m-%d")}
        return {"every": str(self.length), "from": str(self.starts)}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _plain(cls.read, cls.written)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        day = {"type": "string", "pattern": r"^\d\d-\d\d$"}
        year_from = EVERY_FROM | {"properties": {"year_from": day}, "required": ["year_from"]}
        length = {"type": "string", "format": "duration", "pattern": "^P"}
        return {"anyOf": [length, {"enum": ["anniversary", "lifetime"]}, year_from, EVERY_FROM]}


def _plain(read: Callable[[object], _T], written: Callable[[_T], object]) -> CoreSchema:
    return core_schema.no_info_plain_validator_function(
        read, serialization=core_schema.plain_serializer_function_ser_schema(written)
    )


def _cycle(value: Mapping[Any, Any]) -> Cycle:
    if set(value) != {"every", "from"}:
        raise ValueError("a cycle has the keys every and from; write for instance every: P3M and from: 2026-01-01")
    every = value["every"] if isinstance(value["every"], Period) else _some(Period.parse(str(value["every"])))
    starts = value["from"] if isinstance(value["from"], Moment) else Moment.parse(str(value["from"]))
    if every.months and every.rest:
        raise ValueError(f"every {every} mixes months with days; write months alone, or days alone")
    return Cycle(every, starts)


def _some(period: Period) -> Period:
    if not period:
        raise ValueError("the period is zero; write a length of time, for instance P30D")
    return period


def _day_of_year(text: str) -> Moment:
    if re.fullmatch(r"\d\d-\d\d", text):
        try:
            return Moment(date.fromisoformat(f"2001-{text}"))
        except ValueError:
            pass
    raise ValueError(f"{text[:40]!r} is no day of every year; write month and day, for instance 04-01")
