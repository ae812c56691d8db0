"""The reference of the definition language, made from its models: a page for people, a JSON Schema for editors."""

import json
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from domain.definition.document import Definition
from domain.period import Period
from domain.window import Cycle, Moment, Window

_HEAD = """\
# The definition language

A program definition is one YAML file. This page is made from the models in `domain/definition/` by `make reference`; editors
that read `definition.schema.json` (the first line of each file in `examples/` names it) complete and check the same keys.
`tenure definition check FILE` names every fault with its line, `explain FILE` tells it in words, `diff A B` what changes.

Periods are ISO 8601 durations (`P30D`, `P6M`, `P1Y`). A window is a period (the last so long), `year_from: 04-01`, `every: P3M`
with `from: 2026-01-01`, `anniversary` or `lifetime`; a cycle is `day`, `month`, `quarter`, `year`, or `every` with `from`. Days
are written `2026-03-10` and begin in the program's zone. Ids are lower-case letters, digits and hyphens. Points are whole
numbers; money is written in its unit. A field that says *kept and shown* is not acted upon yet.
"""
_NAMED = {
    Period: "period",
    Window: "window",
    Cycle: "cycle",
    Moment: "day",
    str: "text",
    int: "whole number",
    bool: "true or false",
}


def page() -> str:
    """The reference page, in Markdown."""
    return _HEAD + "".join(map(_section, parts()))


def parts() -> tuple[type[BaseModel], ...]:
    """Every model of the language, the definition first."""
    return tuple(dict.fromkeys(_parts(Definition)))


def schema() -> str:
    """The JSON Schema, as a file's text."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Definition.model_json_schema()
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _section(part: type[BaseModel]) -> str:
    title = "A definition" if part is Definition else part.__name__
    doc = " ".join((part.__doc__ or "").split())
    rows = "".join(_row(name, field) for name, field in part.model_fields.items())
    return f"\n## {title}\n\n{doc}\n\n| key | is | default | meaning |\n| --- | --- | --- | --- |\n{rows}"


def _row(name: str, field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{field.alias or name}` | {_kind(field.annotation)} | {_default(field)} | {meaning} |\n"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "*needed*"
    if field.default in (None, (), {}) or isinstance(field.default, BaseModel):
        return ""
    shown = field.default.written() if isinstance(field.default, Window) else field.default
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def _kind(annotation: Any) -> str:
    """The value that fits this type, in a word or two."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in get_args(annotation))
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(each) for each in get_args(annotation) if each is not type(None)))
    if origin is tuple:
        return f"list of {_kind(get_args(annotation)[0])}"
    if origin is dict:
        return f"{_kind(get_args(annotation)[1])} by name"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _NAMED.get(annotation, "number")


def _parts(part: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield part
    for field in part.model_fields.values():
        for inner in _models(field.annotation):
            if inner is not part:
                yield from _parts(inner)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)
