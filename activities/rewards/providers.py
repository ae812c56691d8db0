"""Who hands out rewards: codes from stock, or a company's own HTTP service.

Each provider is asked under the redemption's id, however often: the same id gets the same reward.
"""

from typing import Literal, Protocol

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.definition.rewards import HttpFulfilment, Reward, VoucherFulfilment
from domain.model import Message
from store.rewards import redemptions

_ANSWER_WITHIN = 5.0
"""Seconds for one answer of an HTTP provider; a slower one is asked again, under the same id."""

_ASK_AGAIN = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)


class Order(Message):
    """A reward to be handed out for a redemption."""

    redemption: str
    program: str
    participant: str
    reward: Reward


class Fulfilment(Message):
    """What a provider says: handed out, with its own reference (a code, an order number), or refused, with why."""

    outcome: Literal["delivered", "refused"]
    reference: str = ""
    why: str = ""


class ProviderUnclear(Exception):
    """The provider did not answer, or not in a way that says whether the reward was handed out."""


class RewardProvider(Protocol):
    """Hands out rewards, and takes one back of which nobody knows whether it was handed out."""

    async def fulfil(self, order: Order) -> Fulfilment:
        """Hand out the reward, once per redemption. Raises ProviderUnclear where asking again is the only way to know."""
        ...

    async def cancel(self, order: Order) -> Fulfilment:
        """Make sure that nothing is handed out; `delivered` where it has been and stays so. Raises ProviderUnclear."""
        ...


class VoucherStock:
    """One code of the reward's stock per redemption."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def fulfil(self, order: Order) -> Fulfilment:
        async with self._engine.begin() as connection:
            code = await redemptions.take_code(connection, order.program, order.reward.id, order.redemption)
        if code is None:
            return Fulfilment(outcome="refused", why="The reward is out of stock.")
        return Fulfilment(outcome="delivered", reference=code)

    async def cancel(self, order: Order) -> Fulfilment:
        async with self._engine.begin() as connection:
            await redemptions.return_code(connection, order.redemption)
        return Fulfilment(outcome="refused", why="cancelled")


class HttpProvider:
    """A company's own service: PUT {address}/{redemption} hands out, DELETE takes back; both may be repeated.

    It answers 200 or 201 with {"reference": …}, or 4xx with {"why": …} where it refuses. DELETE answers 200, 204 or 404 where
    nothing is handed out, and 409 with {"reference": …} where that cannot be undone. Anything else is asked again.
    """

    def __init__(self, http: httpx.AsyncClient, address: str) -> None:
        self._http = http
        self._address = address.rstrip("/")

    async def fulfil(self, order: Order) -> Fulfilment:
        body = {"program": order.program, "participant": order.participant, "reward": order.reward.id}
        response = await self._sent("PUT", order, body)
        if response.status_code in (httpx.codes.OK, httpx.codes.CREATED):
            return Fulfilment(outcome="delivered", reference=_said(response, "reference"))
        if response.is_client_error and response.status_code not in (
            httpx.codes.REQUEST_TIMEOUT,
            httpx.codes.TOO_MANY_REQUESTS,
        ):
            return Fulfilment(outcome="refused", why=_said(response, "why") or f"The provider answered {response.status_code}.")
        raise ProviderUnclear(f"the provider answered {response.status_code}")

    async def cancel(self, order: Order) -> Fulfilment:
        response = await self._sent("DELETE", order, None)
        if response.status_code == httpx.codes.CONFLICT:
            return Fulfilment(outcome="delivered", reference=_said(response, "reference"))
        if response.is_success or response.status_code == httpx.codes.NOT_FOUND:
            return Fulfilment(outcome="refused", why="cancelled")
        raise ProviderUnclear(f"the provider answered {response.status_code}")

    async def _sent(self, method: str, order: Order, body: dict[str, str] | None) -> httpx.Response:
        try:
            return await self._http.request(method, f"{self._address}/{order.redemption}", json=body, timeout=_ANSWER_WITHIN)
        except httpx.HTTPError as error:
            raise ProviderUnclear(f"the provider did not answer: {type(error).__name__}") from error


class RewardProviders:
    """The provider of each reward, as its definition says."""

    def __init__(self, engine: AsyncEngine, http: httpx.AsyncClient) -> None:
        self._engine = engine
        self._http = http

    def of(self, reward: Reward) -> RewardProvider:
        """Raises ValueError for a reward that is given at the till, which nobody has to be asked for."""
        match reward.fulfilment:
            case VoucherFulfilment():
                return VoucherStock(self._engine)
            case HttpFulfilment(address=address):
                return HttpProvider(self._http, address)
            case _:
                raise ValueError(f"The reward {reward.id} is given at the till.")


def _said(response: httpx.Response, field: str) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body.get(field, "")) if isinstance(body, dict) else ""
