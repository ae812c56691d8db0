"""What the routes work with: the database, the ledger, Temporal."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from ledger import Ledger
from runtime.settings import ANSWER_WITHIN


@dataclass(frozen=True)
class Services:
    """What the routes share.

    `wait_timeout`: how many seconds a request waits for a workflow (the setting `answer_within`) before it is answered 202;
    `late`: the requests that were answered so, and are still under way.
    """

    engine: AsyncEngine
    ledger: Ledger
    temporal: Client
    wait_timeout: float = ANSWER_WITHIN
    late: set[asyncio.Task[Any]] = field(default_factory=set)

    async def leave_late(self) -> None:
        """Give up what is still waited for: its workflows go on, and a repetition of the request finds them."""
        for task in self.late:
            task.cancel()
        await asyncio.gather(*self.late, return_exceptions=True)


async def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


WithServices = Annotated[Services, Depends(services)]
