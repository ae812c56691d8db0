"""How often somebody may ask for what is expensive, and how often an address may show tokens that are none; per process."""

from collections.abc import Mapping
from math import ceil
from typing import Literal

from fastapi import FastAPI, Request
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from api.http.errors_identity import TooManyRequests
from api.http.problems import ProblemResponse, problem
from runtime.settings import Settings

Expensive = Literal["prototypes", "evaluations", "ledger", "audit", "events", "failed_tokens"]

_WHAT: Mapping[Expensive, str] = {
    "prototypes": "prototypes of one person",
    "evaluations": "evaluations asked for by one person",
    "ledger": "checks of the ledger by one person",
    "audit": "verifications and exports of the audit trail by one person",
    "events": "events in batches of one person",
    "failed_tokens": "tokens and keys from one address that are none",
}


class Rates:
    """Counts in a window that slides: as much as the rate says in any span of its length."""

    def __init__(self, settings: Settings) -> None:
        self._rates: dict[Expensive, RateLimitItem] = {
            "prototypes": parse(settings.rate_prototypes),
            "evaluations": parse(settings.rate_evaluations),
            "ledger": parse(settings.rate_ledger),
            "audit": parse(settings.rate_audit),
            "events": parse(settings.rate_events),
            "failed_tokens": parse(settings.rate_failed_tokens),
        }
        self._storage = MemoryStorage()
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

    async def spend(self, what: Expensive, who: str, cost: int = 1) -> None:
        """Count something that is asked for. Raises TooManyRequests, which counts nothing."""
        rate = self._rates[what]
        cost = min(cost, rate.amount)  # what is larger than the whole rate takes all of it
        if not await self._limiter.hit(rate, what, who, cost=cost):
            raise await self._refusal(what, who, cost)

    async def check(self, what: Expensive, who: str) -> None:
        """Raise TooManyRequests where nothing is left; counts nothing."""
        if not await self._limiter.test(self._rates[what], what, who):
            raise await self._refusal(what, who, 1)

    async def note(self, what: Expensive, who: str) -> None:
        """Count what has happened anyway."""
        await self._limiter.hit(self._rates[what], what, who)

    async def _refusal(self, what: Expensive, who: str, cost: int) -> TooManyRequests:
        rate = self._rates[what]
        window = rate.get_expiry()
        before, before_lasts, here, here_lasts = await self._storage.get_sliding_window(rate.key_for(what, who), window)
        seconds = until_free(before, before_lasts, here, here_lasts - window, rate.amount - cost, window)
        return TooManyRequests(_WHAT[what], str(rate), max(1, ceil(seconds)))


def until_free(before: int, before_lasts: float, here: int, here_turns: float, room: int, window: float) -> float:
    """Seconds until no more than `room` counts in the sliding window.

    Of the `before` counted in the last fixed window the share counts that the sliding one still covers (for `before_lasts`
    seconds); those counted `here` count whole until this window turns in `here_turns` seconds, and fade in the one after it.
    """
    if here <= room:
        faded = before_lasts - (room - here) * window / before if before else 0.0
        return max(0.0, min(faded, here_turns))
    return here_turns + window * (1 - room / here)


async def rates_of(request: Request) -> Rates:
    """The counts of this process, for routes."""
    rates: Rates = request.app.state.rates
    return rates


def install(app: FastAPI) -> None:
    """Have what is asked for too often answered with when to come back."""

    @app.exception_handler(TooManyRequests)
    async def _too_many(request: Request, error: TooManyRequests) -> ProblemResponse:
        return problem(error, {"Retry-After": str(error.retry_after)})
