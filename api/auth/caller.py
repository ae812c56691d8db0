"""Who asks, as the API has recognised them: a person by a token, a machine by an API key."""

from dataclasses import dataclass

from domain.identity.person import Person
from domain.identity.roles import Roles

MACHINE = "key:"
"""How the ids of machines begin; no person's does."""


@dataclass(frozen=True)
class Principal:
    """A person or a machine, with their roles everywhere and for single programs."""

    id: str
    roles: Roles
    name: str | None = None
    email: str | None = None

    @property
    def is_machine(self) -> bool:
        return self.id.startswith(MACHINE)

    def sees(self, program: str) -> bool:
        """Whether anything of this program may be shown to them, or said of it."""
        return bool(self.roles.of(program))

    @property
    def programs(self) -> frozenset[str] | None:
        """The programs that they see; None: every one."""
        return None if self.roles.everywhere else frozenset(self.roles.by_program)

    def in_program(self, program: str) -> Person:
        """The person as a gate of this program sees them: with the roles that hold there."""
        return Person(id=self.id, roles=self.roles.of(program))
