"""Brings a database to the newest schema: the Alembic chain in `store/migrations`, without an alembic.ini."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from runtime.database import create_engine

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x7465_6E75_7265
"""The advisory lock of whoever migrates: "tenure" in ASCII."""


async def migrate(url: str) -> None:
    """Apply every migration that the database does not have yet, as the person named in `url`; all of them or none.

    Several processes may start at once: one migrates, the others wait and find nothing left to do.
    """
    engine = create_engine(url, pool_size=1, role=None)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(_to_head)
    finally:
        await engine.dispose()


def revisions() -> tuple[str, ...]:
    """The revisions of the schema that this code knows, the newest last."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())[::-1]


def _to_head(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
