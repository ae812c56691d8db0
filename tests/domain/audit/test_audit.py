"""The chain of the audit trail: one form for one meaning, and no change that keeps the hashes."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.audit.chain import BEGINNING, AuditEntry, AuditHead, Fact, canonical_json, entered, entry_hash, head_of, problem_of
from tests.anchors import AT

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text() | st.floats() | st.decimals(allow_nan=False),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=8,
)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
facts = st.builds(
    Fact,
    program=st.just("club"),
    at=instants,
    action=st.sampled_from(["vote", "gate_opened"]),
    actor=st.text(),
    role=st.none() | st.text(),
    about=st.none() | st.text(),
    refusal=st.none() | st.text(),
    details=st.dictionaries(st.text(), json_values, max_size=3),
)


def chained(written: list[Fact]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for number, fact in enumerate(written):
        entries.append(entered(fact, head_of(entries[-1]) if entries else None, AT + timedelta(seconds=number)))
    return entries


def first_problem(entries: list[AuditEntry]) -> tuple[int, str] | None:
    head: AuditHead | None = None
    for entry in entries:
        if found := problem_of(head, entry):
            return found.number, found.problem
        head = head_of(entry)
    return None


@given(facts)
def test_an_entry_read_back_from_json_has_the_same_hash(fact: Fact) -> None:
    entry = entered(fact, None, AT)
    details = json.loads(json.dumps(entry.details))
    assert "\x00" not in json.dumps(entry.details, ensure_ascii=False)
    read = AuditEntry.model_validate(entry.model_dump() | {"details": details})
    assert entry_hash(read) == entry.hash


@given(st.lists(facts, min_size=1, max_size=5))
def test_a_chain_that_nobody_touched_is_sound(written: list[Fact]) -> None:
    entries = chained(written)
    assert first_problem(entries) is None
    assert [entry.number for entry in entries] == list(range(1, len(written) + 1))
    assert entries[0].previous == BEGINNING
    assert all(before.hash == after.previous for before, after in pairwise(entries))


@given(st.lists(facts, min_size=1, max_size=5), st.data())
def test_whatever_is_changed_in_an_entry_is_noticed_there(written: list[Fact], data: st.DataObject) -> None:
    entries = chained(written)
    place = data.draw(st.integers(0, len(entries) - 1))
    changes = {
        "program": "club-2",
        "at": entries[place].at + timedelta(microseconds=1),
        "action": "gate_decided",
        "actor": entries[place].actor + "x",
        "role": "finance of another",
        "on_behalf_of": "somebody",
        "about": "another gate",
        "key": "another key",
        "refusal": "another refusal",
        "details": entries[place].details | {"a new one": 1},
        "recorded_at": entries[place].recorded_at + timedelta(microseconds=1),
        "hash": "f" * 64,
    }
    assert changes.keys() == AuditEntry.model_fields.keys() - {"number", "previous"}
    field = data.draw(st.sampled_from(sorted(changes)))
    changed = entries[place].model_copy(update={field: changes[field]})
    assert first_problem([*entries[:place], changed, *entries[place + 1 :]]) == (place + 1, "changed")


@given(st.lists(facts, min_size=3, max_size=6), st.data())
def test_what_is_taken_out_or_moved_is_noticed_at_its_place(written: list[Fact], data: st.DataObject) -> None:
    entries = chained(written)
    place = data.draw(st.integers(0, len(entries) - 2))
    without = [*entries[:place], *entries[place + 1 :]]
    assert first_problem(without) == (place + 1, "missing")
    closed_up = [entry.model_copy(update={"number": number}) for number, entry in enumerate(without, 1)]
    assert first_problem(closed_up) == (place + 1, "changed")


def test_an_entry_that_was_made_for_another_chain_is_out_of_order() -> None:
    fact = Fact(program="club", at=AT, action="vote", actor="demo-finance")
    one, other = chained([fact, fact]), chained([fact.model_copy(update={"actor": "demo-legal"}), fact])
    assert first_problem([one[0], other[1]]) == (2, "out_of_order")


def test_the_form_that_is_hashed_is_one_for_one_meaning() -> None:
    details = {"b": Decimal("1.50"), "a": 0.1, "at": AT, "c": ["ü", None, True, 3], "d": "\x00\ud800"}
    fact = Fact(program="club", at=AT.astimezone(timezone(timedelta(hours=2))), action="vote", actor="a", details=details)
    assert canonical_json(entered(fact, None, AT)) == (
        '{"action":"vote","actor":"a","at":"2026-03-10T09:00:00.000000+00:00","details":{"a":"0.1",'
        '"at":"2026-03-10T09:00:00.000000+00:00","b":"1.50","c":["ü",null,true,3],"d":"\ufffd?"},"number":1,"program":"club",'
        '"recorded_at":"2026-03-10T09:00:00.000000+00:00"}'
    )


def test_an_instant_without_a_zone_is_no_fact() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Fact(program="club", at=datetime(2026, 3, 10), action="vote", actor="a")
