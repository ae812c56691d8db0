"""A definition that comes in a request's body, as YAML or JSON: read whole, with every fault named."""

from fastapi import Request

from api.errors import BodyTooLarge, DefinitionFaulty
from domain.definition import Definition
from domain.definition_file import read_definition

_LARGEST = 1024 * 1024

BODY = {
    "requestBody": {
        "required": True,
        "description": "The program definition, as YAML or as JSON.",
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": Definition.model_json_schema()},
        },
    }
}
"""How OpenAPI describes the body."""


async def definition_in(request: Request) -> Definition:
    """The definition in the request's body. Raises DefinitionFaulty with every fault."""
    body = await request.body()
    if len(body) > _LARGEST:
        raise BodyTooLarge(_LARGEST)
    found = read_definition(body)
    if isinstance(found, Definition):
        return found
    raise DefinitionFaulty([fault.model_dump(mode="json") for fault in found])
