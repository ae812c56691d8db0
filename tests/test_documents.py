"""The documents name files that exist, and the glossary has one entry for each term."""

import re
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.paths import ROOT

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/operating.md")
_CODE = re.compile(r"`([A-Za-z_.-]+/[A-Za-z0-9_/.*-]*)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
_NO_FILES = {"store/migrations/versions/NNNN_what.py", "ledger/seal"}
"""What only shows how a name is made, and the id of a Schedule."""


def _layers() -> set[str]:
    return {file.parent.name for file in ROOT.glob("*/__init__.py")}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    own = {name for name in _CODE.findall(text) if name.partition("/")[0] in _layers()} - _NO_FILES
    linked = {str(Path(document).parent / name) for name in _LINK.findall(text)}
    assert own | linked, "nothing was found to compare"
    files = [
        str(file.relative_to(ROOT))
        for layer in (*_layers(), "docs", "examples", "requirements")
        for file in (ROOT / layer).rglob("*")
    ]
    found = {name for name in own | linked if (ROOT / name).exists() or any(fnmatch(file, name) for file in files)}
    assert sorted((own | linked) - found) == []


def test_the_glossary_has_one_entry_for_each_term() -> None:
    terms = re.findall(
        r"^\| \*\*(.+?)\*\*( \([a-z ]+\))? \|", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    each = Counter(term.strip() + note for terms_, note in terms for term in terms_.split(","))
    assert len(each) > 100
    assert [term for term, many in each.items() if many > 1] == []


def test_the_architecture_names_every_file_of_every_subject() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    subjects = page[page.index("## The subjects") : page.index("## Who owns which truth")]
    named = {
        f"{folder}/{file}"
        for folder, files in re.findall(r"`(\w+/\w+)/`\s+has((?:\s+`[\w/]+\.py`,?)+)", subjects)
        for file in re.findall(r"`([\w/]+\.py)`", files)
    }
    for name in re.findall(r"^### (\w+)", subjects, re.MULTILINE):
        for layer in ("domain", "runtime", "store", "services", "insight", "activities", "workflows", "api", "cli"):
            there = {f"{file.relative_to(ROOT)}" for file in (ROOT / layer / name).rglob("*.py") if file.name != "__init__.py"}
            assert there == {each for each in named if each.startswith(f"{layer}/{name}/")}, f"{name} in {layer}"
