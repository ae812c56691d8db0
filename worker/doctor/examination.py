"""The examination: all probes run at once, each with a time limit; the failure of one does not end the others."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from runtime.settings import Settings
from worker.doctor import installed, machine, servers, stack
from worker.doctor.finding import Examination, Finding, Status, Topic
from worker.doctor.surroundings import Surroundings

Probe = Callable[[Surroundings], Awaitable[Sequence[Finding]]]

TIMEOUT = 15.0
"""Seconds that a probe may take."""

PROBES: Mapping[tuple[Topic, str], Probe] = {
    (Topic.INSTALLED, "Python"): installed.python,
    (Topic.INSTALLED, "Temporal server"): installed.temporal_server,
    (Topic.INSTALLED, "PostgreSQL server"): installed.postgres_server,
    (Topic.INSTALLED, "settings"): installed.variables,
    (Topic.MACHINE, "data folder"): machine.data_folder,
    (Topic.MACHINE, "signing keys"): machine.signing_keys,
    (Topic.MACHINE, "open files"): machine.open_files,
    (Topic.STACK, "embedded stack"): stack.programs,
    (Topic.STACK, "API"): stack.api,
    (Topic.STACK, "Temporal UI"): stack.temporal_ui,
    (Topic.STACK, "ports"): stack.ports,
    (Topic.SERVERS, "database"): servers.database,
    (Topic.SERVERS, "Temporal service"): servers.temporal,
}
"""Every probe, under the heading and the name by which it is reported if it fails or takes too long."""


async def examine(
    settings: Settings, *, timeout: float = TIMEOUT, probes: Mapping[tuple[Topic, str], Probe] = PROBES
) -> Examination:
    """Run all probes at once; a probe that takes more than `timeout` seconds, or fails, is itself a finding."""
    surroundings = await asyncio.to_thread(Surroundings.of, settings)
    found = await asyncio.gather(*(_run(topic, name, probe, surroundings, timeout) for (topic, name), probe in probes.items()))
    return Examination(findings=tuple(finding for findings in found for finding in findings))


async def _run(topic: Topic, name: str, probe: Probe, surroundings: Surroundings, timeout: float) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(timeout):
            return await probe(surroundings)
    except TimeoutError:
        detail, remedy = (
            f"no answer within {timeout:g} s",
            "See whether it hangs or the network drops its packets, and restart it.",
        )
    except Exception as error:  # a fault of one probe must not hide the findings of the others
        detail, remedy = f"could not be examined: {type(error).__name__}: {error}", "Report this as a fault of Tenure."
    return [Finding(topic=topic, name=name, status=Status.WRONG, detail=detail, remedy=remedy)]
