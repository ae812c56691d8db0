"""Ids: the table of workflow ids, and which names may stand in them."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from domain import ids


def test_every_workflow_id_is_as_the_table_says() -> None:
    assert ids.lifecycle("cd-club") == "program/cd-club"
    assert ids.qualification("cd-club", 2) == "program/cd-club/r2"
    assert ids.test_phase("cd-club", 2, "rules") == "program/cd-club/r2/test/rules"
    assert ids.gate(ids.qualification("cd-club", 2), "launch", 3) == "program/cd-club/r2/gate/launch/3"
    assert ids.rollout("cd-club", 2) == "program/cd-club/rollout/r2"
    assert ids.evaluation_schedule("cd-club") == "program/cd-club/evaluation"
    assert ids.evaluation_on_demand("cd-club", "ann", "k1") == f"program/cd-club/evaluation/asked/{ids.asked('ann', 'k1')}"
    assert ids.expiry_schedule("cd-club") == "program/cd-club/expiry"
    assert ids.wind_down("cd-club") == "program/cd-club/wind-down"
    assert ids.member("cd-club", "00042") == "member/cd-club/00042"
    assert ids.intervention("cd-club", "00042", 1) == "member/cd-club/00042/intervention/1"


def test_a_persons_key_is_fit_for_any_id_and_nobody_elses() -> None:
    asked = [ids.asked("ann", "k1"), ids.asked("ann", "k2"), ids.asked("bob", "k1"), ids.asked("ann", "../" * 60)]
    assert len(set(asked)) == len(asked)
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in asked)
    assert ids.asked("ann", "k1") == asked[0]
    ledger_keys = {make("ann", "k1") for make in (ids.event, ids.redemption, ids.correction)}
    assert ledger_keys == {f"{what}/{asked[0]}" for what in ("event", "redemption", "correction")}


@pytest.mark.parametrize("name", ["a", "cd-club", "0", "a" * 63])
def test_short_names_are_taken(name: str) -> None:
    assert ids.is_program_id(name)
    assert TypeAdapter(ids.ProgramId).validate_python(name) == name
    assert TypeAdapter(ids.Name).validate_python(name) == name


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a/b", "a_b", "a" * 64, "ä", "a\n", "../a"])
def test_what_would_break_an_id_is_no_program(name: str) -> None:
    assert not ids.is_program_id(name)
    with pytest.raises(ValidationError):
        TypeAdapter(ids.ProgramId).validate_python(name)


@pytest.mark.parametrize("reference", ["00042", "A-1", "crm:77.b_2"])
def test_references_to_members_may_be_those_of_other_systems(reference: str) -> None:
    assert ids.is_participant_id(reference)
    assert TypeAdapter(ids.ParticipantId).validate_python(reference) == reference


@pytest.mark.parametrize("reference", ["", "a@example.org", "Ann Lee", "a/b", ":a", "x" * 64, "42\n"])
def test_mail_addresses_and_names_are_no_references(reference: str) -> None:
    assert not ids.is_participant_id(reference)
    with pytest.raises(ValidationError):
        TypeAdapter(ids.ParticipantId).validate_python(reference)
