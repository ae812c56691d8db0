"""A person whom the API has recognised."""

from domain.identity.roles import Role
from domain.model import Message


class Person(Message):
    """A person whom the API has recognised, with their roles; the name of the person stays in the store."""

    id: str
    roles: tuple[Role, ...]
