"""How a command waits for what takes its time: it reads again and again, until it is over or the time is up."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
_READ_AGAIN_SECONDS = 0.5


def wait_until(found: Found, is_over: Callable[[Found], bool], read_again: Callable[[Found], Found], seconds: float) -> Found:
    """What was read last: what is over, or what was not over yet after so many seconds."""
    until = time.monotonic() + seconds
    while not is_over(found) and time.monotonic() < until:
        time.sleep(_READ_AGAIN_SECONDS)
        found = read_again(found)
    return found
