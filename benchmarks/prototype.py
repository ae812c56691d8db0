"""The prototype: the time for a log through a program of the British Airways Club's complexity, against bare Polars.

The floor is Polars' time for the same grouping and running sums alone: the log sorted by member and time, and for each of the
program's three counters the sum of the member's year up to each event. Every size runs in its own process, so that the memory
measured is that size's own peak, the log itself included.
"""

import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.table import Row

SIZES = (100_000, 1_000_000, 10_000_000)
BY_MEMBER = (10_000, 100_000)
EVENTS_PER_MEMBER = 12
_YEARS = 3
_TARGET = 3.0
_MEMORY = 2.0
_LIVE = 50.0
_BRITISH_AIRWAYS = Path(__file__).parents[1] / "examples" / "british-airways-club.yaml"


def generated(events: int) -> Any:
    """Generate a log of flights and holidays over three years, unordered: most members fly seldom, some often."""
    import numpy as np
    import polars as pl

    draw = np.random.default_rng(20250401)
    members = events // EVENTS_PER_MEMBER
    who = (draw.random(events) ** 2 * members).astype(np.int64)
    start = int(datetime(2023, 4, 1, tzinfo=UTC).timestamp() * 1e6)
    at = start + draw.integers(0, _YEARS * 365 * 86_400, events) * 1_000_000
    return pl.DataFrame(
        {
            "customer": pl.Series(who, dtype=pl.UInt32),
            "at": pl.Series(at, dtype=pl.Int64).cast(pl.Datetime("us", "UTC")),
            "money": pl.Series((draw.lognormal(5.3, 0.9, events) * 100).astype(np.int64)),
            "event": pl.Series(draw.integers(0, 10, events) == 0).replace_strict({True: "holiday", False: "flight"}),
            "attributes.sectors": pl.Series(draw.integers(1, 5, events)),
            "attributes.carrier": pl.Series(draw.integers(0, 4, events) > 0).replace_strict({True: "BA", False: "IB"}),
        }
    )


def _definition() -> Any:
    from domain.definition.document import Definition
    from domain.definition.reading.file import read_definition

    found = read_definition(_BRITISH_AIRWAYS.read_bytes())
    assert isinstance(found, Definition)
    return found


def floor(frame: Any) -> tuple[float, float]:
    """Return the seconds of bare Polars, the sort included, and 0."""
    import polars as pl

    began = time.perf_counter()
    local = pl.col("at").dt.convert_time_zone("Europe/London").dt.offset_by("-3mo")
    own = pl.when(pl.col("attributes.carrier") == "BA").then(pl.col("money")).otherwise(0)
    flown = pl.when(pl.col("event") == "flight").then(pl.col("attributes.sectors")).otherwise(0)
    made = (
        frame.lazy()
        .sort("customer", "at")
        .with_columns(year=local.dt.year(), own=own, flown=flown)
        .select("money", "own", "flown", of=pl.struct("customer", "year").rle_id())  # cheaper than over both columns
        .select(pl.col("money", "own", "flown").cum_sum().over("of"))
        .collect()
    )
    assert made.height == frame.height
    return time.perf_counter() - began, 0.0


def by_columns(frame: Any) -> tuple[float, float]:
    """Return the seconds from the same frame to the outcome of every member and month; and those of its sort alone."""
    from insight.acceptance.by_columns import play
    from insight.acceptance.event_log import EventLog, in_order

    definition = _definition()
    began = time.perf_counter()
    log = EventLog(in_order(frame), "generated", "0" * 64)
    sorted_by = time.perf_counter()
    assert sum(play(definition, log).issued) > 0
    return time.perf_counter() - began, sorted_by - began


def by_member(frame: Any) -> tuple[float, float]:
    """Return the seconds of the same member by member, and 0."""
    from insight.acceptance.event_log import EventLog, in_order
    from insight.acceptance.member_by_member import play

    definition = _definition()
    began = time.perf_counter()
    assert sum(play(definition, EventLog(in_order(frame), "generated", "0" * 64)).issued) > 0
    return time.perf_counter() - began, 0.0


