"""`tenure event load` against the API over HTTP: files of any kind, interrupted in any way, each event paid once."""

import asyncio
import csv
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.http.dependencies import Services
from cli.points.loading import progress
from cli.points.loading.file import EventFile, Place, Row
from cli.points.loading.load import Stretch
from cli.points.loading.note import Note
from store.rollout import holdout
from tests.api.bulk_members import BulkMembers, in_force
from tests.api.sample_program import SHOP, definition_of
from tests.serving import served
from tests.stack import Stack, api_settings, people_in, program_id

TENURE = [sys.executable, "-c", "from cli.main import app; app(prog_name='tenure')"]
COLUMNS = ("key", "participant", "type", "occurred_at", "amount")
EVENTS = 600
BATCH = 50


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass
class Watching:
    """In front of the API: counts the batches, and does something once the so manieth has been answered."""

    app: ASGIApp
    batches: int = 0
    then: dict[int, Callable[[], None]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
        if scope["type"] == "http" and scope["path"].endswith("/events"):
            self.batches += 1
            self.then.pop(self.batches, lambda: None)()

    def after(self, more: int, act: Callable[[], None]) -> None:
        """Do this after so many more batches."""
        self.then[self.batches + more] = act


@dataclass
class Till:
    """The command as the shop runs it, in a folder of its own, against an API that can be watched."""

    bulk_members: BulkMembers
    api: Watching
    address: str
    people: Path
    folder: Path

    async def begin(self, *words: object, program: str | None = None, address: str | None = None) -> Process:
        """The running command `tenure event load PROGRAM …`."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("TENURE_", "TEMPORAL_"))}
        ours = {"TENURE_PEOPLE_FILE": str(self.people), "TENURE_API_URL": address or self.address}
        call = [*TENURE, "event", "load", program or self.bulk_members.program, *map(str, words)]
        if "--as" not in words:
            call += ["--as", SHOP]
        return await asyncio.create_subprocess_exec(*call, env=plain | ours, cwd=self.folder, stdout=PIPE, stderr=PIPE)

    async def load(self, *words: object, **where: Any) -> Ended:
        """The command, run to its end."""
        return await ended(await self.begin(*words, **where))

    def file(self, rows: Iterable[dict[str, Any]], name: str = "events.csv") -> Path:
        """A file with these events."""
        file = self.folder / name
        if file.suffix == ".jsonl":
            file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
            return file
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return file

    def note(self, file: Path) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(file.with_name(f"{file.name}.progress.json").read_text())
        return found

    def refused(self, file: Path) -> list[dict[str, str]]:
        with file.with_name(f"{file.name}.refused.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    async def balances(self, members: Iterable[str]) -> list[int]:
        found = [
            await self.bulk_members.stack.get(f"{self.bulk_members.path}/members/{member}/balance", SHOP) for member in members
        ]
        return [balance["posted"] for balance in found]


async def ended(process: Process) -> Ended:
    out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in out + err, err.decode()
    return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture(scope="module")
async def bulk_members(stack: Stack) -> BulkMembers:
    bulk_members = BulkMembers(stack)
    await in_force(stack.engine, bulk_members.definition, bulk_members.since)
    return bulk_members


@pytest.fixture(scope="module")
async def shop(bulk_members: BulkMembers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Till]:
    """The API on a port of its own, over the stack's ledger."""
    people = people_in(tmp_path_factory.mktemp("people"))
    stack = bulk_members.stack
    app = Watching(create_app(api_settings(people), services=Services(stack.engine, stack.ledger, stack.temporal)))
    async with served(app) as address:
        yield Till(bulk_members, app, address, people, people.parent)


@pytest.fixture
def till(shop: Till, tmp_path: Path) -> Till:
    return Till(shop.bulk_members, shop.api, shop.address, shop.people, tmp_path)


async def purchases(till: Till, members: int = 20, events: int = EVENTS) -> tuple[list[str], list[dict[str, Any]]]:
    """New members, and purchases of a dollar each (10 points), spread over all of them."""
    participants = await till.bulk_members.members(members)
    return participants, [till.bulk_members.event(participants[each % members], amount="1.00") for each in range(events)]


# Whole files


async def test_a_file_is_posted_once_and_a_second_run_says_so(till: Till) -> None:
    members, rows = await purchases(till)
    file = till.file(rows)

    first = await till.load(file, "--batch", BATCH)

    assert first.code == 0, first
    assert f"{EVENTS} events, {EVENTS} posted, 0 repeated, 0 refused" in first.out
    assert "a second" in first.out
    assert await till.balances(members) == [10 * EVENTS // len(members)] * len(members)
    note = till.note(file)
    assert (note["bytes"], note["lines"], note["posted"]) == (file.stat().st_size, EVENTS + 1, EVENTS)
    assert sorted(each.name for each in till.folder.iterdir()) == ["events.csv", "events.csv.progress.json"]

    before = till.api.batches
    second = await till.load(file)
    assert (second.code, till.api.batches) == (0, before)
    assert "was posted to its end before: 600 events, 600 posted" in second.out

    again = await till.load(file, "--again", "--json")
    assert again.code == 0, again
    counts = json.loads(again.out)
    assert (counts["events"], counts["posted"], counts["repeated"], counts["refused"]) == (EVENTS, 0, EVENTS, 0)
    assert counts["refused_file"] is None and counts["this_run"]["events"] == EVENTS
    assert await till.balances(members) == [300] * 20


async def test_columns_come_in_any_order_and_what_need_not_be_told_may_be_missing(till: Till) -> None:
    (member,) = await till.bulk_members.members()
    event = till.bulk_members.event(member, type="gift")
    file = till.folder / "gifts.csv"
    cells = (event["occurred_at"], "", member, f'"{event["key"]}"', "gift")
    file.write_bytes(b"\xef\xbb\xbfoccurred_at, pending,participant,key,type\r\n\r\n" + ",".join(cells).encode())

    found = await till.load(file)

    assert found.code == 0, found
    assert "1 event, 1 posted" in found.out


async def test_json_lines_say_the_same_as_single_requests(till: Till) -> None:
    (member,) = await till.bulk_members.members()
    events = [
        till.bulk_members.event(member, amount=12.5),
        till.bulk_members.event(member, pending=True),
        till.bulk_members.event(member),
    ]
    assert (await till.bulk_members.post_one(events[0])).status_code == 201
    file = till.file(events, "events.jsonl")

    found = await till.load(file, "--json")

    assert found.code == 0, found
    counts = json.loads(found.out)
    assert (counts["posted"], counts["repeated"]) == (2, 1)
    assert await till.balances([member]) == [125 + 293]


async def test_a_file_that_has_grown_is_gone_on_with(till: Till) -> None:
    members, rows = await purchases(till, events=40)
    file = till.file(rows[:30])
    assert (await till.load(file)).code == 0
    whole = till.file(rows, "whole.csv").read_bytes()
    file.write_bytes(whole)

    found = await till.load(file, "--json")

    assert found.code == 0, found
    counts = json.loads(found.out)
    assert (counts["events"], counts["posted"], counts["this_run"]["events"]) == (40, 40, 10)
    assert sum(await till.balances(members)) == 400


async def test_events_of_those_who_are_held_out_are_kept_to_compare_with(till: Till, stack: Stack) -> None:
    compared = BulkMembers(stack)
    compared.definition = definition_of(program_id("outside"), holdout={"share": 10})
    await in_force(stack.engine, compared.definition, compared.since)
    people = [f"p-{number}" for number in range(40)]
    async with stack.engine.begin() as connection:
        for each in people:
            await holdout.hold_out(connection, compared.program, each, compared.since)
    file = till.file([compared.event(each) for each in people])

    found = await till.load(file, "--outside", program=compared.program)
    assert (found.code, "40 events, 40 posted" in found.out) == (0, True), found
    again = await till.load(file, "--outside", "--again", "--json", program=compared.program)
    assert json.loads(again.out)["repeated"] == 40
    other = await till.load(file, program=compared.program)
    assert other.code == 2 and f"for {compared.program} as {SHOP} with --outside" in other.err, other
    missing = await till.load(till.file([till.bulk_members.event("p-1")], "other.csv"), "--outside")
    assert missing.code == 1 and "keeps nobody out" in missing.err, missing


# Rows that are refused


async def test_refused_rows_are_listed_with_their_lines_and_the_rest_is_posted(till: Till) -> None:
    members, rows = await purchases(till, events=60)
    rows[3] |= {"amount": "abc"}
    rows[17] |= {"participant": "m-stranger"}
    rows[18] |= {"occurred_at": "2026-03-10T09:30:00"}
    rows[41] |= {"amount": "-1"}
    lines = till.file(rows).read_bytes().split(b"\r\n")
    lines[31] = b'"a quote that nobody closes,' + lines[31]
    lines[32] += b",one cell too many"
    lines[33] = b"\xff" + lines[33]
    lines[34] = b"x" * 200_000
    file = till.folder / "events.csv"
    file.write_bytes(b"\r\n".join(lines))

    found = await till.load(file, "--batch", 7)

    assert found.code == 1, found
    assert "60 events, 52 posted, 0 repeated, 8 refused" in found.out
    assert f"stands in {file}.refused.csv" in found.out
    listed = till.refused(file)
    assert [(row["line"], row["field"], row["code"]) for row in listed] == [
        ("5", "amount", "invalid_request"),
        ("19", "participant", "member_unknown"),
        ("20", "occurred_at", "time_zone_missing"),
        ("32", "", "line_broken"),
        ("33", "", "line_broken"),
        ("34", "", "line_broken"),
        ("35", "", "line_broken"),
        ("43", "amount", "invalid_request"),
    ]
    assert [row["key"] for row in listed[:3]] == [rows[place]["key"] for place in (3, 17, 18)]
    assert all(len(row["problem"]) > 10 and len(row["remedy"]) > 10 for row in listed)
    assert "6 cells, and the header 5" in listed[4]["problem"] and "UTF-8" in listed[5]["problem"]
    assert sum(await till.balances(members)) == 520

    again = await till.load(file)
    assert again.code == 1 and "8 refused" in again.out
    assert till.refused(file) == listed


async def test_a_corrected_file_posts_what_was_refused_and_nothing_twice(till: Till) -> None:
    members, rows = await purchases(till, events=30)
    assert (await till.load(till.file([*rows[:29], rows[29] | {"amount": "much"}]))).code == 1
    file = till.file(rows)

    changed = await till.load(file)
    assert changed.code == 2
    assert "is not what it was when its first 31 lines were posted" in changed.err and "`--again`" in changed.err

    found = await till.load(file, "--again", "--json")
    assert found.code == 0, found
    counts = json.loads(found.out)
    assert (counts["posted"], counts["repeated"], counts["refused"]) == (1, 29, 0)
    assert not (till.folder / "events.csv.refused.csv").exists()
    assert sum(await till.balances(members)) == 300


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("f.csv", b"", "has no events"),
        ("f.csv", b"key,participant,type,occurred_at,amount\n", "has no events"),
        ("f.csv", b"key,participant,type,occurred_at,amount\n\n \n", "has no events"),
        ("f.csv", b"key,participant,type,amount\nk,m,purchase,1\n", "line 1: the header has no column 'occurred_at'"),
        ("f.csv", b"key;participant;type;occurred_at\nk;m;t;o\n", "line 1: the header has no column 'key'"),
        (
            "f.csv",
            b"key,participant,type,occurred_at,points\nk,m,t,o,5\n",
            "line 1: the header has the unknown column 'points'",
        ),
        ("f.csv", b"key,participant,type,occurred_at,key\nk,m,t,o,k\n", "line 1: the header has twice the column 'key'"),
        ("f.csv", "key,participant,type,occurred_at\nk,m,t,o\n".encode("utf-16"), "line 1: the header is not CSV as UTF-8"),
        ("f.csv", b'"key,participant,type,occurred_at\nk,m,t,o\n', "line 1: the header is not CSV as UTF-8"),
        ("f.csv", b"x" * 1_000_000, "line 1: the header has no column"),
        ("f.jsonl", b"", "has no events"),
        ("f.jsonl", b"key,participant\nk,m\n", "line 1: the line is not JSON"),
        ("f.jsonl", b"\n[1]\n", "line 2: the line is JSON, but no object"),
        ("f.jsonl", b"[" * 50_000, "line 1: the line is JSON that nobody can read"),
    ],
)
async def test_a_file_that_is_none_is_told_in_one_error_and_nothing_is_posted(
    till: Till, name: str, content: bytes, says: str
) -> None:
    file = till.folder / name
    file.write_bytes(content)
    before = till.api.batches

    found = await till.load(file)

    assert (found.code, found.out, till.api.batches) == (2, "", before)
    assert says in found.err, found.err
    assert found.err.count("Error ") == 1 and "What to do: " in found.err
    assert [each.name for each in till.folder.iterdir()] == [name]


