"""The registry of problems: every code once, with a page, and every code that anything of ours refuses with is in it."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from api.http.problem_examples import example
from api.http.problem_pages import page
from api.http.statuses import STATUSES, status_of
from domain.error_registry import kinds, known
from domain.errors import Category
from domain.refusals import Refused, refused
from tests.api.sample_program import problem
from tests.paths import ROOT
from tests.stack import Stack

_REFUSING = ("api", "services", "activities", "workflows", "insight", "domain", "ledger", "store")
"""The packages that refuse something, or that find out what was refused."""
_NEVER_TOLD = {
    *("unknown_hold", "exceeds_hold", "hold_"),  # a redemption's own hold; the last with the state in which it is
    *("provider_unclear", "notice_not_delivered"),  # tried again by the workflow
}
"""Codes that no caller is ever answered with, and that no class declares therefore."""


_SOURCES = "api/http/problem_sources.py"
_ANSWERING = ("api", "services", "domain", "ledger", "store")


def _written_codes(file: Path) -> Iterator[str]:
    """The codes that stand in a module as strings, where it makes a refusal or compares with one."""
    for node in ast.walk(ast.parse(file.read_text())):
        places: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            places = node.args[:1] if name in {"Refused", "refused", "in_words", "NotAdmitted"} else []
            kept = {"ApplicationError": "type", "Refusal": "code"}.get(name, "refusal")
            places += [each.value for each in node.keywords if each.arg == kept]
        elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute):
            places = node.comparators if node.left.attr in {"code", "refusal"} else []
        for place in places:
            for each in ast.walk(place):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    yield each.value


def test_a_code_has_one_category_and_one_title() -> None:
    said: defaultdict[str, set[tuple[Category, str]]] = defaultdict(set)
    for kind in kinds():
        said[kind.code].add((kind.category, kind.title))
    assert {code: both for code, both in said.items() if len(both) > 1} == {}


def test_every_category_has_a_status_that_no_other_has() -> None:
    assert set(STATUSES) == set(get_args(Category))
    assert len(set(STATUSES.values())) == len(STATUSES)


def _defines_problems(file: Path) -> bool:
    """Whether a module has an error class with a code of its own."""
    return any(
        isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in {"TenureError", "Refused"} for base in node.bases)
        and any(isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "code" for each in node.body)
        for node in ast.parse(file.read_text()).body
    )


def test_every_module_with_problems_is_loaded_with_the_registry() -> None:
    files = [file for package in _ANSWERING for file in (ROOT / package).rglob("*.py")]
    defining = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if _defines_problems(file)}
    assert len(defining) > 15
    body = ast.parse((ROOT / _SOURCES).read_text()).body
    loaded = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
    assert loaded == defining


def test_a_refusal_has_its_code_from_the_class_that_declares_it() -> None:
    files = [file for package in _REFUSING for file in (ROOT / package).rglob("*.py")]
    written = {code for file in files for code in _written_codes(file)}
    assert written == _NEVER_TOLD


@pytest.mark.parametrize("code", known())
async def test_every_problem_has_a_page_with_an_example(stack: Stack, code: str) -> None:
    response = await stack.http.get(f"/problems/{code}", headers={"Accept": "application/json"})
    assert response.status_code == 200, response.text
    shown = response.json()
    assert (shown["code"], shown["status"], shown["title"]) == (code, status_of(known()[code]), known()[code].title)
    document = shown["example"]
    assert (document["type"], document["code"], document["status"]) == (f"/problems/{code}", code, shown["status"])
    for sentence in (shown["meaning"], shown["remedy"], document["detail"]):
        assert sentence[-1] in ".;" or sentence[-1].isalnum() or sentence.endswith("`"), sentence
        assert len(sentence) > 10
    assert known()[code].__doc__ and (known()[code].__doc__ != Refused.__doc__ or code == "refused")


async def test_a_browser_gets_a_page_for_people(stack: Stack) -> None:
    accept = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    one = await stack.http.get("/problems/four_eyes", headers=accept)
    assert one.headers["content-type"] == "text/html; charset=utf-8"
    assert "Nobody decides about their own work" in one.text
    every = await stack.http.get("/problems", headers=accept)
    assert all(f'href="/problems/{code}"' in every.text for code in known())
    assert [each["code"] for each in (await stack.http.get("/problems")).json()["items"]] == list(known())


async def test_an_unknown_code_is_a_problem_itself(stack: Stack) -> None:
    problem(await stack.http.get("/problems/no_such_code"), 404, "problem_unknown")


async def test_the_type_of_a_problem_leads_to_its_page(stack: Stack) -> None:
    found = problem(await stack.http.get("/programs"), 401, "token_missing")
    assert (await stack.http.get(found["type"])).json()["code"] == "token_missing"


def test_a_refusal_in_a_code_that_nobody_knows_is_still_a_problem() -> None:
    error = refused("never_heard_of", "It cannot be.")
    assert (error.code, error.category, error.title) == ("never_heard_of", "conflict", "Refused")


def test_a_refusal_has_the_category_and_title_of_its_code() -> None:
    error = refused("tier_not_replaced", "In its own words.", "What to do.")
    assert (error.category, error.title) == ("invalid", known()["tier_not_replaced"].title)
    assert (error.detail, error.remedy) == ("In its own words.", "What to do.")
    assert example(known()["four_eyes"])["remedy"] == refused("four_eyes", "Told.").remedy


def test_the_page_of_all_problems_is_as_it_stands_in_the_docs() -> None:
    assert page() == (ROOT / "docs" / "problems.md").read_text()
