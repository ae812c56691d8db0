"""Removes each guard of the ledger once, in a copy of the tree, and sees whether the test named for it notices.

    python -m tests.ledger.guards [part of a guard's file, text or test ...]

A guard is an edit that takes it away. The edit must fit exactly once, the named tests must pass on the untouched copy, and a
test notices when it fails (or hangs); a test that cannot even begin has noticed nothing. Exit status 1 if one went unnoticed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import psutil

ROOT = Path(__file__).parents[2]
WAIT_TIMEOUT = 300
"""Seconds for the test of one guard; what takes longer hangs."""


class Guard(NamedTuple):
    """An edit of a file that takes a guard away, and the test that must fail then (in `tests/ledger`)."""

    file: str
    old: str
    new: str
    test: str


GUARDS = [
    # Locks, and what a burn looks at under them.
    Guard(
        "ledger/accounts.py",
        "    .with_for_update(of=account)\n)\n_wanted",
        ")\n_wanted",
        "test_hold.py::test_concurrent_holds_never_keep_more_than_there_is",
    ),
    Guard(
        "ledger/earn.py",
        "ORDER BY participant FOR UPDATE",
        "ORDER BY participant",
        "test_corners.py::test_earns_of_one_member_in_many_processes_turn_the_clock_for_each_gap_once",
    ),
    Guard(
        "ledger/burn.py",
        "WHERE id = :account AND posted - held >= CAST(:points AS bigint)",
        "WHERE id = :account",
        "test_burn.py::test_a_refusal_is_an_answer_that_repeats_even_when_points_have_come",
    ),
    Guard(
        "ledger/burn.py",
        "remaining > held AND expires_at <= CAST(:at AS timestamptz)",
        "false",
        "test_burn.py::test_what_is_due_expires_before_a_burn_as_of_the_burn",
    ),
    Guard(
        "ledger/burn.py",
        "if taken != request.points:",
        "if False:",
        "test_burn.py::test_lots_that_do_not_cover_a_balance_stop_the_burn",
    ),
    Guard(
        "ledger/burn.py",
        "sum(remaining - held) OVER (ORDER BY expires_at, id)",
        "sum(remaining - held) OVER (ORDER BY id)",
        "test_burn.py::test_a_burn_takes_first_what_expires_first_and_last_what_never_does",
    ),
    Guard(
        "ledger/burn.py",
        "remaining - held AS free, sum(remaining - held) OVER (ORDER BY expires_at, id) - (remaining - held) AS ahead",
        "remaining AS free, sum(remaining) OVER (ORDER BY expires_at, id) - remaining AS ahead",
        "test_corners.py::test_a_burn_takes_of_a_lot_only_what_is_not_held",
    ),
    # Once for each key.
    Guard(
        "ledger/burn.py",
        "    if account.stored is not None:\n        return answer_again(account.stored, request.hash())\n",
        "",
        "test_burn.py::test_the_same_burn_again_takes_nothing_and_another_one_is_a_conflict",
    ),
    Guard(
        "ledger/idempotency.py",
        "        if locked.stored is not None:\n            return answer_again(locked.stored, request.hash())\n",
        "",
        "test_hold.py::test_a_hold_ends_once",
    ),
    Guard(
        "ledger/earn.py",
        "if sqlstate(error) == UNIQUE_VIOLATION and (known := await self._known(requests)):",
        "if not (known := {}) and False:",
        "test_earn.py::test_the_same_request_again_changes_nothing_and_gets_the_same_answer",
    ),
    Guard(
        "ledger/journal.py",
        "if row.request_hash != request_hash:",
        "if False:",
        "test_earn.py::test_the_same_key_with_another_content_is_a_conflict",
    ),
    Guard(
        "ledger/journal.py",
        "transaction, and_on=frozenset({UNIQUE_VIOLATION})",
        "transaction",
        "test_hold.py::test_the_same_hold_on_many_connections_holds_once",
    ),
    Guard(
        "ledger/earn.py",
        "elif request.hash() != first[key].hash():",
        "elif False:",
        "test_earn.py::test_a_batch_posts_each_and_answers_each_at_its_place",
    ),
    Guard(
        "ledger/requests.py",
        "if key.startswith(OWN_KEYS):",
        "if False:",
        "test_earn.py::test_what_makes_no_sense_cannot_be_asked",
    ),
    Guard(
        "ledger/requests.py",
        "Points = Annotated[int, Field(ge=1, le=MAX_POINTS, strict=True)]",
        "Points = Annotated[int, Field(ge=0, le=MAX_POINTS)]",
        "test_burn.py::test_a_burn_of_no_sensible_amount_cannot_be_asked",
    ),
    # Batches.
    Guard(
        "ledger/earn.py",
        "            if len(requests) > 1:\n                return await self._halved(requests)\n            if sqlstate",
        "            if sqlstate",
        "test_earn.py::test_what_the_database_refuses_harms_no_neighbour",
    ),
    Guard(
        "ledger/earn.py", "if not alone:", "if True:", "test_expire.py::test_a_batch_turns_the_clock_as_its_events_one_by_one"
    ),
    Guard(
        "ledger/earn.py",
        "WHERE seen.amount <> (",
        "WHERE 0 > (",
        "test_earn.py::test_an_earn_that_has_seen_what_is_no_longer_so_is_not_posted",
    ),
    # Expiries and sweeps.
    Guard(
        "ledger/outflow.py",
        "remaining - held AS points",
        "remaining AS points",
        "test_hold.py::test_what_a_hold_keeps_does_not_expire_until_it_is_let_go",
    ),
    Guard(
        "ledger/sweep.py",
        ".with_for_update(skip_locked=True)",
        ".with_for_update()",
        "test_expire.py::test_the_sweep_leaves_alone_what_is_in_use_and_takes_it_the_next_time",
    ),
    Guard(
        "ledger/sweep.py",
        ".with_for_update(skip_locked=True)",
        "",
        "test_expire.py::test_the_sweep_leaves_alone_what_is_in_use_and_takes_it_the_next_time",
    ),
    Guard(
        "ledger/outbox.py",
        "unsent.with_for_update(skip_locked=True)",
        "unsent",
        "test_outbox.py::test_what_one_relay_has_claimed_another_does_not_get",
    ),
    # Holds, pending earns, corrections.
    Guard("ledger/hold.py", 'if kept.state != "open":', "if False:", "test_hold.py::test_a_hold_ends_once"),
    Guard("ledger/hold.py", "if points > kept.points:", "if False:", "test_hold.py::test_more_than_is_held_cannot_be_captured"),
    Guard(
        "ledger/idempotency.py",
        "        locked = await bring_up_to_date(connection, request.program, locked, request.effective_at)\n",
        "",
        "test_corners.py::test_what_is_due_expires_before_a_hold_can_keep_it",
    ),
    Guard(
        "ledger/idempotency.py",
        "        await bring_up_to_date(connection, request.program, await again(connection, locked), request.effective_at)\n",
        "",
        "test_hold.py::test_what_a_hold_keeps_does_not_expire_until_it_is_let_go",
    ),
    Guard("ledger/pending.py", 'if waiting.state != "open":', "if False:", "test_pending.py::test_a_pending_earn_ends_once"),
    Guard(
        "ledger/reverse.py",
        "(request.points or 0) > left:",
        "False:",
        "test_reverse.py::test_parts_of_a_burn_come_back_as_if_less_had_been_spent_and_add_up",
    ),
    Guard(
        "ledger/reverse.py",
        "if found.kind in REVERSED:",
        "if False:",
        "test_reverse.py::test_what_cannot_be_reversed_is_refused_each_for_its_reason",
    ),
    Guard(
        "ledger/clawback.py",
        "if account.debt + debt > -request.lowest_allowed and debt:",
        "if False:",
        "test_reverse.py::test_a_balance_goes_below_zero_only_as_far_as_the_request_allows",
    ),
    Guard(
        "ledger/reinstate.py",
        "SELECT lot_id, CAST(least(gone, meant) AS bigint) AS points FROM moved WHERE least(gone, meant) > 0 AND meant > 0",
        "SELECT lot_id, CAST(meant AS bigint) AS points FROM moved WHERE meant > 0",
        "test_reinstate.py::test_what_has_come_back_does_not_come_back_twice",
    ),
    Guard(
        "ledger/entry.py",
        "if posted + more > MAX_POINTS:",
        "if False:",
        "test_exchanges.py::test_a_transfer_of_more_than_there_is_or_above_the_limit_is_refused",
    ),
    Guard(
        "ledger/entry.py",
        "if available < points:",
        "if False:",
        "test_hold.py::test_what_is_held_is_still_there_but_cannot_be_spent",
    ),
    # What does not add up is not written.
    Guard(
        "ledger/entry.py",
        "if change != in_lots - debt:",
        "if False:",
        "test_faults.py::test_postings_that_lots_and_debt_do_not_bear_out_are_not_written",
    ),
    Guard(
        "ledger/entry.py", "if moved != len(moves):", "if False:", "test_faults.py::test_nobody_spends_from_the_lots_of_another"
    ),
    Guard(
        "ledger/entry.py",
        "if total(picked) != points:",
        "if False:",
        "test_faults.py::test_lots_that_do_not_cover_a_balance_stop_a_hold",
    ),
    Guard(
        "ledger/outflow.py",
        "if not row.taken == row.paid == row.posted == row.moved:",
        "if False:",
        "test_faults.py::test_what_expires_to_no_account_stays",
    ),
    Guard(
        "ledger/release.py",
        "if not row.points == row.freed == row.let_go:",
        "if False:",
        "test_faults.py::test_a_hold_whose_lots_do_not_bear_it_out_does_not_time_out",
    ),
    Guard(
        "ledger/reverse.py",
        "    if wanted:",
        "    if False:",
        "test_faults.py::test_a_burn_whose_moves_are_gone_is_not_given_back",
    ),
    # What the database itself holds.
    *(
        Guard(
            f"store/migrations/versions/{migration}.py",
            constraint,
            constraint[: constraint.index("(")] + "(true)",
            "test_guards.py::test_no_figure_leaves_its_bounds_whoever_writes",
        )
        for migration, constraint in (
            ("0001_ledger", "CONSTRAINT account_held CHECK (held >= 0)"),
            (
                "0001_ledger",
                "CONSTRAINT account_lowest_allowed CHECK (posted - held >= lowest_allowed AND lowest_allowed <= 0)",
            ),
            ("0001_ledger", "CONSTRAINT account_limit CHECK (posted <= 9007199254740992)"),
            ("0001_ledger", "CONSTRAINT lot_amount CHECK (amount > 0)"),
            ("0001_ledger", "CONSTRAINT lot_remaining CHECK (0 <= held AND held <= remaining AND remaining <= amount)"),
            ("0001_ledger", "CONSTRAINT posting_amount CHECK (amount > 0)"),
            ("0001_ledger", "CONSTRAINT posting_sides CHECK (debit_account <> credit_account)"),
            ("0003_ledger_operations", "CONSTRAINT account_debt CHECK (debt >= 0 AND lowest_allowed = -debt)"),
            ("0003_ledger_operations", "CONSTRAINT lot_move_amount CHECK (amount <> 0)"),
        )
    ),
    Guard(
        "store/migrations/versions/0001_ledger.py",
        "        CONSTRAINT txn_key UNIQUE (program, key),\n",
        "",
        "test_burn.py::test_the_same_burn_on_many_connections_burns_once",
    ),
    Guard(
        "store/migrations/versions/0001_ledger.py",
        "GRANT SELECT, INSERT ON ALL TABLES",
        "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES",
        "test_guards.py::test_the_application_cannot_change_what_happened",
    ),
    Guard(
        "store/migrations/versions/0005_seal.py",
        "GRANT SELECT, INSERT ON",
        "GRANT ALL ON",
        "test_seal.py::test_the_application_can_add_a_seal_and_never_change_one",
    ),
    # The check: each of its queries.
    *(
        Guard("ledger/check.py", old, new, f"test_guards.py::{test}")
        for old, new, test in (
            ("(_BALANCES, _LOTS", "(_LOTS", "test_the_check_finds_a_drift_made_by_hand"),
            ("_LOTS, _TRANSACTIONS", "_TRANSACTIONS", "test_the_check_finds_a_drift_made_by_hand"),
            ("_TRANSACTIONS, _MEMBERS", "_MEMBERS", "test_the_check_finds_a_drift_made_by_hand"),
            ("_MEMBERS, _HOLDS", "_HOLDS", "test_the_check_finds_a_drift_made_by_hand"),
            ("_HOLDS, _REVERSALS", "_REVERSALS", "test_the_check_finds_a_drift_of_holds_reversals_debts_and_transfers"),
            ("_REVERSALS, _PENDING", "_PENDING", "test_the_check_finds_a_drift_of_holds_reversals_debts_and_transfers"),
            ("_PENDING, _SIDES", "_SIDES", "test_the_check_finds_a_drift_of_holds_reversals_debts_and_transfers"),
            ("_SIDES, _TOTALS", "_TOTALS", "test_the_check_finds_a_drift_made_by_hand"),
            ("_TOTALS, _TRANSFERS)", "_TRANSFERS)", "test_the_check_finds_a_drift_made_by_hand"),
            (", _TRANSFERS)", ")", "test_the_check_finds_a_drift_of_holds_reversals_debts_and_transfers"),
        )
    ),
    # The seals.
    Guard(
        "ledger/seal.py",
        "return (None if writing else upto), len(writing)",
        "return upto, len(writing)",
        "test_seal.py::test_nothing_is_sealed_that_an_open_transaction_could_still_precede",
    ),
    Guard(
        "ledger/seal.py",
        "        writing = set(await connection.scalars(_WRITING))\n",
        "        writing = set(await connection.scalars(text(\"SELECT '1' WHERE pg_snapshot_xmin(pg_current_snapshot())"
        ' < pg_snapshot_xmax(pg_current_snapshot())")))\n',
        "test_seal.py::test_who_has_an_id_and_no_transaction_id_yet_is_waited_for_too",
    ),
    Guard(
        "ledger/seal.py",
        "        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))\n",
        "",
        "test_seal.py::test_nothing_slips_between_the_blocks_while_many_write_and_seal",
    ),
    Guard(
        "ledger/seal.py",
        "if (hashed, content) != (block.rows, block.content):",
        "if hashed != block.rows:",
        "test_seal.py::test_a_row_that_is_not_what_was_sealed_is_named",
    ),
    Guard(
        "ledger/seal.py",
        "return bool(block.hash == _block_hash(**columns))",
        "return True",
        "test_seal.py::test_a_seal_that_is_not_what_was_written_is_named",
    ),
    Guard(
        "ledger/seal.py",
        "_head(block) == after and _is_sound(block)",
        "_head(block) == after",
        "test_seal.py::test_a_page_goes_on_only_from_the_block_that_the_page_before_has_found",
    ),
    Guard(
        "ledger/seal.py",
        "_head(block) == after and _is_sound(block)",
        "_is_sound(block)",
        "test_seal.py::test_a_page_goes_on_only_from_the_block_that_the_page_before_has_found",
    ),
    Guard(
        "ledger/seal.py",
        "if block.number != number:",
        "if False:",
        "test_seal.py::test_a_seal_that_is_not_what_was_written_is_named",
    ),
    Guard(
        "ledger/seal.py",
        "or (noted and noted.number == number and noted != _head(block))",
        "",
        "test_seal.py::test_a_chain_made_anew_over_a_changed_row_is_found_by_a_head_that_was_noted",
    ),
    # A batch is only what came while others were under way, and what befalls one of it befalls no other.
    Guard(
        "ledger/coalescer.py",
        "                    if not answered.done():\n                        answered.set_result(answer)",
        "                    answered.set_result(answer)",
        "test_coalescer.py::test_a_caller_who_stops_waiting_harms_no_other",
    ),
    # What is answered stays, whatever happens to the server.
    Guard(
        "worker/embedded/postgres.py",
        '"synchronous_commit": "on"',
        '"synchronous_commit": "off"',
        "test_bank_run.py::test_what_was_answered_before_a_kill_is_there_exactly_once",
    ),
]


def unnoticed(guards: Sequence[Guard]) -> Iterator[tuple[Guard, str]]:
    """Each guard with how its test took the loss; an empty word where it was noticed."""
    with tempfile.TemporaryDirectory(prefix="guards-") as folder:
        tree = Path(folder)
        _copy(tree)
        whole = _failures(tree, {guard.test for guard in guards})
        if whole:
            raise SystemExit("The tests must pass before a guard is taken away, and these do not: " + ", ".join(whole))
        for guard in guards:
            yield guard, _without(tree, guard)


def _without(tree: Path, guard: Guard) -> str:
    file = tree / guard.file
    text = file.read_text()
    if text.count(guard.old) != 1:
        return f"the text is there {text.count(guard.old)} times"
    file.write_text(text.replace(guard.old, guard.new))
    try:
        return "" if _failures(tree, {guard.test}) else "NO TEST NOTICES"
    except RuntimeError as error:
        return str(error)
    finally:
        file.write_text(text)


def _copy(tree: Path) -> None:
    packages = [init.parent.name for init in ROOT.glob("*/__init__.py")]
    for name in [*packages, "examples"]:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)


def _failures(tree: Path, tests: Iterable[str]) -> list[str]:
    """Which tests fail in the copy, or hang. Raises RuntimeError when one cannot begin."""
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    # Started so, Python finds the copy's packages before the installed ones.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", f"--junitxml={report}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE", "COV_", "PYTEST"))}
    child = subprocess.Popen(
        [*command, *(f"tests/ledger/{test}" for test in sorted(tests))],
        cwd=tree,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = child.communicate(timeout=WAIT_TIMEOUT)
    except subprocess.TimeoutExpired:
        started = psutil.Process(child.pid)
        for process in [*started.children(recursive=True), started]:
            process.kill()
        child.communicate()
        return ["it hangs"]
    if child.returncode not in {0, 1} or not report.exists():
        lines = [line for line in output.splitlines() if line.startswith(("ERROR", "E  "))] or output.splitlines()[-1:]
        raise RuntimeError(f"the test cannot begin: {'; '.join(lines)}")
    failed = []
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314
        for problem in (*case.iter("failure"), *case.iter("error")):
            if "on setup" in problem.get("message", ""):
                raise RuntimeError(f"the test cannot begin: {problem.get('message')}")
            failed.append(str(case.get("name")))
    return failed


def main(chosen: Sequence[str]) -> int:
    guards = [guard for guard in GUARDS if not chosen or any(word in " ".join(guard) for word in chosen)]
    if not guards:
        raise SystemExit("No guard has that in its file, text or test.")
    missed = 0
    for guard, verdict in unnoticed(guards):
        missed += bool(verdict)
        text = " ".join(guard.old.split())[:90]
        sys.stdout.write(f"{verdict or 'noticed'}: {guard.file}: {text}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(guards)} guards were taken away, {missed} went unnoticed\n")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