async def test_lines_of_json_that_are_broken_are_refused_by_themselves(till: Till) -> None:
    (member,) = await till.bulk_members.members()
    good = json.dumps(till.bulk_members.event(member))
    file = till.folder / "events.jsonl"
    file.write_text("\n".join([good, "{", "[]", good.replace('"29.33"', "9" * 5000), '{"key": "k-\\ud800"}']))

    found = await till.load(file)

    assert found.code == 1, found
    assert [row["line"] for row in till.refused(file)] == ["2", "3", "4", "5"]
    assert await till.balances([member]) == [293]


async def test_what_the_api_refuses_as_a_whole_is_told_and_leaves_no_note(till: Till) -> None:
    _, rows = await purchases(till, events=3)
    file = till.file(rows)
    nowhere = await till.load(file, program="nowhere")
    assert nowhere.code == 1 and "Error program_unknown" in nowhere.err
    guest = await till.load(file, "--as", "demo-guest")
    assert guest.code == 1 and "Error not_allowed" in guest.err
    assert [each.name for each in till.folder.iterdir()] == ["events.csv"]


@pytest.mark.parametrize("batch", ["0", "10001", "many"])
async def test_a_batch_is_as_large_as_the_api_takes(till: Till, batch: str) -> None:
    _, rows = await purchases(till, events=1)
    assert (await till.load(till.file(rows), "--batch", batch)).code == 2


