"""What the routes work with: the database, the ledger, Temporal."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from ledger import Ledger


@dataclass(frozen=True)
class Services:
    engine: AsyncEngine
    ledger: Ledger
    temporal: Client


async def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


WithServices = Annotated[Services, Depends(services)]
