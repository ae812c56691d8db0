"""Probes of the machine: the data folder and its disk, the signing keys, the limit of open files."""

import asyncio
import os
import resource
import shutil
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from runtime.identity.keys import KeysUnusable, known_keys
from worker.doctor.finding import Finding, Reporter, Topic
from worker.doctor.surroundings import Surroundings
from worker.embedded.home import LEAST_FREE, MARKER

_report = Reporter(Topic.MACHINE)

LITTLE_FREE = 2 * 1024**3
"""Bytes: with less space, the data of a larger program may fill the disk."""
FEW_FILES = 1024
"""PostgreSQL alone opens up to 1,000 files for each connection that needs them, worker and API a socket for each request."""


async def data_folder(surroundings: Surroundings) -> Sequence[Finding]:
    """Whether the embedded stack can write to its data folder, and has space there."""
    if surroundings.embeds_nothing:
        return [_report.off("data folder", "not needed: both servers are elsewhere")]
    return await asyncio.to_thread(_folder, surroundings.settings.home.absolute())


def _folder(folder: Path) -> list[Finding]:
    # A folder that does not exist yet is judged by its nearest parent that does: can it be made there, and is there space?
    elsewhere = "Name another folder in TENURE_HOME."
    there = folder
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        return [_report.wrong("data folder", f"{there} is not a folder", elsewhere)]
    if not os.access(there, os.W_OK | os.X_OK):
        return [_report.wrong("data folder", f"you may not write to {there}", elsewhere)]
    if there != folder:
        findings = [_report.off("data folder", f"{folder} is not made yet; `make up` makes it")]
    elif not (folder / MARKER).exists() and any(folder.iterdir()):
        return [_report.wrong("data folder", f"{folder} holds files, and they are not Tenure's", elsewhere)]
    else:
        findings = [_report.ok("data folder", str(folder))]
    free = shutil.disk_usage(there).free
    said, remedy = f"{free / 1024**3:,.1f} GiB free", "Make space on its disk, or name another folder in TENURE_HOME."
    if free < LEAST_FREE:
        return [*findings, _report.wrong("disk space", f"{said}, and {LEAST_FREE // 1024**2} MiB are needed", remedy)]
    if free < LITTLE_FREE:
        return [*findings, _report.warning("disk space", said, remedy)]
    return [*findings, _report.ok("disk space", said)]


async def open_files(_: Surroundings) -> Sequence[Finding]:
    """The number of files that a process started here may open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEW_FILES:
        return [
            _report.warning(
                "open files",
                f"a process may open {soft:,} files, which may be too few under load",
                f"Raise the limit before you start Tenure: `ulimit -n {4 * FEW_FILES}`.",
            )
        ]
    return [_report.ok("open files", "no limit" if soft == resource.RLIM_INFINITY else f"up to {soft:,} for each process")]


async def signing_keys(surroundings: Surroundings) -> Sequence[Finding]:
    """Whether the API has a key that signs decisions, and the workers have its public key."""
    return await asyncio.to_thread(_keys, surroundings)


def _keys(surroundings: Surroundings) -> list[Finding]:
    # Missing keys are no fault if the next start of the embedded stack makes them.
    settings, name = surroundings.settings, "signing keys"
    signing, verification = settings.signing_keys, settings.verification_keys
    made_at_start = settings.signing_keys_file is None and not surroundings.embeds_nothing
    if made_at_start and not signing.exists() and not surroundings.stack.runs:
        return [_report.off(name, "not made yet; `make up` makes them")]
    try:
        keys = known_keys(signing, verification, datetime.now(UTC))
    except KeysUnusable as error:
        return [_report.wrong(name, error.detail.rstrip("."), error.remedy)]
    if not any(key.signs for key in keys):
        return [_report.wrong(name, f"no key of {signing} signs now", "Make one with `tenure keys rotate`.")]
    if stat.S_IMODE(signing.stat().st_mode) & 0o077:
        return [_report.warning(name, f"others than its owner may read {signing}", f"Close it to them: `chmod 600 {signing}`.")]
    return [_report.ok(name, f"{len(keys)} known, in {verification}")]