# Interruptions


async def test_a_killed_load_goes_on_where_it_was_and_pays_each_event_once(till: Till) -> None:
    members, rows = await purchases(till)
    rows[100] |= {"amount": "abc"}
    rows[-1] |= {"amount": "abc"}
    file = till.file(rows)
    for _ in range(2):
        process = await till.begin(file, "--batch", BATCH)
        till.api.after(5, process.kill)
        assert (await ended(process)).code == -signal.SIGKILL
    note = till.note(file)
    assert 0 < note["bytes"] < file.stat().st_size

    found = await till.load(file, "--batch", BATCH, "--json")

    assert found.code == 1, found
    counts = json.loads(found.out)
    assert (counts["events"], counts["refused"]) == (EVENTS, 2)
    assert counts["posted"] + counts["repeated"] == EVENTS - 2
    assert counts["this_run"]["events"] < EVENTS
    assert [row["line"] for row in till.refused(file)] == ["102", str(EVENTS + 1)]
    assert sum(await till.balances(members)) == 10 * (EVENTS - 2)


async def test_ctrl_c_says_how_far_it_came_and_how_to_go_on(till: Till) -> None:
    members, rows = await purchases(till)
    file = till.file(rows)
    process = await till.begin(file, "--batch", BATCH)
    till.api.after(6, lambda: process.send_signal(signal.SIGINT))

    found = await ended(process)

    assert (found.code, found.out) == (130, "")
    lines = till.note(file)["lines"]
    assert f"Interrupted. Up to line {lines:,} everything is posted" in found.err
    assert "Run the same command again: it goes on from there." in found.err
    assert (await till.load(file)).code == 0
    assert sum(await till.balances(members)) == 10 * EVENTS


