"""The coalescer in front of earning: waiting requests go out as one statement, and a single request goes out at once."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from domain.errors import TenureError
from ledger.requests import Earn, PostingResult

Post = Callable[[Sequence[Earn]], Awaitable[list[PostingResult | TenureError]]]

_MOST = 500
"""Requests in one statement; more gain little, and lock their accounts longer."""
_AT_ONCE = 2
"""Statements under way: while one waits for the disk, another is composed."""


class Coalescer:
    """Gathers the requests of concurrent callers, delaying none: a batch holds those that came while others were under way."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._waiting: deque[tuple[Earn, asyncio.Future[PostingResult | TenureError]]] = deque()
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop itself keeps no task alive

    async def earn(self, request: Earn) -> PostingResult:
        """Post the request and return its answer. Raises the errors of a single request. A cancelled caller harms no other."""
        answered: asyncio.Future[PostingResult | TenureError] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answered))
        if self._under_way < _AT_ONCE:
            self._under_way += 1
            task = asyncio.create_task(self._post_what_waits())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        answer = await answered
        if isinstance(answer, TenureError):
            raise answer
        return answer

    async def _post_what_waits(self) -> None:
        """Post batch by batch until nothing waits. No other task runs between the last check and the end, so none is missed."""
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST))]
                try:
                    answers = await self._post([request for request, _ in batch])
                except Exception as error:
                    self._fail(batch, error)
                    continue
                for (_, answered), answer in zip(batch, answers, strict=True):
                    if not answered.done():
                        answered.set_result(answer)
        finally:
            self._under_way -= 1

    def _fail(self, batch: Sequence[tuple[Earn, asyncio.Future[PostingResult | TenureError]]], error: Exception) -> None:
        """Raise an error of the whole batch, as a lost database, in each caller: none knows whether its request was posted."""
        for _, answered in batch:
            if not answered.done():
                answered.set_exception(error)
