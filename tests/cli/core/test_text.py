"""How values are written: exact where it counts, short where it does not."""

import pytest

from cli.core.text import clean, count, figure_value, instant, kpi_value, lasted, number


@pytest.mark.parametrize(
    ("until", "text"),
    [
        ("2026-01-01T00:00:03.26Z", "3.3 s"),
        ("2026-01-01T00:00:59.99Z", "1 min 0 s"),
        ("2026-01-01T00:01:00Z", "1 min 0 s"),
        ("2026-01-01T00:12:03Z", "12 min 3 s"),
        ("2026-01-01T00:59:59.9Z", "1 h 0 min"),
        ("2026-01-01T05:10:00Z", "5 h 10 min"),
        ("2026-02-15T03:00:00Z", "45 d 3 h"),
    ],
)
def test_a_length_of_time_has_the_two_units_that_matter(until: str, text: str) -> None:
    assert lasted("2026-01-01T00:00:00Z", until) == text


def test_an_instant_is_told_in_utc() -> None:
    assert instant("2026-03-10T01:30:00.999999+02:00") == "2026-03-09 23:30:00"
    assert instant(None, nothing="never") == "never"


@pytest.mark.parametrize(
    ("value", "text"), [(1234567, "1,234,567"), ("40.00", "40"), ("1E+3", "1,000"), ("0.10", "0.1"), (None, "-")]
)
def test_a_number_has_thousands_apart_and_no_idle_zeros(value: str | int | None, text: str) -> None:
    assert number(value) == text


def test_rates_are_told_in_percent_and_what_is_immature_is_not_zero() -> None:
    assert kpi_value("active_rate", "0.153400") == "15.3 %"
    assert kpi_value("points_outstanding", "5000000") == "5,000,000"
    assert kpi_value("churn_rate", None) == "immature"
    assert figure_value("cost_share_of_revenue", "0.04") == "4.0 %"
    assert figure_value("points_per_member", "501.327959") == "501.33"


def test_counts_are_told_in_the_right_number() -> None:
    assert [count(0, "fault"), count(1, "fault"), count(2, "criterion", "criteria")] == ["0 faults", "1 fault", "2 criteria"]


def test_control_characters_are_shown_and_not_obeyed() -> None:
    assert clean("a\x1b]0;b\x07\x9bc\nd\te é") == "a�]0;b��c\nd\te é"