async def test_an_api_that_goes_away_in_the_middle_loses_nothing(till: Till) -> None:
    members, rows = await purchases(till)
    file = till.file(rows)
    gone = asyncio.Event()
    till.api.after(5, gone.set)
    async with served(till.api) as address:
        process = await till.begin(file, "--batch", BATCH, address=address)
        await gone.wait()

    found = await ended(process)

    assert found.code == 3, found
    lines = till.note(file)["lines"]
    assert f"Up to line {lines:,} everything is posted" in found.err
    assert "Run the same command again once the API answers" in found.err
    assert (await till.load(file, "--json")).code == 0
    assert till.note(file)["posted"] + till.note(file)["repeated"] == EVENTS
    assert sum(await till.balances(members)) == 10 * EVENTS


async def test_where_nobody_answers_nothing_is_noted(till: Till) -> None:
    _, rows = await purchases(till, events=3)
    async with served(till.api) as gone:
        pass
    found = await till.load(till.file(rows), address=gone)
    assert (found.code, found.out) == (3, "")
    assert "does not answer. Nothing of the file is known to be posted yet." in found.err
    assert "tenure up" in found.err
    assert [each.name for each in till.folder.iterdir()] == ["events.csv"]


async def test_what_follows_the_note_in_the_list_of_refused_rows_is_not_listed_twice(till: Till) -> None:
    _, rows = await purchases(till, events=30)
    rows[2] |= {"amount": "abc"}
    file = till.file(rows)
    assert (await till.load(file)).code == 1
    listed = file.with_name("events.csv.refused.csv")
    whole = listed.read_bytes()
    listed.write_bytes(whole + b"30,k,invalid_request,amount,the note of this one was never written,\r\n")
    file.write_bytes(file.read_bytes() + b"k-broken\r\n")

    assert (await till.load(file)).code == 1

    assert listed.read_bytes().startswith(whole)
    assert [row["line"] for row in till.refused(file)] == ["4", "32"]


