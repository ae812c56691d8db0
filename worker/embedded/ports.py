"""The ports of the embedded stack, checked before any program starts, so that the error for a taken port is clear."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress

import psutil

from worker.embedded.errors import PortTaken


def claim(wanted: Mapping[str, tuple[str, int, str]]) -> dict[str, int]:
    """Check that each port is free, and return the ports by purpose; port 0 means any free one.

    `wanted`: purpose -> (host, port, the setting that changes it). Raises PortTaken.
    """
    found = {}
    with ExitStack() as held:
        for purpose, (host, port, setting) in wanted.items():
            listener = held.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
                listener.listen(1)
            except OSError as error:
                raise PortTaken(
                    f"Port {port} of {host}, where {purpose} should listen, cannot be used: {_holder(port) or error.strerror}.",
                    remedy=f"Stop what listens there, or choose another port with {setting}.",
                ) from error
            found[purpose] = listener.getsockname()[1]
    return found


def listener_on(port: int) -> psutil.Process | None:
    """Return the process that listens on a port; None if there is none or this user may not see it."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and connection.laddr
                and connection.laddr.port == port
                and connection.pid
            ):
                return psutil.Process(connection.pid)
    return None


def _holder(port: int) -> str | None:
    with suppress(psutil.Error):
        process = listener_on(port)
        return f"process {process.pid} ({process.name()}) listens there" if process else None
    return None
