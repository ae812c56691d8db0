"""One name for one thing: the words that the glossary has replaced do not come back as identifiers.

`docs/glossary.md` has the terms. What is stored or recorded keeps its spelling, so that a few old words live on as fields.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.paths import ROOT

WORDS = {
    "told": "describe, to_response, markdown; summary, description",
    "told_in_words": "summary",
    "tell": "report_progress, record_announcements",
    "tells": "description",
    "Asker": "Principal",
    "asker": "principal",
    "may": "require",
    "MAY": "PERMISSIONS",
    "IN_PERSON": "HUMAN_ONLY",
    "COSTS": "RATE_LIMITED",
    "Asking": "MemberRequest",
    "Standing": "TierStatus, ActiveHolds, PortfolioPosition, GuardrailState, MemberContext",
    "Concern": "Capability",
    "concern": "capability",
    "door": "capability",
    "doors": "availability, closing dates",
    "Answer": "PostingResult, StoredResponse, VoteChoice",
    "once": "idempotent",
    "outsiders": "holdout",
    "OutsideEvent": "ControlPurchase",
    "Look": "Check",
    "look_at": "check, next_review_at",
    "look_again_at": "next_review_at",
    "MemberAt": "ReviewRequest",
    "TakingEffect": "PendingAmendment",
    "Approved": "ScheduledAmendment",
    "Weight": "AmendmentClass",
    "weigh": "classify",
    "judged_by": "grandfathered_under",
    "Judge": "GrandfatheredTier",
    "Former": "GrandfatheredRevision",
    "lapse": "expire",
    "lapses": "expires",
    "Leaving": "OutflowKind",
    "Becoming": "Settlement",
    "drain": "sweep_out",
    "bring_up": "bring_up_to_date",
    "Seen": "CapUsage",
    "looks_at": "capped_rules",
    "giver": "delegator",
    "taker": "delegate",
    "wish": "body",
    "WhyIn": "ReasonIn",
    "why": "reason",
    "Deed": "ActionRecord",
    "RolloutAct": "RolloutAction",
    "patience": "wait_timeout",
    "PATIENCE": "WAIT_TIMEOUT",
    "UNHURRIED": "LONG_WAIT",
    "LATE": "ACCEPTED_LATER",
    "Heads": "HeadRequests",
    "chains": "chain_head",
    "ReadAgain": "RetryReadRoute",
    "seated": "assign",
    "once_for_each": "cached_per_definition",
    "Unsayable": "NotVectorizable",
    "asks": "requests",
    "clerk": "ledger_client",
    "House": "Stack",
    "house": "stack",
    "lives": "program_steps",
    "Past": "SeededHistory",
    "Crowd": "BulkMembers",
    "crowd": "bulk_members",
    "Club": "SampleProgram",
    "club": "sample_program",
}
"""What was, and what it is called now."""
STORED = {"told", "told_in_words", "tells", "why", "giver", "taker", "look_at", "look_again_at", "judged_by", "patience"}
"""Names of fields in recorded histories, in tables and in the API's bodies."""
ELSEWHERE = {"tell"}
"""What a file of the standard library calls its position."""
NOT_OURS = {".venv", ".tenure", "build", "migrations"}


def found(source: str) -> Iterator[tuple[int, str]]:
    """The old words that a source has as identifiers, with their lines; where it may be a stored field, they are not meant."""
    tree = ast.parse(source)
    fields = {
        id(statement.target)
        for each in ast.walk(tree)
        if isinstance(each, ast.ClassDef)
        for statement in each.body
        if isinstance(statement, ast.AnnAssign)
    }
    for each in ast.walk(tree):
        line = getattr(each, "lineno", 0)
        match each:
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                names, kept = [name], STORED | ELSEWHERE
            case ast.Name(id=name):
                names, kept = [name], STORED if id(each) in fields else set()
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                names, kept = [name], set()
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] not in {"temporalio", "hypothesis"}:
                names, kept = (
                    [*module.split("."), *(part for name in each.names for part in (name.name, name.asname or ""))],
                    set(),
                )
            case ast.Import():
                names, kept = [part for name in each.names for part in (*name.name.split("."), name.asname or "")], set()
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                names, kept = [name], set()
            case _:
                continue
        for name in names:
            word = name.lstrip("_")
            if word in WORDS and word not in kept:
                yield line, name


def sources() -> Iterator[Path]:
    for file in sorted(ROOT.rglob("*.py")):
        if NOT_OURS.isdisjoint(file.relative_to(ROOT).parts):
            yield file


def test_no_identifier_is_a_word_that_was_replaced() -> None:
    faults = [
        f"{file.relative_to(ROOT)}:{line}: {name} is now called {WORDS[name.lstrip('_')]}"
        for file in sources()
        for line, name in found(file.read_text())
    ]
    assert faults == []


def test_a_word_is_found_wherever_it_names_something_and_not_where_it_is_a_stored_field() -> None:
    source = """
from domain.holds import Concern as Kind
class Weight:
    why: str
    house: str
def once(asker): asker.may(why=1); wish = asker.why
def _drain(): return x.told
"""
    assert [name for _, name in sorted(found(source))] == [
        *("Concern", "Weight", "house", "asker", "asker", "asker", "may", "once", "wish", "_drain"),
    ]
    assert len(list(sources())) > 500, "the whole tree is read"
