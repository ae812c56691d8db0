"""The demo's shop: enrols customers as waves open, posts purchases as they fall due, redeems, lets members leave.

Purchases are those of the log. Redemptions and departures are not in the log: they follow the simple rules below.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from typing import Any

import httpx

from cli.acceptance.purchases import Purchase
from cli.demo.api import DemoApi, DemoFailed
from cli.demo.timeline import Timeline
from domain.members.errors import MemberGone, MemberThen, MemberUnknown, NotCompared
from domain.points.errors import EarningClosed, LateFilesClosed, OutOfTime

_SHOP = "demo-shop"
_AT_ONCE = 12
_REDEEMS_ONE_IN = 2
"""A member redeems on one in this many occasions with enough points."""
_LEAVES_ONE_IN = 30
"""One in this many members leaves after their third purchase."""
_PURCHASES_BEFORE_LEAVING = 3
_GOES_ON = {
    kind.code for kind in (EarningClosed, LateFilesClosed, OutOfTime, MemberGone, MemberUnknown, NotCompared, MemberThen)
}
"""Valid reasons why a purchase does not count: too late, before joining or being held out, or after leaving."""


class Shop:
    """Calls the API like the shop's member service."""

    def __init__(self, api: DemoApi, timeline: Timeline, program: dict[str, Any], customers: Iterable[str]) -> None:
        """`program` is the submitted definition."""
        self._api = api
        self._timeline = timeline
        self._program: str = program["program"]
        self._agreement: str = program["agreement"]["version"]
        self._event: str = program["earning"][0]["event"]
        self._rewards = sorted((reward["points"], reward["id"]) for reward in program["rewards"] if not reward.get("from_tier"))
        self._waiting = list(customers)
        self._desks = asyncio.Semaphore(_AT_ONCE)
        self._tills = asyncio.Semaphore(_AT_ONCE)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.members: set[str] = set()
        self._outside: set[str] = set()
        """Customers who are held out or have left: their purchases are posted too, for the comparison."""
        self.counts: Counter[str] = Counter()
        """The numbers of results: posted, not counted, redeemed, left, held out."""

    async def enrol_open_wave(self) -> int:
        """Enrol all customers of the open waves, with `_AT_ONCE` requests at a time; return the number who joined."""
        before = len(self.members)
        still_waiting: list[str] = []

        async def enrol(customer: str) -> None:
            body = {"participant": customer, "agreement": self._agreement}
            async with self._desks:
                response = await self._api.try_post(
                    _SHOP, f"/programs/{self._program}/members", body, key=f"{self._program}-enrol-{customer}"
                )
            if response.status_code == httpx.codes.CREATED:
                self.members.add(customer)
            elif response.json().get("code") == "held_out":
                self._outside.add(customer)
                self.counts["held out"] += 1
            else:
                still_waiting.append(customer)

        await asyncio.gather(*(enrol(customer) for customer in self._waiting))
        self._waiting = still_waiting
        return len(self.members) - before

    async def post_as_due(self, purchases: Iterable[Purchase]) -> None:
        """Post each purchase when it falls due, those of one member in order, with redemptions and departures."""
        async with asyncio.TaskGroup() as tasks:
            for number, purchase in enumerate(purchases):
                if (wait := self._timeline.until(purchase.at)) > 0:
                    await asyncio.sleep(wait)
                if purchase.customer in self.members | self._outside:
                    tasks.create_task(self._in_turn(purchase.customer, self._serve, purchase, number))

    async def redeem_before_the_end(self) -> None:
        """In the redeem-only time, half of the members redeem once more."""
        async with asyncio.TaskGroup() as tasks:
            for customer in sorted(self.members):
                if _chance(customer, "end", _REDEEMS_ONE_IN):
                    tasks.create_task(self._in_turn(customer, self._redeem_what_is_left, customer))

    async def _in_turn(self, customer: str, act: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        async with self._turns[customer], self._tills:
            await act(*arguments)

    async def _serve(self, purchase: Purchase, number: int) -> None:
        customer, key = purchase.customer, f"{self._program}-purchase-{number}"
        body = {
            "type": self._event,
            "occurred_at": self._timeline.real(purchase.at).isoformat(),
            "amount": str(purchase.amount),
        }
        if customer in self._outside:
            event = body | {"key": key, "participant": customer}
            answer = await self._api.post(_SHOP, f"/programs/{self._program}/outside-events", {"events": [event]})
            _check_taken(answer["results"][0])
            return
        response = await self._api.try_post(_SHOP, self._path(customer, "events"), body, key=key)
        if response.is_error:
            if response.json().get("code") not in _GOES_ON:
                response.raise_for_status()
            self.counts["not counted"] += 1
            return
        self.counts["posted"] += 1
        self.counts[f"bought {customer}"] += 1
        if _chance(customer, str(number), _REDEEMS_ONE_IN):
            await self._redeem(customer, response.json()["balance"], f"{self._program}-redeem-{number}")
        if self.counts[f"bought {customer}"] == _PURCHASES_BEFORE_LEAVING and _chance(customer, "leaves", _LEAVES_ONE_IN):
            await self._leave(customer)

    async def _redeem_what_is_left(self, customer: str) -> None:
        balance = await self._api.get(_SHOP, self._path(customer, "balance"))
        await self._redeem(customer, balance["available"], f"{self._program}-redeem-end-{customer}")

    async def _redeem(self, customer: str, balance: int, key: str) -> None:
        """Redeem the most expensive reward that the balance buys."""
        affordable = [reward for points, reward in self._rewards if points <= balance]
        if not affordable:
            return
        response = await self._api.try_post(_SHOP, self._path(customer, "redemptions"), {"reward": affordable[-1]}, key=key)
        self.counts["redeemed" if response.is_success else "not redeemed"] += 1

    async def _leave(self, customer: str) -> None:
        response = await self._api.try_post(
            _SHOP, self._path(customer, "departure"), {"reason": "moves away"}, key=f"{self._program}-leave-{customer}"
        )
        if response.is_success:
            self.members.discard(customer)
            self._outside.add(customer)
            self.counts["left"] += 1

    def _path(self, customer: str, what: str) -> str:
        return f"/programs/{self._program}/members/{customer}/{what}"


def _check_taken(result: dict[str, Any]) -> None:
    """Raise DemoFailed if an outside event was refused for a reason that is not valid."""
    problem = result.get("problem")
    if problem is not None and problem["code"] not in _GOES_ON:
        raise DemoFailed(problem["detail"], remedy=problem["remedy"])


def _chance(customer: str, occasion: str, one_in: int) -> bool:
    """True for one in `one_in`, by hash: the same at every run."""
    return int.from_bytes(sha256(f"{customer}/{occasion}".encode()).digest()[:4]) % one_in == 0