# Files that are not what they were, and people who are somebody else


async def test_a_file_that_ends_in_the_middle_of_a_line_and_grows_has_changed(till: Till) -> None:
    _, rows = await purchases(till, events=3)
    file = till.file(rows)
    file.write_bytes(file.read_bytes().rstrip())
    assert (await till.load(file)).code == 0
    file.write_bytes(file.read_bytes() + b"0\r\n")
    found = await till.load(file)
    assert found.code == 2 and "Error event_file_changed" in found.err


async def test_a_shorter_file_has_changed(till: Till) -> None:
    _, rows = await purchases(till, events=30)
    file = till.file(rows)
    assert (await till.load(file)).code == 0
    till.file(rows[:-1])
    before = till.api.batches
    found = await till.load(file)
    assert (found.code, till.api.batches) == (2, before)
    assert "Error event_file_changed" in found.err


@pytest.mark.parametrize("again", [[], ["--again"]])
async def test_nobody_else_goes_on_with_it_since_their_keys_would_count_anew(till: Till, again: list[str]) -> None:
    members, rows = await purchases(till, events=3)
    file = till.file(rows)
    assert (await till.load(file)).code == 0
    before = till.api.batches
    for words, program in ((["--as", "demo-app"], None), ([], "another")):
        found = await till.load(file, *words, *again, program=program)
        assert (found.code, till.api.batches) == (2, before)
        assert f"was begun for {till.bulk_members.program} as {SHOP}" in found.err
    assert sum(await till.balances(members)) == 30


async def test_a_note_that_says_nothing_is_told_as_such(till: Till) -> None:
    _, rows = await purchases(till, events=3)
    file = till.file(rows)
    (till.folder / "events.csv.progress.json").write_text('{"bytes": "many"}')
    found = await till.load(file)
    assert found.code == 2
    assert "does not say how far" in found.err and "Remove it" in found.err


async def test_one_command_at_a_time_posts_a_file(till: Till) -> None:
    _, rows = await purchases(till, events=3)
    file = till.file(rows)
    with EventFile(file):
        found = await till.load(file)
    assert found.code == 2 and "is being posted by another command" in found.err


# How it is done


def test_all_rows_of_a_member_are_in_one_lane() -> None:
    stretch = Stretch(Place(0, 0, ""))
    for number in range(400):
        stretch.add(Row(number, {"participant": f"m-{number % 40}"}))
    lanes = [{row.event["participant"] for row in lane} for lane in stretch.lanes]
    assert not lanes[0] & lanes[1]
    assert min(len(lane) for lane in stretch.lanes) > 100
    for lane in stretch.lanes:
        assert [row.line for row in lane] == sorted(row.line for row in lane)


def test_progress_is_told_in_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = Note(program="p", who="w", bytes=100, lines=2, sha256="", posted=1)
    with progress.Watched(begun, 1000) as watched:
        watched.report_progress(begun)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "_EVERY", 0.0)
        watched.report_progress(begun.model_copy(update={"bytes": 500, "lines": 1234, "posted": 1200, "refused": 3}))
    lines = capsys.readouterr()
    assert lines.err.startswith("50 %, line 1,234: 1,200 posted, 0 repeated, 3 refused; ")
    assert lines.out == ""
