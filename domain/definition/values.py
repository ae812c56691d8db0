"""The values in a definition: texts, points, money, rates, periods, conditions on an event's attributes."""

from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema

from domain.ids import Name
from domain.model import CAN_BE_KEPT, Value
from domain.period import Period


class Part(Value):
    """A part of a definition; the docstring of a field explains it in editors and in the reference."""

    model_config = ConfigDict(
        use_attribute_docstrings=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


Text = Annotated[str, Field(min_length=1, max_length=2000), CAN_BE_KEPT]
Points = Annotated[int, Field(ge=1, le=2**53, strict=True)]
Count = Annotated[int, Field(ge=1, le=2**53, strict=True)]
Number = Annotated[Decimal, Field(max_digits=24, decimal_places=9)]
"""Any finite number with bounded digits, so that no figure can fill the memory."""
PositiveDecimal = Annotated[Number, Field(gt=0)]
Amount = Annotated[Number, Field(ge=0, le=10**12)]
"""Money in its unit (12.50)."""
Rate = Annotated[Number, Field(gt=0, le=10**6)]
"""Points per unit of money; bounded, so that no event can earn more points than the ledger's integers hold."""
Share = Annotated[Number, Field(gt=0, le=100)]
"""A percentage above 0 and up to 100."""
Percent = Annotated[Number, Field(gt=0, le=1000)]
"""A percentage on top, which may be above 100."""
Fraction = Annotated[Number, Field(ge=0, le=1)]


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())  # this walks the zone files, so the result is kept


def _known_zone(name: str) -> str:
    if name not in _zone_names():
        raise ValueError(f"{name!r} is not a time zone of the IANA list; write for instance Europe/London")
    return name


def _positive(period: Period) -> Period:
    if not period:
        raise ValueError("the period is zero; write a length of time, for instance P30D")
    return period


CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,11}$")]
"""The code of a currency of points (AVIOS)."""
ZoneName = Annotated[str, AfterValidator(_known_zone)]
Length = Annotated[Period, AfterValidator(_positive)]
Consequence = Literal["continue", "alert", "propose_amendment", "propose_end"]
Kpi = Literal[
    "active_rate",
    "churn_rate",
    "retention_rate",
    "member_redemption_rate",
    "point_redemption_rate",
    "breakage_rate",
    "burn_earn_ratio",
    "points_outstanding",
    "management_liability",
    "cost_per_member",
    "lifetime_value",
    "incremental_margin",
    "incremental_net",
    "return_on_investment",
    "net_promoter_score",
    "satisfaction",
]
"""`domain/evaluation/formulas.py` has the formulas; without a holdout, the three against it are not available."""
AGAINST_HOLDOUT: tuple[Kpi, ...] = ("incremental_margin", "incremental_net", "return_on_investment")
"""The KPIs that compare members with the holdout."""
BY_ANSWERS: tuple[Kpi, ...] = ("net_promoter_score", "satisfaction")
"""The KPIs from survey answers."""
PrototypeFigure = Literal[
    "members",
    "points_issued",
    "points_burned",
    "points_expired",
    "points_outstanding",
    "points_per_member",
    "cost",
    "cost_share_of_revenue",
    "share_above_first_tier",
]
"""The figures of a prototype."""


def _text(text: str) -> str:
    if not 1 <= len(text) <= 200 or "\x00" in text:
        raise ValueError("is no text that can be compared; write 1 to 200 characters, without U+0000")
    return text


def _word(value: object) -> str | bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    raise ValueError(f"{value!s:.40} is neither a text nor true or false; put it in quotes, or compare numbers with at_least")


def _attribute(value: object) -> str | bool | Decimal:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float, Decimal)):
        number = Decimal(str(value))
        if number.is_finite() and abs(number) <= 10**12 and len(number.normalize().as_tuple().digits) <= 15:
            return number
    raise ValueError(f"{value!s:.40} is no attribute; write a text, true or false, or a number of at most 15 digits")


def _as_json(value: str | bool | Decimal) -> str | bool | int | float:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)  # 15 digits are exact either way
    return value


Word = Annotated[str | bool, PlainValidator(_word), WithJsonSchema({"type": ["string", "boolean"]})]
"""The value of an attribute that is not a number: a text, or true or false."""
AttributeValue = Annotated[
    str | bool | Decimal,
    PlainValidator(_attribute),
    PlainSerializer(_as_json),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
"""The value of an event's attribute: a text, a number, or true or false."""


class Condition(Part):
    """A condition on an attribute of an event; all given parts must hold. A missing attribute meets only `is_not`."""

    attribute: Name
    """The attribute's name, as in the event."""
    is_: Word | None = Field(default=None, alias="is")
    """Is exactly this text, or true or false."""
    is_not: Word | None = None
    """Is another value, or is missing."""
    one_of: tuple[Word, ...] = ()
    """Is one of these."""
    at_least: Number | None = None
    """Is a number, at least this."""
    at_most: Number | None = None
    """Is a number, at most this."""
    above: Number | None = None
    """Is a number above this."""
    below: Number | None = None
    """Is a number below this."""
