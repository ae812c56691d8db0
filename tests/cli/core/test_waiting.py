"""How a command waits: it reads until it is over, and gives up when the time is up."""

from itertools import count

import pytest

from cli.core import waiting
from cli.core.waiting import wait_until


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def test_what_is_over_is_not_read_again(clock: Clock) -> None:
    assert wait_until("done", lambda found: found == "done", lambda _: pytest.fail("read again"), 30.0) == "done"
    assert clock.slept == 0


def test_what_is_not_over_is_read_again_until_it_is(clock: Clock) -> None:
    numbers = count(1)
    assert wait_until(0, lambda found: found == 3, lambda _: next(numbers), 30.0) == 3
    assert clock.slept == 3


def test_when_the_time_is_up_what_was_read_last_is_the_answer(clock: Clock) -> None:
    numbers = count(1)
    found = wait_until(0, lambda _: False, lambda _: next(numbers), 2.0)
    assert (found, clock.now) == (clock.slept, 1002.0)
