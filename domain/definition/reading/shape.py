"""The faults of single fields of a definition, in plain sentences: keys, types and values out of range."""

import difflib
import types
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from domain.definition.document import Definition
from domain.definition.reading.plain import Finding, Path
from domain.period import Period

_PATTERNS = {
    "^[a-z0-9]": "lower-case letters, digits and hyphens, beginning with a letter or digit, at most 63 in all",
    "^[A-Z]{3}": "a currency code of three capital letters, for instance USD",
    "^[A-Z][A-Z0-9]": "2 to 12 capital letters and digits, beginning with a letter, for instance STARS",
}


def shape_findings(data: Mapping[str, Any]) -> Definition | list[Finding]:
    """The definition from plain data, or every fault of its single fields."""
    try:
        return Definition.model_validate(data)
    except ValidationError as error:
        faults = [each for each in error.errors(include_url=False) if not _only_of_entries(each)]
        return [_finding(data, each) for each in faults]


def _only_of_entries(error: ErrorDetails) -> bool:
    """Whether a list only counts as too short because an entry has a fault, which is reported itself."""
    return error["type"] == "too_short" and bool(error["input"])


def _finding(data: Mapping[str, Any], error: ErrorDetails) -> Finding:
    location = tuple(part for part in error["loc"] if part != "[key]")
    path, annotation = _follow(location)
    problem, remedy = _sentences(error, annotation)
    if error["type"] == "extra_forbidden":
        parent_path, parent = _follow(location[:-1])
        problem, remedy = _unknown_key(str(location[-1]), parent, _at(data, parent_path))
    elif error["loc"][-1] == "[key]":
        problem = f"the key {error['input']!r} is not a name"
    elif error["type"] == "union_tag_invalid":
        path = (*path, "kind")
    return Finding(path, problem, remedy)


def _sentences(error: ErrorDetails, annotation: Any) -> tuple[str, str]:
    kind, context, given = error["type"], error.get("ctx", {}), error.get("input")
    write = f"write {_hint(annotation)}"
    if kind == "missing":
        return "is missing", f"add it: {_hint(annotation)}"
    if kind == "value_error":
        problem, _, remedy = str(context["error"]).partition("; ")
        return ("has no value", write) if given is None else (problem, remedy or write)
    if given is None:
        return "has no value", write
    shown = _shown(given)
    bound = next((str(context[name]) for name in ("ge", "gt", "le", "lt") if name in context), "")
    match kind:
        case "string_pattern_mismatch":
            words = [words for start, words in _PATTERNS.items() if str(context["pattern"]).startswith(start)]
            return f"{shown} is not written as it must be", f"write {words[0]}" if words else write
        case "string_too_short":
            return "is an empty text", write
        case "string_too_long":
            return "is too long a text", f"write at most {context['max_length']} characters"
        case "string_type":
            return f"{shown} is not a text", f'put it in quotes, "{given}"' if _simple(given) else write
        case "greater_than":
            return f"{shown} is not above {bound}", f"write a number above {bound}"
        case "greater_than_equal":
            return f"{shown} is below {bound}", f"write at least {bound}"
        case "less_than" | "less_than_equal":
            return f"{shown} is above {bound}", f"write at most {bound}"
        case "decimal_max_digits" | "decimal_whole_digits":
            return "has too many digits", "write at most 15 digits before the decimal point"
        case "decimal_max_places":
            return f"{shown} has too many decimals", f"write at most {context['decimal_places']} decimals"
        case "literal_error":
            return f"{shown} is not known here", _one_of(given, get_args(_plain(annotation)))
        case "union_tag_invalid":
            tags = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
            return f"kind {_shown(context['tag'])} is not known here", _one_of(context["tag"], tags)
        case "union_tag_not_found":
            return "does not say its kind", "add kind: scenario, kind: prototype, kind: pilot or kind: sign_off"
        case "too_short":
            return "is an empty list", write
        case "too_long":
            return "has too many entries", f"write at most {context['max_length']}"
        case "tuple_type":
            return f"{shown} is not a list", f"write {_hint(annotation)}, each entry on a line that begins with a hyphen"
        case "dict_type" | "model_type" | "model_attributes_type" | "dataclass_type":
            return f"{shown} does not have keys of its own", write
        case _:
            return f"{shown} does not fit here", write


