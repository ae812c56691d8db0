"""Roles for every program and for single ones: as they are written, and what holds where."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ids
from domain.identity.roles import Role, Roles, is_entry

ROLES = st.sampled_from(get_args(Role))
PROGRAMS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True)
ENTRIES = st.lists(st.one_of(ROLES, st.builds(lambda role, program: f"{role}@{program}", ROLES, PROGRAMS)), max_size=12)


@given(ENTRIES, PROGRAMS)
def test_a_role_holds_where_it_was_given_and_nowhere_else(entries: list[str], program: str) -> None:
    roles = Roles.read(entries)
    for role in get_args(Role):
        assert (role in roles.of(program)) == (role in entries or f"{role}@{program}" in entries)
        assert (role in roles.anywhere) == any(entry.partition("@")[0] == role for entry in entries)


@given(ENTRIES, st.randoms())
def test_order_and_repetition_change_nothing(entries: list[str], random: object) -> None:
    mixed = entries * 2
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert Roles.read(mixed) == Roles.read(entries)
    assert sorted(Roles.read(entries).entries) == sorted(set(entries))
    assert Roles.model_validate_json(Roles.read(entries).model_dump_json()) == Roles.read(entries)


@pytest.mark.parametrize("entry", ["king", "", "@cd-club", "finance@", "finance@CD", "finance@a/b", "finance@a@b", "Finance"])
def test_what_is_no_role_is_named(entry: str) -> None:
    assert not is_entry(entry)
    with pytest.raises(ValueError, match="names no"):
        Roles.read(["legal", entry])
    assert Roles.known_of(["legal", entry, 7, None]) == Roles(everywhere=("legal",))


@pytest.mark.parametrize(
    ("workflow", "program"),
    [
        ("program/a/r1/gate/strategy/1", "a"),
        ("program/cd-club", "cd-club"),
        ("program/a/../b", "a"),
        ("program/A/r1", None),
        ("program/", None),
        ("member/a/b", None),
        ("x/program/a", None),
        ("program/a\n/b", None),
    ],
)
def test_an_id_tells_its_program(workflow: str, program: str | None) -> None:
    assert ids.program_of(workflow) == program
