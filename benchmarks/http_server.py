"""The API as a process for the benchmarks, with one more route, authenticated and empty: `DATABASE FOLDER [TEMPORAL]`.

The folder has the people file with its key, and the keys that sign decisions; the socket `api.sock` is made there.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Depends
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api.app import create_app
from api.auth.authorization import require
from api.http.dependencies import Services
from domain.identity.person import Person
from ledger import Ledger
from runtime.database import create_engine
from runtime.settings import Settings

SOCKET = "api.sock"


async def main(database: str, folder: str, address: str = "") -> None:
    """Serve until the process is ended; without an address of Temporal, requests must not need Temporal."""
    here = Path(folder)
    engine = create_engine(database, pool_size=20)
    converter = pydantic_data_converter
    temporal = await Client.connect(address or "127.0.0.1:1", lazy=not address, data_converter=converter)
    settings = Settings(
        people_file=here / "people.json",
        development_issuer=True,
        signing_keys_file=here / "signing-keys.json",
        verification_keys_file=here / "verification-keys.json",
    )
    app = create_app(settings, services=Services(engine, Ledger(engine), temporal))

    @app.post("/empty")
    async def empty(person: Annotated[Person, Depends(require("serve members"))]) -> dict[str, str]:
        return {"status": "ok"}

    await uvicorn.Server(
        uvicorn.Config(app, uds=str(here / SOCKET), log_level="warning", access_log=False, server_header=False)
    ).serve()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
