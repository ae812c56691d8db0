"""Periods: ISO 8601 durations that follow the calendar, so that P1M added to 31 January ends in February."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

_PATTERN = re.compile(
    r"P(?=.)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,6})?)S)?)?"
)
_MEAN_MONTH = timedelta(days=30.436875)
"""A twelfth of the Gregorian calendar's mean year of 365.2425 days."""
_LONGEST_DAYS = 36_525
"""A hundred years: a longer period is a typing error, and would leave the calendar of the standard library."""


@dataclass(frozen=True)
class Period:
    """A length of time: whole calendar months, and an exact rest."""

    months: int = 0
    rest: timedelta = timedelta()

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read an ISO 8601 duration such as `P12M`, `P180D`, `PT2.5S`. Raises ValueError with what to write instead."""
        found = _PATTERN.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not an ISO 8601 duration; write for instance P30D, P6M, P1Y or PT12H")
        part = {name: float(value or 0) for name, value in found.groupdict().items()}
        days = part["years"] * 366 + part["months"] * 31 + part["weeks"] * 7 + part["days"]
        if days + part["hours"] / 24 + part["minutes"] / 1440 + part["seconds"] / 86400 > _LONGEST_DAYS * 1.02:
            raise ValueError(f"{text[:40]!r} is longer than a hundred years; write a shorter period")
        rest = timedelta(
            weeks=part["weeks"], days=part["days"], hours=part["hours"], minutes=part["minutes"], seconds=part["seconds"]
        )
        return cls(int(part["years"] * 12 + part["months"]), rest)

    def after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The instant this period after `instant`; months are counted in the program's time zone.

        A time that the clocks there skip or show twice is read by `wall_time`.
        """
        return _exactly(_add_months(instant, self.months, zone), self.rest)

    def before(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The instant this period before `instant`."""
        return _exactly(_add_months(instant, -self.months, zone), -self.rest)

    def approximate(self) -> timedelta:
        """The period as exact time, a month being a twelfth of the mean year: for comparisons and pacing, not for dates."""
        return self.months * _MEAN_MONTH + self.rest

    def scaled(self, factor: float) -> "Period":
        """The period divided by `factor`, as exact time."""
        return Period(0, self.approximate() / factor)

    def __bool__(self) -> bool:
        return bool(self.months or self.rest)

    def __str__(self) -> str:
        years, months = divmod(self.months, 12)
        date = f"{years}Y" * bool(years) + f"{months}M" * bool(months)
        days, seconds = self.rest.days, self.rest - timedelta(days=self.rest.days)
        date += f"{days}D" * bool(days)
        clock = ""
        if seconds:
            clock = f"T{seconds.total_seconds():.6f}".rstrip("0").rstrip(".") + "S"
        return "P" + (date + clock or "T0S")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> "Period":
            if isinstance(value, Period):
                return value
            if isinstance(value, str):
                return cls.parse(value)
            raise ValueError(f"{value!s:.40} is not a period; write an ISO 8601 duration, for instance P30D, P6M or P1Y")

        as_text = core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema())
        return core_schema.no_info_plain_validator_function(read, serialization=as_text)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "duration", "examples": ["P30D", "P6M", "P1Y"]}


def wall_time(local: datetime) -> datetime:
    """The instant, in UTC, at which the clocks of a zone show this time; `local` has the zone as its `tzinfo`.

    A time that is shown twice, when the clocks go back, is the first of the two, or the second by `fold`. A time that is
    skipped, when they go forward, is as long after the change as it is after the last time shown before it: in New York, where
    03:00 follows 01:59:59, 02:30 is 03:30. `fold` has no effect on such a time, as in RFC 5545.
    """
    instant = local.astimezone(UTC)
    if local.fold and instant.astimezone(local.tzinfo).replace(tzinfo=None, fold=0) != local.replace(tzinfo=None, fold=0):
        return local.replace(fold=0).astimezone(UTC)
    return instant


def _add_months(instant: datetime, months: int, zone: ZoneInfo) -> datetime:
    if not months:
        return instant
    local = instant.astimezone(zone)
    year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
    day = min(local.day, monthrange(year, month + 1)[1])
    return wall_time(local.replace(year=year, month=month + 1, day=day)).astimezone(instant.tzinfo)


def _exactly(instant: datetime, rest: timedelta) -> datetime:
    """Add exact time, by way of UTC: with a `ZoneInfo`, Python would add to the time that its clocks show."""
    return (instant.astimezone(UTC) + rest).astimezone(instant.tzinfo)
