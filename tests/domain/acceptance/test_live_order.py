"""One engine of rules: what a member is played to have is what they have live, to the last point, whatever the program is."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.acceptance.playback import PlayedMember
from domain.definition.document import Definition
from domain.points.earning import Event
from tests.domain.acceptance.live_member import LiveMember
from tests.domain.definitions import small

JOINED = datetime(2025, 2, 14, 9, 30, tzinfo=UTC)
QUARTER, OWN_DAYS = {"every": "P3M", "from": "2025-01-01"}, {"every": "P10D", "from": "joining"}
FIXED: list[Any] = ["anniversary", {"year_from": "04-01"}, QUARTER, OWN_DAYS]
windows = st.sampled_from([*FIXED, "P12M", "P30D"])
counts = st.sampled_from([{"counts": "points"}, {"counts": "amount"}, {"counts": "events"}])
conditions = st.sampled_from([[], [{"attribute": "shop", "is": "own"}], [{"attribute": "nights", "at_least": 2}]])


@st.composite
def counters(draw: st.DrawFn, own: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
    first = {"id": "first", "window": draw(own)} | draw(counts)
    second = {"id": "second", "counts": "attribute", "attribute": "nights", "window": draw(own)}
    second |= {"events": ["visit", "purchase"]}
    third = {"id": "third", "when": draw(conditions), "events": draw(st.sampled_from([[], ["visit"]])), "window": draw(own)}
    ever = {"id": "ever", "counts": "events", "window": "lifetime"}
    return [first, second, third | draw(counts), ever]


@st.composite
def qualifications(draw: st.DrawFn, rank: int, part: Decimal = Decimal(1)) -> dict[str, Any]:
    figures = {"first": 60, "second": 6, "third": 40}
    leaves = [
        {"counter": name, "at_least": max(int(figures[name] * rank * part), 1)}
        for name in draw(st.lists(st.sampled_from(sorted(figures)), min_size=1, max_size=3, unique=True))
    ]
    group = draw(st.sampled_from(["all", "any"]))
    if len(leaves) > 1 and draw(st.booleans()):
        return {group: [{"any" if group == "all" else "all": leaves[:-1]}, leaves[-1]]}
    return {group: leaves}


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    window = draw(windows)
    # A tier that ends with the window asks for counters of that window, or of one that does not repeat; a check sees to it.
    ends_with_window = window in FIXED and draw(st.booleans())
    own_windows = st.sampled_from([None, "P30D", "P12M", "lifetime"]) if ends_with_window else st.one_of(st.none(), windows)
    levels: list[dict[str, Any]] = [{"id": "blue", "name": "Blue"}]
    for rank, name in enumerate(("silver", "gold"), 1):
        valid = {"valid": {"further_windows": draw(st.integers(0, 1)), "grace": draw(st.sampled_from(["P0D", "P5D", "P1M"]))}}
        lasts = valid if ends_with_window else {"valid_for": draw(st.sampled_from(["P20D", "P12M"]))}
        tier = {"id": name, "name": name, "reach": draw(qualifications(rank))} | lasts
        if draw(st.booleans()):
            tier["keep"] = draw(qualifications(rank, Decimal("0.5")))
        if draw(st.integers(0, 3)) == 0:
            for_life = [{"counter": "ever", "at_least": 12 * rank}, {"held": name, "at_least": "P40D"}]
            tier["lifetime"] = {"all": for_life}
        levels.append(tier)
    per = draw(st.sampled_from(["event", "day", "month", "year", "window"]))
    cap = draw(st.one_of(st.none(), st.just({"points": 150, "per": per})))
    base: dict[str, Any] = {
        "id": "base",
        "event": "purchase",
        "rate": "1.5",
        "tier_bonus": {"gold": 80, "silver": "12.5"},
        "cap": cap,
    }
    base |= {"rounding": draw(st.sampled_from(["down", "half_up", "half_even", "up"])), "bonus_counts": draw(st.booleans())}
    extra: dict[str, Any] = {
        "id": "extra",
        "event": "purchase",
        "points": 7,
        "when": draw(conditions),
        "counts": draw(st.booleans()),
    }
    extra |= draw(st.sampled_from([{}, {"from": "2025-05-01", "until": "2026-01-01"}]))
    nights = {"id": "nights", "event": "visit", "rate": 10, "per": "nights"}
    kind = draw(st.sampled_from(["never", "after_earning", "inactivity"]))
    due: dict[str, Any] = {"kind": kind}
    if kind != "never":
        due |= {"after": draw(st.sampled_from(["P25D", "P6M"])), "at_end_of": draw(st.sampled_from([None, "month", "year"]))}
        due["exempt_tiers"] = draw(st.sampled_from([[], ["gold"]]))
    if kind == "after_earning":
        due["unless_active_every"] = draw(st.sampled_from([None, "P7D"]))
    milestone = {"id": "m", "counter": "ever", "at": draw(st.integers(1, 6)), "points": 500}
    return small(
        counters=draw(counters(own_windows)),
        qualification_window=window,
        tiers=levels,
        downgrade={"to": draw(st.sampled_from(["earned", "one_tier"])), "grace": draw(st.sampled_from(["P0D", "P3D"]))},
        earning=[base, extra, nights],
        milestones=draw(st.sampled_from([[], [milestone]])),
        benefits=[
            {"id": "hello", "name": "Hello", "on": "joining", "points": 3},
            {"id": "up", "name": "Up", "on": "tier", "points": 11},
            {"id": "again", "name": "Again", "on": "renewal", "tiers": ["gold"], "points": 13},
        ],
        expiry=due,
    )


events = st.builds(
    lambda name, amount, nights, shop: Event(
        type=name, amount=Decimal(amount), attributes={"nights": Decimal(nights)} | ({"shop": shop} if shop else {})
    ),
    st.sampled_from(["purchase", "purchase", "visit", "other"]),
    st.integers(0, 90),
    st.integers(0, 4),
    st.sampled_from(["own", "other", None]),
)
hours = st.one_of(st.integers(0, 48), st.integers(0, 24 * 40), st.integers(24 * 100, 24 * 500))
gaps = hours.map(lambda number: timedelta(hours=number))


histories = st.lists(st.tuples(gaps, events), min_size=1, max_size=25)
Life = list[tuple[timedelta, Event]]
SLOW_AND_LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=250, suppress_health_check=SLOW_AND_LARGE)
@given(definitions(), histories)
def test_playing_a_member_gives_what_the_live_order_gives(definition: Definition, life: Life) -> None:
    _same(definition, life)


@pytest.mark.long
@settings(max_examples=5_000, suppress_health_check=SLOW_AND_LARGE)
@given(definitions(), histories)
def test_playing_many_members_gives_what_the_live_order_gives(definition: Definition, life: Life) -> None:
    _same(definition, life)


def _same(definition: Definition, life: Life) -> None:
    played, live, at = PlayedMember(definition, JOINED), LiveMember(definition, JOINED), JOINED
    for gap, event in life:
        at += gap
        played.post(event, at)
        live.post(event, at)
        assert (played.tier_status.tier, played.tier_status.until) == (live.tier_status.tier, live.tier_status.until)
        assert (played.balance, played.issued, played.expired) == (live.balance, live.issued, live.expired)
    at += timedelta(days=800)
    played.advance(at)
    live.advance(at)
    assert played.tier_status == live.tier_status
    assert (played.balance, played.expired) == (live.balance, live.expired)
