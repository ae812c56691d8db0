"""Readiness: what is missing is named with its owner and what they do, and what a look cannot know is not ready."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.acceptance import readiness
from domain.acceptance.readiness import Check, Finding, Pollers, Signature
from domain.definition.document import Definition
from domain.notices.gate_notices import Addressee, Routing
from tests.domain.definitions import small

AT = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)


def only_missing(findings: Any) -> list[tuple[str, str, str]]:
    return [(each.id, each.owner, each.why) for each in findings if each.state != "ready"]


def test_a_queue_that_nobody_serves_is_named() -> None:
    both, none = Pollers(workflows=2, activities=1), Pollers(workflows=0, activities=0)
    found = list(readiness.of_workers({"programs": both, "members": none, "bulk": Pollers(workflows=1, activities=0)}))
    assert only_missing(found) == [
        ("workers/members", "operator", "no worker asks for workflows and activities"),
        ("workers/bulk", "operator", "no worker asks for activities"),
    ]
    assert [each.how for each in found] == [
        "",
        "Start a worker that serves the queue members.",
        "Start a worker that serves the queue bulk.",
    ]


def test_a_ledger_with_a_drift_is_finances() -> None:
    assert readiness.of_ledger("small", []).state == "ready"
    found = readiness.of_ledger("small", ["balance against its lots, 5 instead of 6 (account 7)", "another"])
    assert (found.owner, found.why) == ("finance", "2 drifts, the first: balance against its lots, 5 instead of 6 (account 7)")
    assert found.how == "See `tenure ledger check small`, and correct what it names."


@pytest.mark.parametrize(
    ("wanted", "free", "reason"), [(1, 0, "0 free codes, and 1 must be there"), (5, 1, "1 free code, and 5")]
)
def test_rewards_handed_out_as_codes_need_codes(wanted: int, free: int, reason: str) -> None:
    codes = {"fulfilment": {"kind": "voucher_codes"}}
    rewards = [{"id": "mug", "name": "A mug", "points": 100}, {"id": "card", "name": "A card", "points": 100, **codes}]
    definition = small(rewards=rewards, readiness={"codes_in_stock": wanted})
    (found,) = readiness.of_stock(definition, {"card": free})
    assert (found.id, found.owner, found.state) == ("stock/card", "operations", "missing")
    assert found.why.startswith(reason)
    assert found.how == "Load codes: `tenure reward stock small card FILE`."
    (enough,) = readiness.of_stock(definition, {"card": wanted})
    assert enough.state == "ready"


def test_no_more_codes_are_asked_for_than_the_reward_will_ever_give() -> None:
    codes = {"fulfilment": {"kind": "voucher_codes"}, "stock": 3}
    definition = small(rewards=[{"id": "card", "name": "A card", "points": 100, **codes}], readiness={"codes_in_stock": 10})
    (found,) = readiness.of_stock(definition, {"card": 3})
    assert found.state == "ready"


def with_offer(message: str) -> Definition:
    terms = {"silent_after": "P90D", "answer_within": "P30D", "at_most_every": "P180D"}
    return small(retention=terms | {"offer": {"points": 5, "message": message}})


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Dear {first_name}, here are 5 points.", "nobody fills '{first_name}': the offer goes out as it is written"),
        ("TODO: nicer words", "its words are not finished: 'TODO'"),
    ],
)
def test_an_offer_goes_out_as_it_is_written_so_its_words_must_be_finished(message: str, reason: str) -> None:
    (found,) = readiness.of_messages(with_offer(message))
    assert (found.id, found.owner, found.why, found.by_revision) == ("messages/offer", "marketing", reason, True)
    (fine,) = readiness.of_messages(with_offer("Here are 5 points."))
    assert fine.state == "ready"


def test_a_planned_message_may_have_places_that_its_sender_fills_but_no_unfinished_words() -> None:
    said = {"when": "joined", "after": "P1D", "channel": "mail"}
    messages = [{"id": "hello", "message": "Hello {name}", **said}, {"id": "more", "message": "tbd", **said}]
    assert only_missing(readiness.of_messages(small(interactions=messages))) == [
        ("messages/more", "marketing", "its words are not finished: 'tbd'")
    ]


def test_who_decides_must_be_told() -> None:
    finance = Addressee(channel="mail", recipient="finance@example.org", roles=("finance",))
    routing = Routing(addressees=(finance,), public_url="http://tenure")
    (missing,) = [each for each in readiness.of_notices(small(), routing) if each.state != "ready"]
    assert (missing.id, missing.owner) == ("notices/legal", "operator")
    assert missing.why == "no notice reaches them, and they decide at launch"
    everybody = Addressee(channel="log", recipient="log")
    assert only_missing(readiness.of_notices(small(), Routing(addressees=(everybody,), public_url=""))) == []
    elsewhere = everybody.model_copy(update={"programs": ("other",)})
    found = only_missing(readiness.of_notices(small(), Routing(addressees=(elsewhere,), public_url="")))
    assert [each[0] for each in found] == ["notices/finance", "notices/legal"]


@pytest.mark.parametrize(
    ("agreement", "reason", "by_revision"),
    [
        ({}, "none is named", True),
        ({"agreement": "A-1"}, "", False),
        ({"agreement": "A-1", "agreement_from": "2026-03-11"}, "A-1 is in force from 2026-03-11 on", False),
        ({"agreement": "A-1", "agreement_until": "2026-03-10"}, "A-1 was in force until 2026-03-10", True),
        ({"agreement": "A-1", "agreement_from": "2026-03-10", "agreement_until": "2026-03-11"}, "", False),
    ],
)
def test_each_partner_has_an_agreement_in_force(agreement: dict[str, str], reason: str, by_revision: bool) -> None:
    definition = small(partners=[{"id": "air", "name": "The airline", **agreement}])
    (found,) = readiness.of_partners(definition, AT)
    assert (found.owner, found.why, found.by_revision) == ("legal", reason, by_revision)
    assert found.state == ("missing" if reason else "ready")


def test_what_people_sign_is_theirs() -> None:
    items = [
        {"id": "tills", "name": "The tills know the card", "owner": "operations"},
        {"id": "terms", "name": "The terms are published", "owner": "legal"},
    ]
    definition = small(readiness={"items": items})
    signature = Signature(item="terms", person="demo-legal", note="On the site since Monday", at=AT)
    tills, terms = readiness.of_signatures(definition, {"terms": signature})
    assert (tills.state, tills.owner, tills.why) == ("missing", "operations", "not signed")
    assert tills.how == "Sign it: `tenure readiness sign small tills --note …`."
    assert (terms.state, terms.why) == ("ready", "signed by demo-legal: On the site since Monday")


def test_a_look_tells_what_is_missing_with_its_owner_and_whether_waiting_is_in_vain() -> None:
    missing = readiness.of_ledger("small", ["a balance"])
    blind = readiness.unknown("stock", "OSError: away")
    check = Check(program="small", revision=1, at=AT, findings=(missing, blind))
    assert not check.ready
    assert not check.sends_back
    assert check.summary == (
        "the ledger: 1 drift, the first: a balance (finance); codes for rewards: not known: OSError: away (operations)"
    )
    lost = Finding(id="partners/air", area="partners", about="air", state="missing", owner="legal", by_revision=True)
    assert Check(program="small", revision=1, at=AT, findings=(missing, lost)).sends_back
    assert Check(program="small", revision=1, at=AT, findings=()).ready
