"""Probes of the embedded stack: its programs, its API and UI, and the processes that use its ports."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import psutil

from runtime.settings import is_this_machine
from worker.doctor.finding import Finding, Reporter, Topic
from worker.doctor.surroundings import START, Surroundings
from worker.embedded.errors import PortTaken
from worker.embedded.ports import claim, listener_on
from worker.embedded.stack import ANY_HOST

_report = Reporter(Topic.STACK)

HTTP_TIMEOUT = 10.0
"""Seconds that an HTTP request may take; then its server counts as not answering."""


class _Port(NamedTuple):
    """A port that the next start would take."""

    purpose: str
    host: str
    number: int
    setting: str


async def programs(surroundings: Surroundings) -> Sequence[Finding]:
    """The embedded stack's supervisor, and each program under it."""
    stack, name = surroundings.stack, "embedded stack"
    alive = {child: pid for child, pid in stack.children.items() if pid is not None}
    if not stack.runs:
        if alive:
            left = ", ".join(f"{child} (process {pid})" for child, pid in alive.items())
            return [_report.warning(name, f"killed; it left running: {left}", "Run `make up`, which stops them and goes on.")]
        return [_report.off(name, f"not running; {START}")]
    findings = [_report.ok(name, f"runs as process {stack.pid}")]
    for child, pid in stack.children.items():
        if pid is not None:
            findings.append(_report.ok(child, f"runs as process {pid}"))
        else:
            log = surroundings.settings.home / "logs" / f"{child.lower()}.log"
            findings.append(_report.wrong(child, "has ended; the stack starts it again", f"See why in {log}."))
    return findings


async def api(surroundings: Surroundings) -> Sequence[Finding]:
    """Whether Tenure's API answers: the stack's, else the one that the settings name."""
    # Whether silence is a fault depends on who would have started the API: a running stack, or the person who set its address.
    # Otherwise it is only off.
    settings, stack = surroundings.settings, surroundings.stack
    if stack.runs and stack.api is None:
        return [_report.off("API", "not started yet")]
    named = "api_url" in settings.model_fields_set
    start = "start it with `python -m api`" if surroundings.embeds_nothing else START
    if not (stack.runs or named or settings.api_port):
        return [_report.off("API", f"not running; {start}")]
    here = f"http://{_reached(settings.api_host)}:{settings.api_port}"
    address = (stack.api or (settings.api_url if named else here)).rstrip("/")
    answer = await _is_tenure(address)
    if answer is True:
        return [_report.ok("API", f"answers at {address}")]
    if answer is False:
        remedy = "Name the right address in TENURE_API_URL, or stop what answers there."
        return [_report.wrong("API", f"what answers at {address} is not Tenure", remedy)]
    if stack.runs:
        log = settings.home / "logs" / "api.log"
        return [_report.wrong("API", f"does not answer at {address}", f"See why in {log}.")]
    if named:
        remedy = "Start the API there, or unset TENURE_API_URL to use the one of this machine."
        return [_report.wrong("API", f"does not answer at {address}, which TENURE_API_URL names", remedy)]
    return [_report.off("API", f"not running; {start}")]


async def temporal_ui(surroundings: Surroundings) -> Sequence[Finding]:
    """Whether the UI of the embedded Temporal answers."""
    name, stack = "Temporal UI", surroundings.stack
    if stack.temporal_ui is None:
        where = "not ours: the Temporal service is elsewhere" if surroundings.external_temporal else f"not running; {START}"
        return [_report.off(name, where)]
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=HTTP_TIMEOUT) as client:
            response = await client.get(stack.temporal_ui, follow_redirects=True)
    except httpx.HTTPError:
        response = None
    if response is None or response.is_error:
        log = surroundings.settings.home / "logs" / "temporal.log"
        return [_report.wrong(name, f"does not answer at {stack.temporal_ui}", f"See why in {log}.")]
    return [_report.ok(name, f"answers at {stack.temporal_ui}")]


async def ports(surroundings: Surroundings) -> Sequence[Finding]:
    """The users of the ports: the running stack, nobody, or a process that would prevent the next start."""
    if surroundings.stack.runs:
        return await asyncio.to_thread(_own_ports, surroundings)
    settings = surroundings.settings
    wanted = [_Port("API", settings.api_host, settings.api_port, "TENURE_API_PORT")]
    if not surroundings.external_temporal:
        wanted += [
            _Port("Temporal", "127.0.0.1", settings.temporal_port, "TENURE_TEMPORAL_PORT"),
            _Port("Temporal UI", "127.0.0.1", settings.temporal_ui_port, "TENURE_TEMPORAL_UI_PORT"),
        ]
    left_running = {pid for pid in surroundings.stack.children.values() if pid is not None}
    return [await _port(port, surroundings, left_running) for port in wanted]


def _own_ports(surroundings: Surroundings) -> list[Finding]:
    stack = surroundings.stack
    addresses = {"API": stack.api, "Temporal": stack.temporal and f"//{stack.temporal}", "Temporal UI": stack.temporal_ui}
    found = {purpose: urlsplit(address).port for purpose, address in addresses.items() if address}
    return [_report.ok(f"port {number}", f"ours, for {purpose}") for purpose, number in found.items()]


async def _port(port: _Port, surroundings: Surroundings, left_running: set[int]) -> Finding:
    # A taken port is no fault if its holder is left over from our own stack (the next start stops it), or is Tenure's API that
    # was started by itself; another Tenure's API is only a warning.
    name = f"port {port.number}"
    if port.number == 0:
        return _report.ok(f"port of {port.purpose}", "any free one")
    try:
        await asyncio.to_thread(claim, {port.purpose: (port.host, port.number, port.setting)})
    except PortTaken:
        pass
    else:
        return _report.ok(name, f"free, for {port.purpose}")
    pid, holder = await asyncio.to_thread(_holder, port.number)
    if pid in left_running:
        return _report.ok(name, f"{holder}, left by a killed stack; the next start stops it")
    remedy = f"Stop what listens there, or choose another port for {port.purpose} with {port.setting}."
    if port.purpose == "API" and await _is_tenure(f"http://{_reached(port.host)}:{port.number}"):
        if surroundings.embeds_nothing:
            return _report.ok(name, f"Tenure's API ({holder})")
        return _report.warning(name, f"taken by another Tenure ({holder}), so that none can start here", remedy)
    return _report.wrong(name, f"taken by {holder}, and {port.purpose} needs it", remedy)


def _holder(number: int) -> tuple[int | None, str]:
    process = listener_on(number)
    with suppress(psutil.Error):
        if process is not None:
            return process.pid, f"process {process.pid}, {process.name()}"
    return None, "a process that this user may not see"


def _reached(host: str) -> str:
    """Return the address by which this machine reaches a listening host."""
    own = ANY_HOST.get(host, host)
    return f"[{own}]" if ":" in own else own


async def _is_tenure(address: str) -> bool | None:
    """Whether Tenure's API answers at an address; None if there is no answer."""
    host = urlsplit(address).hostname or ""
    try:
        async with httpx.AsyncClient(trust_env=not is_this_machine(host), timeout=HTTP_TIMEOUT) as client:
            response = await client.get(f"{address}/health")
    except (httpx.ProtocolError, httpx.DecodingError):
        return False
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    try:
        return response.is_success and response.json() == {"status": "ok"}
    except ValueError:
        return False
