"""The hashes of requests and of audit entries are the ones that are stored.

A request that comes again, after a new deployment too, is known by its hash. A renamed class, field or key must therefore leave
the hash as it is; where one of these tests fails, the code is wrong and not the number.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.audit.chain import BEGINNING, AuditEntry, entry_hash
from ledger.requests import Burn, Earn, Forfeit, Request, Reschedule, fingerprint_hash
from ledger.requests_corrections import Adjust, Cancel, Confirm, Reinstate, Reverse
from ledger.requests_exchanges import Convert, Transfer
from ledger.requests_holds import Capture, Hold, Void

AT = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(days=180)
BASE: dict[str, Any] = {
    "program": "club",
    "participant": "m-1",
    "currency": "STARS",
    "key": "k-1",
    "effective_at": AT,
    "details": {"note": "a word", "event": {"amount": "12.50"}},
}
REQUESTS: list[tuple[Request, str]] = [
    (
        Earn(**BASE, points=120, expires_at=LATER, qualifying={"spend": 1250}),
        "4aa0a686a5bbd12c107692888fd74c69557bb809bfec4306bfd69f0dc5ed0c8b",
    ),
    (Earn(**BASE, points=120, pending=True), "78a196505ff876d2e965d04bbb5e120d4a8e1178f71dd6fcac51a6657acf7d4e"),
    (Earn(**BASE, kind="bonus", points=120), "7a1b42b93df45db2dae8b70f2d796b5aba94d3c92e8fc61efca8281fcbb461b4"),
    (Burn(**BASE, points=50), "df77ecddbc4bbb5775f024e545b738fc30996e970dc49fa66119ca3e094d9a53"),
    (Forfeit(**BASE), "3e6f74d844c08ea99e06b1258017de1fae43ef96d3f7b1ea933d5b226d8de970"),
    (Reschedule(**BASE, expires_at=None), "464924b02ece6d6bdbe9c8193849a571ec6a726bf5f2c5ce5753baa7e03e9d85"),
    (Confirm(**BASE, earn="e-1"), "b57663f6c1fce91c578afc6ede27a7bacbe9e303ee7efa742744f545188d8780"),
    (Cancel(**BASE, earn="e-1"), "b6c690685b3d379787b8ac5292a512c3a7d75808053863b23507c2bcd7c46d8f"),
    (
        Reverse(**BASE, of="e-1", points=10, shortfall="negative", lowest_allowed=-5),
        "2468f6789f88e3f6d4531f03fd3b6161dccf1ffc3db517f5e8a6fde486d88c83",
    ),
    (Reinstate(**BASE, of="x-1", expires_at=LATER), "181efd8b6bd96964f38ba7955aebaf78b45bfe31c20feb3d31fa50ffc7008d9b"),
    (
        Adjust(**BASE, points=-7, reason="A late delivery", author="demo-finance"),
        "d90070d839dd076cd3632b62bbf5337293770dd5342bd56ecbb29db7740a3653",
    ),
    (Transfer(**BASE, to_participant="m-2", points=5), "3b6268e0eb04a184f33c9c62746c6fbf90a572b030c582bf15df77ba7a117fa4"),
    (
        Convert(**BASE, to_currency="MILES", rate=Decimal("2.50"), points=5),
        "134d3439c0296d95c75343a3ce86d4c2376eff5d6be8caf6a50349161ff24412",
    ),
    (Hold(**BASE, points=5, expires_at=LATER), "6bac06b2d37ed037bc634235249c7774d0ee47490348625d9999386b31dc99ad"),
    (Capture(**BASE, hold="h-1", points=3), "0e6e62e2963661bc315399c9dd87f067a3b06eb576cbb7dc2492ae08575853db"),
    (Void(**BASE, hold="h-1"), "d00c945bb7e46598121d9c5ce8ad7ed917db5f4936fcdc085b2420f00980cf22"),
]


@pytest.mark.parametrize(
    ("request_", "expected"), REQUESTS, ids=lambda each: type(each).__name__ if isinstance(each, Request) else ""
)
def test_the_hash_of_a_request_is_the_one_that_is_stored(request_: Request, expected: str) -> None:
    assert request_.hash().hex() == expected


def test_every_kind_of_request_has_its_own_name_and_its_golden_hash() -> None:
    kinds = set(Request.__subclasses__())
    assert {type(request) for request, _ in REQUESTS} == kinds
    assert len({kind.hashed_as for kind in kinds}) == len(kinds)


def test_the_hash_of_a_fingerprint_is_the_one_that_is_stored() -> None:
    assert (
        fingerprint_hash(Earn, "m-1", "purchase 12.50").hex()
        == "d6bb6a9d42c9b205bcfa2694c8b7651492a6f978eac6877c6f136836b3f1975a"
    )


def test_the_hash_of_an_audit_entry_is_the_one_that_is_stored() -> None:
    entry = AuditEntry(
        program="club",
        number=1,
        at=AT,
        action="delegated",
        actor="demo-finance",
        role="finance",
        on_behalf_of=None,
        about="demo-legal",
        key="k-1",
        refusal=None,
        details={"giver": "demo-finance", "taker": "demo-legal"},
        previous=BEGINNING,
        hash="",
        recorded_at=AT,
    )
    assert entry_hash(entry) == "06da4eba4eba806c651ebae7fbfe06f0d91086cab33980708142b6b7f3bcba6c"
