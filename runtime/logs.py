"""Logs: one line per event on standard error, with the time in UTC."""

import logging
import time


def configure_logs(level: str) -> None:
    """Write the process's logs of at least `level` to standard error."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
