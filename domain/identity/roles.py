"""Roles, for every program or for one program alone; written as `finance` and as `finance@cd-club`."""

from collections.abc import Iterable
from typing import Literal, get_args

from domain.ids import ProgramId, is_program_id
from domain.model import Message

Role = Literal["product_owner", "finance", "legal", "marketing", "operations", "member_service", "analyst", "operator"]

_KNOWN: frozenset[str] = frozenset(get_args(Role))


class Roles(Message):
    """The roles of one person, each for every program or for one program alone."""

    everywhere: tuple[Role, ...] = ()
    by_program: dict[ProgramId, tuple[Role, ...]] = {}

    @classmethod
    def read(cls, entries: Iterable[str]) -> "Roles":
        """Read roles from their written form. Raises ValueError, which names the first entry that is no role."""
        everywhere: set[Role] = set()
        by_program: dict[str, set[Role]] = {}
        for entry in entries:
            name, at, program = entry.partition("@")
            role = _role(name)
            if role is None:
                raise ValueError(f"{entry[:100]!r} names no role; the roles are {', '.join(sorted(_KNOWN))}")
            if not at:
                everywhere.add(role)
            elif is_program_id(program):
                by_program.setdefault(program, set()).add(role)
            else:
                raise ValueError(f"{entry[:100]!r} names no program; write for instance {name}@cd-club")
        return cls(
            everywhere=tuple(sorted(everywhere)),
            by_program={program: tuple(sorted(roles)) for program, roles in sorted(by_program.items())},
        )

    @classmethod
    def known_of(cls, entries: Iterable[object]) -> "Roles":
        """Read the roles in a list that also has other entries, as an identity provider's list often has."""
        return cls.read(entry for entry in entries if isinstance(entry, str) and is_entry(entry))

    @property
    def entries(self) -> list[str]:
        """The roles in their written form, those for every program first."""
        return [
            *self.everywhere,
            *(f"{role}@{program}" for program, roles in self.by_program.items() for role in roles),
        ]

    @property
    def anywhere(self) -> frozenset[Role]:
        """Every role that holds for at least one program."""
        return frozenset(self.everywhere).union(*self.by_program.values())

    def of(self, program: str) -> tuple[Role, ...]:
        """The roles that hold for this program."""
        here = self.by_program.get(program)
        return self.everywhere if not here else tuple(sorted({*self.everywhere, *here}))


def is_entry(text: str) -> bool:
    """Whether a text is a role in its written form."""
    name, at, program = text.partition("@")
    return name in _KNOWN and (is_program_id(program) if at else True)


def _role(name: str) -> Role | None:
    return next((role for role in get_args(Role) if role == name), None)
