"""The input of the probes: the settings, the environment, and the state that the embedded stack last wrote."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runtime.settings import Settings
from worker.embedded.home import Home, running_process
from worker.embedded.stack import EXTERNAL_TEMPORAL

START = "start it with `make up`"


@dataclass(frozen=True)
class EmbeddedStack:
    """The stack of one data folder, read from its state file there; `pid` is None if no stack runs."""

    pid: int | None = None
    api: str | None = None
    temporal: str | None = None
    temporal_ui: str | None = None
    database: str | None = None
    children: Mapping[str, int | None] = field(default_factory=dict)
    """The stack's programs: name -> process id, None for one that has ended."""

    @property
    def runs(self) -> bool:
        return self.pid is not None

    @classmethod
    def read(cls, folder: Path) -> "EmbeddedStack":
        """Read the state of the stack with its data in `folder`: it may run, or have left programs running."""
        state = Home(folder).read()
        supervisor = running_process(state)
        written = state.get("children")
        children = {name: running_process(child) for name, child in written.items()} if isinstance(written, dict) else {}
        addresses = {name: state.get(name) for name in ("api", "temporal", "temporal_ui", "database")} if supervisor else {}
        return cls(
            pid=supervisor.pid if supervisor else None,
            children={name: child.pid if child else None for name, child in children.items()},
            **addresses,
        )


@dataclass(frozen=True)
class Surroundings:
    """The facts that one examination starts from."""

    settings: Settings
    stack: EmbeddedStack
    external_temporal: bool
    """Whether the environment names a Temporal service elsewhere."""

    @property
    def database_url(self) -> str | None:
        """The database of the settings, else the running stack's."""
        return self.settings.database_url or self.stack.database

    @property
    def embeds_nothing(self) -> bool:
        """Whether both servers are elsewhere, so that worker and API are started one by one."""
        return self.external_temporal and self.settings.database_url is not None

    @classmethod
    def of(cls, settings: Settings) -> "Surroundings":
        """Read the stack's file and the environment."""
        external = any(os.environ.get(name) for name in EXTERNAL_TEMPORAL)
        return cls(settings=settings, stack=EmbeddedStack.read(settings.home), external_temporal=external)
