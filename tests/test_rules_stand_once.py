"""Rules that several callers need stand in one module each: whoever writes one a second time learns it here."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]


def _calls(tree: ast.AST) -> Iterator[str]:
    """What a module calls, as it is written there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def _modules() -> Iterator[tuple[str, ast.AST]]:
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


@pytest.mark.parametrize(
    ("calls", "place"),
    [
        ({"Earn", "ledger.Earn", "requests.Earn"}, "services/points/earn_requests.py"),
        ({"tiers.review", "tiers.Former", "Former"}, "domain/members/tier_review.py"),
        ({"let_in", "waves.let_in"}, "services/members/admission.py"),
    ],
)
def test_a_rule_is_applied_in_one_module(calls: set[str], place: str) -> None:
    assert {name for name, tree in _modules() if calls & set(_calls(tree))} == {place}


def test_kinds_of_expiry_are_read_where_they_are_declared_checked_and_interpreted() -> None:
    def names_a_kind(tree: ast.AST) -> bool:
        return any(isinstance(node, ast.Constant) and node.value in {"after_earning", "inactivity"} for node in ast.walk(tree))

    assert {name for name, tree in _modules() if names_a_kind(tree)} == {
        "domain/definition/earning.py",
        "domain/definition/expiry_kinds.py",
        "domain/definition/reading/checks_earning.py",
    }
