"""A definition that comes in a request's body, as YAML or JSON: read whole, with every fault named."""

from typing import Any

from fastapi import Request

from api.http.errors import BodyTooLarge
from domain.definition.document import Definition
from domain.definition.reading.file import read_definition
from domain.programs.errors import DefinitionFaulty

_LARGEST = 1024 * 1024

BODY = {
    "requestBody": {
        "required": True,
        "description": "The program definition, as YAML or as JSON.",
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/DefinitionWritten"}},
        },
    }
}
"""How OpenAPI describes the body."""


def schemas() -> dict[str, Any]:
    """The definition as it may be written, and its parts, for OpenAPI: numbers may come as numbers, or as texts."""
    made = Definition.model_json_schema(ref_template="#/components/schemas/{model}Written")
    parts = made.pop("$defs", {})
    return {"DefinitionWritten": made} | {f"{name}Written": part for name, part in parts.items()}


async def definition_in(request: Request) -> Definition:
    """The definition in the request's body. Raises DefinitionFaulty with every fault."""
    body = await request.body()
    if len(body) > _LARGEST:
        raise BodyTooLarge(_LARGEST)
    found = read_definition(body)
    if isinstance(found, Definition):
        return found
    raise DefinitionFaulty([fault.model_dump(mode="json") for fault in found])
