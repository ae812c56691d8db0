"""Each guard of the ledger, taken away once, is missed by a test."""

import pytest

from tests.ledger.guards import GUARDS, unnoticed


@pytest.mark.long
def test_each_guard_of_the_ledger_is_missed_by_a_test() -> None:
    assert [(guard.file, guard.old, verdict) for guard, verdict in unnoticed(GUARDS) if verdict] == []