def rating() -> float:
    """Return the microseconds of CPU to rate one live flight: reading the event, its points and counters, and its watches."""
    from domain.members.tiers import watches
    from domain.points.earning import Event, rate

    definition, at = _definition(), datetime(2025, 6, 1, tzinfo=UTC)
    said = {"type": "flight", "amount": "412.50", "attributes": {"sectors": 2, "carrier": "BA"}}
    times = 20_000
    began = time.process_time()
    for _ in range(times):
        rate(definition, "bronze", Event.model_validate(said), at=at)
        watches(definition, "bronze", at)
    return (time.process_time() - began) / times * 1e6


_WAYS = {"floor": floor, "columns": by_columns, "members": by_member}


def main() -> None:
    """Measure one kind of simulation on one size, in this process, and print seconds and gigabytes."""
    way, events = sys.argv[1], int(sys.argv[2])
    frame = generated(events)
    _WAYS[way](frame.head(20_000))  # modules that are loaded once are not a cost of each event
    seconds, sorting = _WAYS[way](frame)
    print(
        json.dumps(
            {"seconds": seconds, "sorting": sorting, "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2}
        )
    )


async def measure() -> list[Row]:
    """Measure the prototype."""
    rows: list[Row] = []
    per_event: dict[int, float] = {}
    unsorted: dict[int, float] = {}
    for events in SIZES:
        rounds = 3 if events < SIZES[-1] else 1
        bare = median(_measured("floor", events)["seconds"] for _ in range(rounds))
        runs = [_measured("columns", events) for _ in range(rounds)]
        seconds, memory = median(run["seconds"] for run in runs), max(run["gigabytes"] for run in runs)
        per_event[events] = seconds / events * 1e6
        unsorted[events] = median(run["seconds"] - run["sorting"] for run in runs) / events * 1e6
        last = events == SIZES[-1]
        rows.append(
            Row(
                "prototype",
                f"{events:,} events by columns",
                round(seconds, 3),
                "seconds",
                round(bare, 3),
                round(bare / seconds, 3),
                f"ratio >= {1 / _TARGET:.2f}" if last else None,
                seconds <= _TARGET * bare if last else None,
                "the sort, by Polars as in the floor; then one thread through some hundred passes over columns",
            )
        )
        if last:
            rows.append(
                Row(
                    "prototype",
                    f"memory of {events:,} events",
                    round(memory, 2),
                    "gigabytes at the peak",
                    None,
                    None,
                    f"value <= {_MEMORY:.0f}",
                    memory <= _MEMORY,
                    "the log itself, once as it came and once in order",
                )
            )
    for what, costs in (("sort and all", per_event), ("without the sort", unsorted)):
        spread = max(costs.values()) / min(costs.values())
        text = ", ".join(f"{events:,}: {cost:.2f} µs" for events, cost in costs.items())
        reason = f"Polars' sort, which outgrows the caches; {text}" if costs is per_event else text
        name = f"dearest size over cheapest, {what}"
        target = "value <= 1.5" if costs is per_event else None
        rows.append(
            Row("prototype", name, round(spread, 2), "times", None, None, target, spread <= 1.5 if target else None, reason)
        )
    for events in BY_MEMBER:
        run = _measured("members", events)
        rows.append(
            Row(
                "prototype",
                f"{events:,} events member by member",
                round(run["seconds"] / events * 1e6, 1),
                "µs per event",
                round(per_event[SIZES[0]], 2),
                round(per_event[SIZES[0]] / (run["seconds"] / events * 1e6), 4),
                None,
                None,
                "the live rules in Python, an event at a time; for definitions that columns cannot say. Floor: by columns",
            )
        )
    live = rating()
    rows.append(
        Row(
            "prototype",
            "rating one live event",
            round(live, 1),
            "µs CPU",
            None,
            None,
            f"value <= {_LIVE:.0f}",
            live <= _LIVE,
            "reading the event, Decimal, and the figures of the tiers above",
        )
    )
    return rows


def _measured(way: str, events: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.prototype", way, str(events)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
