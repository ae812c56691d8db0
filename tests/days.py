"""Runs tests as if it were another day, and as if the machine stood elsewhere: `python -m tests.days --help`.

The pure tests run once for each of `DAYS`, in a process whose clock and zone are those. Real servers keep their own clocks, so
that tests which talk to them run now, once for each of `ZONES`.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from tests.paths import ROOT

DAYS = (
    ("2026-12-01T13:00", "UTC", "a month of 30 days lies behind"),
    ("2026-12-31T23:30", "America/New_York", "a new year already in UTC"),
    ("2027-01-01T00:10", "Pacific/Apia", "still the old year in UTC"),
    ("2027-02-28T23:58", "America/New_York", "February ends while the tests run"),
    ("2027-03-01T12:00", "UTC", "February had 28 days"),
    ("2027-03-14T01:58", "America/New_York", "02:00 to 03:00 is left out while the tests run"),
    ("2027-03-28T00:58", "Europe/London", "01:00 to 02:00 is left out while the tests run"),
    ("2027-03-31T23:58", "Europe/London", "a month ends that is longer than those beside it"),
    ("2027-10-31T01:58", "Europe/London", "01:00 to 02:00 comes again while the tests run"),
    ("2027-11-07T01:58", "America/New_York", "01:00 to 02:00 comes again while the tests run"),
    ("2028-02-28T12:00", "UTC", "February has a day more"),
    ("2028-02-29T00:10", "Pacific/Apia", "29 February here, not yet in UTC"),
    ("2028-02-29T23:30", "America/New_York", "29 February here, over in UTC"),
    ("2036-03-01T12:00", "UTC", "whatever date the tests name has passed"),
)
"""A time as a clock of the zone shows it, and what is special about it."""

ZONES = ("Pacific/Apia", "America/New_York")
"""Where it is another day than in UTC for more than half of the time, on either side."""

SERVED = (
    "tests/activities",
    "tests/api/identity/test_api_keys.py",
    "tests/api/points/test_attributes_and_caps.py",
    "tests/api/accounting/test_books.py",
    "tests/api/points/test_events.py",
    "tests/api/points/test_points.py",
    "tests/api/reports/test_reports.py",
    "tests/api/points/test_statements.py",
    "tests/api/auth/test_tokens.py",
    "tests/cli/programs/test_amendment.py",
    "tests/cli/accounting/test_books.py",
    "tests/cli/render/test_wind_down.py",
    "tests/e2e/test_restart.py",
    "tests/ledger/test_books.py",
    "tests/ledger/test_expire.py",
    "tests/ledger/test_figures.py",
    "tests/ledger/test_statement.py",
    "tests/store",
    "tests/workflows/programs/test_amendments.py",
    "tests/worker/test_schedules.py",
    "tests/workflows/evaluation/test_evaluation.py",
    "tests/workflows/members/test_member_life.py",
    "tests/workflows/test_replay.py",
    "tests/workflows/programs/test_wind_down.py",
)
"""Tests on real servers that have to do with dates: expiry, tiers, statements, months of the books, reports, deadlines."""


@dataclass(frozen=True)
class Run:
    """One process of pytest."""

    name: str
    zone: str
    arguments: tuple[str, ...]

    def passes(self) -> bool:
        """Run it, write a line about it, and more where it failed."""
        began = time.monotonic()
        # In a folder of its own, so that runs at the same time share nothing.
        with TemporaryDirectory(prefix="days-", ignore_cleanup_errors=True) as folder:
            ended = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}/t", *self.arguments],
                cwd=ROOT,
                env=os.environ | {"TZ": self.zone},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        passed = ended.returncode == 0
        last = ended.stdout.strip().rpartition("\n")[2].strip("= ")
        line = f"{'passed' if passed else 'FAILED'}  {self.name}: {last} ({time.monotonic() - began:.0f} s)\n"
        sys.stdout.write(line if passed else f"{ended.stdout}\n{line}")
        sys.stdout.flush()
        return passed


def pure_runs(words: Sequence[str] = ()) -> list[Run]:
    """The pure tests, once for each day; `words` are further arguments of pytest."""
    runs = []
    for shown, zone, reason in DAYS:
        at = datetime.fromisoformat(shown).replace(tzinfo=ZoneInfo(zone))
        arguments = ("-p", "tests.another_day", "--at", at.isoformat(), *words)
        runs.append(Run(f"{shown} {zone}, {reason}", zone, arguments))
    return runs


def served_runs(words: Sequence[str] = ()) -> list[Run]:
    """Tests on real servers, once for each zone; `words` are further arguments of pytest, in the place of `SERVED` if any."""
    return [Run(f"on servers, {zone}", zone, tuple(words or SERVED)) for zone in ZONES]


def main() -> int:
    """What the process ends with: 0 where every run passed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.days",
        description=__doc__,
        epilog="""examples:
  python -m tests.days                                         all
  python -m tests.days --what pure tests/domain                the pure tests of one folder on each day
  python -m tests.days --what served tests/api/accounting/test_books.py   one module on servers in each zone""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--what", choices=("pure", "served", "all"), default="all", help="which runs; all if not said")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at once (%(default)s)")
    parser.add_argument("words", nargs="*", metavar="PATH", help="run these tests alone")
    asked = parser.parse_args()
    runs = pure_runs(asked.words) if asked.what != "served" else []
    runs += served_runs(asked.words) if asked.what != "pure" else []
    with ThreadPoolExecutor(max_workers=max(1, asked.jobs)) as pool:
        passed = list(pool.map(Run.passes, runs))
    sys.stdout.write(f"{sum(passed)} of {len(passed)} runs passed.\n")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
