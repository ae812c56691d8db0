"""The dates of a program's end, the floors of the places that it names, and what the end means in figures."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition.document import Definition
from domain.definition.jurisdictions import PROFILES, Jurisdiction, earliest_end, floors
from domain.period import Period
from domain.programs.wind_down import STEPS, agenda, dates, liability, rates, step_dates
from tests.anchors import AT
from tests.domain.definitions import small

_DAYS = st.integers(1, 400).map(lambda days: f"P{days}D")
_MONTHS = st.integers(1, 14).map(lambda months: f"P{months}M")
_LENGTHS = _DAYS | _MONTHS
_PLACES: list[Jurisdiction] = ["us-ny", "ca-on", "eu", "generic"]


def _ending(**wind_down: object) -> Definition:
    return small(wind_down=wind_down)


def test_the_dates_are_of_the_programs_own_zone() -> None:
    ending = small(time_zone="America/New_York", wind_down={"notice": "P1M", "redeem_window": "P6M", "late_files": "P14D"})
    planned = dates(ending, datetime(2026, 1, 31, 4, 30, tzinfo=UTC))  # 30 January there
    assert planned.earning_until == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)  # 28 February there, 23:30; it has no 30th
    assert planned.redeeming_until.astimezone(ending.zone).hour == 23, "the clock of the place, summer time or not"
    assert planned.late_until - planned.earning_until == timedelta(days=14)


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    notice=_LENGTHS,
    window=_LENGTHS,
    late=_LENGTHS,
    reminders=st.lists(_LENGTHS, max_size=5),
    places=st.lists(st.sampled_from(_PLACES), unique=True),
)
def test_the_end_has_its_order_and_no_window_is_ever_under_the_floor(
    at: datetime, notice: str, window: str, late: str, reminders: list[str], places: list[Jurisdiction]
) -> None:
    ending = _ending(notice=notice, redeem_window=window, late_files=late, reminders=reminders)
    ending = ending.model_copy(update={"jurisdictions": tuple(places)})  # past the check, which would refuse a short window
    planned = dates(ending, at)

    assert planned.announced == at < planned.earning_until < planned.late_until <= planned.redeeming_until
    assert all(planned.earning_until < reminder < planned.redeeming_until for reminder in planned.reminders)
    for place in places:
        floor = PROFILES[place].redeeming
        if floor is not None:
            assert planned.redeeming_until >= floor.redeem_window.after(planned.earning_until, ending.zone)
    due = agenda(planned)
    assert [each.at for each in due] == sorted(each.at for each in due)
    assert (due[-1].what, due[-1].at) == ("redeeming_ends", planned.redeeming_until)
    assert [each.number for each in due if each.what == "remind"] == list(range(1, len(planned.reminders) + 1))
    by_step = step_dates(planned)
    assert list(by_step) == list(STEPS)
    assert list(by_step.values()) == sorted(by_step.values())


def test_the_strictest_of_the_places_holds() -> None:
    assert [place for place, _ in floors(["generic", "us-ny", "eu"])] == ["us-ny"]
    assert earliest_end(["us-ny", "ca-on"], AT, small().zone) == AT + timedelta(days=90)
    assert earliest_end(["ca-on", "eu", "generic"], AT, small().zone) is None


@pytest.mark.parametrize("place", _PLACES)
def test_every_fact_of_a_place_says_where_it_is_written(place: Jurisdiction) -> None:
    profile = PROFILES[place]
    facts = [*profile.facts, *([profile.erasure] if profile.erasure else [])]
    assert all(fact.description and fact.source for fact in facts)
    if profile.redeeming is not None:
        assert profile.redeeming.source
        assert profile.redeeming.redeem_window == Period.parse("P90D")


def test_the_liability_is_the_sum_over_the_currencies() -> None:
    gems = {"code": "GEMS", "name": "Gems", "value_per_point": 1, "cost_per_point": "0.5", "expected_redemption_rate": "0.25"}
    ending = small(other_currencies=[gems])
    main = ending.currency
    owed = 1000 * main.cost_per_point * main.expected_redemption_rate + Decimal("0.5") * 80 / 4
    assert liability(ending, {main.code: 1000, "GEMS": 80, "GONE": 5}) == owed.quantize(Decimal("0.01"))


def test_what_is_left_becomes_money_at_the_value_of_a_point_or_a_partners_points_at_the_written_rates() -> None:
    code = small().currency.code
    assert rates(_ending()) == {}
    assert rates(_ending(remainder="cash_out")) == {code: small().currency.value_per_point}
    partners = [{"id": "air", "name": "An airline"}]
    into = {"partner": "air", "rates": {code: "0.4"}}
    assert rates(small(partners=partners, wind_down={"remainder": "convert", "into": into})) == {code: Decimal("0.4")}
