"""The API as a process for the benchmark, with one more route, authenticated and empty: `DATABASE PEOPLE SOCKET`."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Depends
from temporalio.client import Client

from api.app import create_app
from api.people import may
from api.services import Services
from domain.gates import Person
from ledger import Ledger
from runtime.database import create_engine
from runtime.settings import Settings


async def main(database: str, people: str, socket: str) -> None:
    """Serve until the process is ended. What is measured here never asks Temporal, so nobody connects to it."""
    engine = create_engine(database, pool_size=20)
    temporal = await Client.connect("127.0.0.1:1", lazy=True)
    app = create_app(
        Settings(people_file=Path(people), development_issuer=True), services=Services(engine, Ledger(engine), temporal)
    )

    @app.post("/empty")
    async def empty(person: Annotated[Person, Depends(may("serve members"))]) -> dict[str, str]:
        return {"status": "ok"}

    await uvicorn.Server(uvicorn.Config(app, uds=socket, log_level="warning", access_log=False, server_header=False)).serve()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
