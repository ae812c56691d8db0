"""Notices: whom one is for, and what it says."""

import json
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gates.state import Outcome, Vote
from domain.identity.roles import Role
from domain.notices.gate_notices import (
    Addressee,
    Channel,
    DeliveryRetries,
    GateNotice,
    GateNoticeKind,
    NoticeKind,
    Routing,
    notice_id,
    payload,
    written,
)
from tests.anchors import AT
from tests.notices import a_gate, gate_notice

URL = "https://tenure.example.org/"
KINDS: tuple[GateNoticeKind, ...] = get_args(GateNoticeKind)
ROLES: tuple[Role, ...] = get_args(Role)
VOTE = Vote(
    person="demo-marketing",
    role="marketing",
    roles=("marketing",),
    answer="approve",
    reason="Ms Secret told me so",
    at=AT,
)

addressees = st.lists(
    st.builds(
        Addressee,
        channel=st.sampled_from(["mail", "webhook", "log"]),
        recipient=st.sampled_from(["a@example.org", "b@example.org", "chat", "log"]),
        roles=st.lists(st.sampled_from(ROLES), max_size=3).map(tuple),
        programs=st.lists(st.sampled_from(["club", "other"]), max_size=2).map(tuple),
    ),
    max_size=8,
).map(tuple)


def test_who_is_asked_reads_what_it_is_about_until_when_and_how_to_act() -> None:
    state = a_gate(votes=(VOTE,))
    words = written(gate_notice(state), URL)
    assert words.subject == "Waits for finance: Club: the concept (club, gate strategy)"
    digest = state.subject.digest[:12]
    for line in (
        "Program: club",
        f"Digest:  {digest}…",
        "Asked:   marketing, finance",
        "Missing: finance",
        "Voted:   demo-marketing (marketing): approve",
        "Due:     10 Apr 2026 09:00 UTC",
        f"  tenure gate show {state.id}",
        f"  tenure gate approve {state.id} --digest {digest}",
        f"https://tenure.example.org/gates/{state.id}",
    ):
        assert line in words.body.splitlines()


def test_who_hears_of_a_decision_is_not_asked_for_one() -> None:
    state = a_gate(outcome="rejected", decided_at=AT + timedelta(hours=1))
    words = written(gate_notice(state, "decided"), URL)
    assert words.subject.startswith("Rejected: ")
    assert "Decided: 10 Mar 2026 10:00 UTC" in words.body.splitlines()
    assert "gate approve" not in words.body
    assert "Due:" not in words.body
    assert json.loads(payload(gate_notice(state, "decided"), words, URL))["data"]["outcome"] == "rejected"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_own_words_and_no_reason_that_somebody_gave(kind: GateNoticeKind) -> None:
    notice = gate_notice(a_gate(votes=(VOTE,)), kind, to=("legal",))
    words = written(notice, URL)
    as_json = payload(notice, words, URL)
    assert json.loads(as_json)["type"] == f"gate.{kind}"
    assert "Ms Secret" not in words.subject + words.body + as_json
    assert len({written(gate_notice(a_gate(), each), URL).subject for each in KINDS}) == len(KINDS)


@given(
    st.text(max_size=2000),
    st.sampled_from(KINDS),
    st.sampled_from([None, *get_args(Outcome)]),
    st.lists(st.sampled_from(ROLES), max_size=2),
)
def test_whatever_a_subject_is_called_its_notice_is_one_line_and_a_text(
    title: str, kind: GateNoticeKind, outcome: Outcome | None, to: list[Role]
) -> None:
    state = a_gate(outcome=outcome, decided_at=AT if outcome else None)
    titled = state.model_copy(update={"subject": state.subject.model_copy(update={"title": title})})
    notice = GateNotice(kind=kind, state=titled, at=AT, to=tuple(to))
    words = written(notice, URL)
    assert words.subject.isprintable()
    assert 0 < len(words.subject) <= 180
    assert all(line.isprintable() for line in words.body.split("\n"))
    assert json.loads(payload(notice, words, URL))["data"]["text"] == words.body


def test_each_kind_is_for_who_must_act_or_know() -> None:
    state = a_gate(votes=(VOTE,))
    assert gate_notice(state, "requested").roles == ("finance",)
    assert gate_notice(state, "reminded").roles == ("finance",)
    assert gate_notice(state, "escalated", to=("operations",)).roles == ("operations", "product_owner")
    assert set(gate_notice(state, "decided").roles) == {"marketing", "finance", "product_owner"}
    assert {"operator", "product_owner", "finance"} <= set(gate_notice(state, "alarmed").roles)
    assert set(gate_notice(state, "unsatisfiable").roles) == {"product_owner", "operator"}


@given(addressees, st.lists(st.sampled_from(ROLES), min_size=1, max_size=3), st.sampled_from(["club", None]))
def test_everybody_who_wants_a_notice_gets_it_once_and_nobody_else(
    to: tuple[Addressee, ...], roles: list[Role], program: str | None
) -> None:
    found = Routing(addressees=to, public_url=URL).of(roles, program)
    assert len(found) == len(set(found))
    for each in to:
        wants_role = not each.roles or bool(set(each.roles) & set(roles))
        wants_program = program is None or not each.programs or program in each.programs
        if wants_role and wants_program:
            assert (each.channel, each.recipient) in found
    wanted = {(each.channel, each.recipient) for each in to if each.wants(roles, program)}
    assert set(found) == wanted


def test_an_id_names_nobody_and_tells_every_recipient_apart() -> None:
    recipients: tuple[tuple[Channel, str], ...] = (("mail", "a@example.org"), ("mail", "b@example.org"), ("log", "log"))
    kinds: tuple[NoticeKind, ...] = ("requested", "reminded")
    ids = {
        notice_id(gate, kind, number, channel, recipient)
        for gate in ("program/a/gate/g/1", "program/a/gate/g/2")
        for kind in kinds
        for number in (1, 2)
        for channel, recipient in recipients
    }
    assert len(ids) == 24
    assert all(len(each) == 32 and "@" not in each for each in ids)


def test_a_delivery_is_tried_for_about_a_day() -> None:
    retries = DeliveryRetries()
    waits = [
        min(retries.first_seconds * retries.factor**number, retries.longest_seconds) for number in range(retries.attempts - 1)
    ]
    assert timedelta(hours=20) < timedelta(seconds=sum(waits)) < timedelta(hours=24)
