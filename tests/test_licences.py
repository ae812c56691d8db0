"""docs/licences.md lists every locked package, and is the same whatever machine writes it."""

import re
from importlib.metadata import PackageNotFoundError, version

import pytest

from requirements.licences import LOCKS, WITH_MARKERS, licence, licence_in_metadata, locked, page
from tests.paths import ROOT

PAGE = ROOT / "docs" / "licences.md"
RESTRICTIVE = re.compile(r"\bGPL|AGPL|SSPL|Proprietary|UNKNOWN", re.IGNORECASE)


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def test_the_page_is_what_the_lock_files_and_the_metadata_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: make reference"


def test_the_page_lists_every_package_that_is_locked() -> None:
    # Counted in another way than the page's own: each requirement begins a line, its hashes do not.
    lines = [line for file in LOCKS.values() for line in (ROOT / "requirements" / file).read_text().splitlines()]
    pinned = {
        (name.partition("[")[0], rest.split()[0])
        for name, found, rest in (line.partition("==") for line in lines if line[:1].isalnum())
        if found
    }
    rows = re.findall(
        r"^\| `([^`]+)` \| ([^|]+) \| [^|]+ \| (?:runtime|development|demo data) \|$", PAGE.read_text(), re.MULTILINE
    )
    assert {(name, each) for name, versions in rows for each in versions.split(", ")} == pinned


@pytest.mark.parametrize("name", [name for name in sorted(WITH_MARKERS) if _is_installed(name)])
def test_a_licence_that_is_written_down_is_the_one_in_the_metadata(name: str) -> None:
    assert licence_in_metadata(name) == WITH_MARKERS[name]


def test_only_packages_with_markers_are_written_down() -> None:
    assert set(WITH_MARKERS) == {package.name for package in locked() if package.has_marker}


def test_no_package_needs_more_than_its_licence_to_be_kept() -> None:
    assert [package.name for package in locked() if RESTRICTIVE.search(licence(package))] == []


def test_the_licence_of_tenure_is_the_whole_apache_license() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert all(f"\n   {number}. " in text for number in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in text
