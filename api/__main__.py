"""`python -m api`: the API process."""

import sys

import uvicorn

from api.app import create_app
from domain.errors import TenureError
from runtime.logs import configure_logs
from runtime.settings import settings


def main() -> None:
    configured = settings()
    configure_logs(configured.log_level)
    try:
        app = create_app(configured)
    except TenureError as error:
        sys.exit(str(error))
    uvicorn.run(
        app,
        host=configured.api_host,
        port=configured.api_port,
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
