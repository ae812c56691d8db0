"""What the routes work with: the database, the ledger, Temporal."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from ledger import Ledger

ANSWER_WITHIN = 5.0
"""Seconds that a caller waits for a workflow; what takes longer is answered 202, and asked for by its address."""


@dataclass(frozen=True)
class Services:
    """`patience`: how many seconds a caller waits for a workflow; `late`: the requests that were answered 202 meanwhile."""

    engine: AsyncEngine
    ledger: Ledger
    temporal: Client
    patience: float = ANSWER_WITHIN
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