def _unknown_key(key: str, parent: Any, siblings: Any) -> tuple[str, str]:
    fields = parent.model_fields if isinstance(parent, type) and issubclass(parent, BaseModel) else {}
    known = [field.alias or name for name, field in fields.items()]
    free = [name for name in known if not (isinstance(siblings, Mapping) and name in siblings)]
    near = difflib.get_close_matches(key[:60], free, 1) or difflib.get_close_matches(key[:60], known, 1)
    problem = f"{_shown(key)} is not a key here"
    if near:
        return problem, f"write {near[0]}, or take the key away"
    return problem, f"take it away; the keys here are: {', '.join(known)}"


def _one_of(given: Any, allowed: Any) -> str:
    names = [str(each) for each in allowed]
    near = difflib.get_close_matches(str(given)[:60], names, 1)
    if len(names) == 1:
        return f"write {names[0]}"
    return (f"write {near[0]}; all that is known: " if near else "write one of: ") + ", ".join(names)


def _hint(annotation: Any) -> str:
    """The value that fits this type, in words."""
    plain = _plain(annotation)
    origin = get_origin(plain)
    if origin is Literal:
        return " or ".join(str(each) for each in get_args(plain))
    if origin is tuple:
        return "a list with at least one entry"
    if origin is dict:
        return "keys with values"
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        needed = [name for name, field in plain.model_fields.items() if field.is_required()] or list(plain.model_fields)
        return f"the keys {', '.join(needed)}"
    if plain is Period:
        return "an ISO 8601 duration, for instance P30D, P6M or P1Y"
    if plain is Decimal:
        return "a number, for instance 0.5 or 12"
    if plain is int:
        return "a whole number from 1 up"
    return "a text"


def _follow(location: tuple[str | int, ...]) -> tuple[Path, Any]:
    """The path for people (without the tag of a union), and the type at that path."""
    path: list[str | int] = []
    annotation: Any = Definition
    for part in location:
        tagged = _tagged(annotation)
        if len(tagged) > 1 and part in tagged:
            annotation = tagged[str(part)]
            continue
        path.append(part)
        annotation = _step(_plain(annotation), part)
    return tuple(path), annotation


def _step(plain: Any, part: str | int) -> Any:
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        fields = plain.model_fields
        field = fields.get(str(part)) or next((each for each in fields.values() if each.alias == part), None)
        return field.annotation if field else None
    arguments = get_args(plain)
    if get_origin(plain) is tuple:
        return arguments[0]
    if get_origin(plain) is dict:
        return arguments[1]
    return None


def _members(annotation: Any) -> list[Any]:
    """The types that this annotation allows, without None and without the additions of Annotated."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for each in get_args(annotation) if each is not type(None) for member in _members(each)]
    return [annotation]


def _tagged(annotation: Any, tag: str | None = None) -> dict[str, Any]:
    """The types that this annotation allows, by their tag: the value of `kind`, or the keys that they have."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _tagged(inner, next((each.tag for each in more if isinstance(each, Tag)), tag))
    if get_origin(annotation) in (Union, types.UnionType):
        return {name: each for member in get_args(annotation) for name, each in _tagged(member).items()}
    name = tag or _tag(annotation)
    return {name: annotation} if name is not None else {}


def _plain(annotation: Any) -> Any:
    return _members(annotation)[0]


def _tag(member: Any) -> str | None:
    kind = member.model_fields.get("kind") if isinstance(member, type) and issubclass(member, BaseModel) else None
    return get_args(kind.annotation)[0] if kind and get_origin(kind.annotation) is Literal else None


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _simple(given: Any) -> bool:
    return isinstance(given, (int, float, Decimal))


def _shown(given: Any) -> str:
    if isinstance(given, Mapping):
        return "a group of keys"
    if isinstance(given, (list, tuple)):
        return "a list"
    text = str(given).lower() if isinstance(given, bool) else str(given)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
