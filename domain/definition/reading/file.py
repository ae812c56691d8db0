"""The definition file: reads YAML text into a definition, or finds every fault with its line and its remedy."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import (
    AliasToken,
    BlockEndToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
)

from domain.definition.document import Definition
from domain.definition.reading.checks import findings
from domain.definition.reading.plain import Finding, Path
from domain.definition.reading.shape import shape_findings
from domain.model import Value

LONGEST_TEXT = 250_000
"""Characters; a usual definition has a few thousand."""
_DEEPEST = 40
"""Levels of nested groups and lists; a usual definition has about ten."""
_TAG = "tag:yaml.org,2002:"
_OPENING = (BlockMappingStartToken, BlockSequenceStartToken, FlowMappingStartToken, FlowSequenceStartToken)
_CLOSING = (BlockEndToken, FlowMappingEndToken, FlowSequenceEndToken)


class Fault(Value):
    """A fault of a definition: its place, the problem, and its remedy.

    Lines count from 1 (None without a text); a path is like `tiers[1].reach.all[0].counter`.
    """

    line: int | None
    path: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = f"line {self.line}, {self.path}" if self.line is not None else self.path
        return f"{place}: {self.problem}; {self.remedy}."


def read_definition(text: str | bytes) -> Definition | tuple[Fault, ...]:
    """Read a definition from YAML; bytes must be UTF-8.

    Return all faults together, in the order of the lines; for text that is not YAML, only the first.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            return (_whole(line, "this is not text in UTF-8", "save the file as plain text in UTF-8"),)
    text = text.removeprefix("\ufeff")
    if len(text) > LONGEST_TEXT:
        return (_whole(1, f"the text has more than {LONGEST_TEXT} characters", "write the definition alone into the file"),)
    try:
        if unread := _unread(text):
            return unread
        root = _yaml().compose(text)
    except YAMLError as error:
        return (_syntax_fault(text, error),)
    if not isinstance(root, MappingNode):
        return (_wrong_top(root),)
    tree = _Tree(root)
    shape = shape_findings(tree.data)
    alone = shape if isinstance(shape, list) else []
    lines = {each.path for each in alone}
    found = alone + [each for each in findings(tree.data) if each.path not in lines]
    faults = {*tree.faults, *(_fault(each, tree.line(each.path)) for each in found)}
    if not faults and isinstance(shape, Definition):
        return shape
    return tuple(sorted(faults, key=lambda fault: (fault.line or 0, fault.path, fault.problem)))


def cross_check(definition: Definition) -> tuple[Fault, ...]:
    """The faults across fields of a definition that did not come from a file; they have no lines."""
    found = findings(definition.model_dump())
    return tuple(_fault(each, None) for each in found)


class _Tree:
    """The plain data of a YAML document, the line of each part, and the faults of the YAML itself."""

    def __init__(self, root: MappingNode) -> None:
        self.faults: list[Fault] = []
        self._lines: dict[Path, int] = {(): root.start_mark.line + 1}
        self.data: dict[str, Any] = self._mapping(root, ())

    def line(self, path: Path) -> int:
        """The line of the key or entry at the path, or of the nearest part that contains it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _value(self, node: Node, path: Path) -> Any:
        tag = str(node.tag).removeprefix(_TAG)
        if isinstance(node, MappingNode) and tag == "map":
            return self._mapping(node, path)
        if isinstance(node, SequenceNode) and tag == "seq":
            return self._sequence(node, path)
        if isinstance(node, ScalarNode) and tag in _SCALARS:
            return _SCALARS[tag](node.value)
        self._note(node, path, f"tags ({tag}) are not read", "take the tag away")
        return None

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else None
            if key is None:
                self._note(key_node, path, "a key here is itself a list or a group", "write a plain word as the key")
            elif key in data:
                first = self._lines[(*path, key)]
                self._note(key_node, (*path, key), f"is written twice, first on line {first}", "keep one of the two")
            else:
                self._lines[(*path, key)] = key_node.start_mark.line + 1
                data[key] = self._value(value_node, (*path, key))
        return data

    def _sequence(self, node: SequenceNode, path: Path) -> list[Any]:
        items = []
        for number, item in enumerate(node.value):
            self._lines[(*path, number)] = item.start_mark.line + 1
            items.append(self._value(item, (*path, number)))
        return items

    def _note(self, node: Node, path: Path, problem: str, remedy: str) -> None:
        self.faults.append(_fault(Finding(path, problem, remedy), node.start_mark.line + 1))


def _unread(text: str) -> tuple[Fault, ...]:
    """Find YAML that could grow without bound, aliases and depth, before anything is built from the text."""
    depth = 0
    aliases = []
    for token in _yaml().scan(text):
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        line = token.start_mark.line + 1
        if depth > _DEEPEST:
            return (_whole(line, "the text is nested too deeply", "write a definition as in the folder examples"),)
        if isinstance(token, AliasToken):
            aliases.append(_whole(line, "aliases (*name) are not read", "write out what it stands for"))
    return tuple(aliases)


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)


def _integer(text: str) -> int | str:
    plain = text.replace("_", "")
    try:
        return int(plain) if len(plain) < 100 else text
    except ValueError:
        return int(plain, 0)


def _decimal(text: str) -> Decimal | str:
    try:
        return Decimal(text.replace("_", ""))  # not through a binary float: 0.1 stays 0.1
    except InvalidOperation:
        return text


_SCALARS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "timestamp": str,
    "merge": str,
    "int": _integer,
    "float": _decimal,
    "bool": lambda text: text.lower() == "true",
    "null": lambda text: None,
}


def _path(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "definition"


def _fault(finding: Finding, line: int | None) -> Fault:
    return Fault(line=line, path=_path(finding.path), problem=finding.problem, remedy=finding.remedy)


def _whole(line: int, problem: str, remedy: str) -> Fault:
    return Fault(line=line, path="definition", problem=problem, remedy=remedy)


def _wrong_top(root: Node | None) -> Fault:
    if root is None or (isinstance(root, ScalarNode) and root.value == ""):
        return _whole(1, "the file is empty", "write a definition; the folder examples has some to begin with")
    what = "a list" if isinstance(root, SequenceNode) else "a single value"
    return _whole(root.start_mark.line + 1, f"the file is {what}", "write keys with values, beginning with format: tenure/1")


def _syntax_fault(text: str, error: YAMLError) -> Fault:
    if isinstance(error, ReaderError):
        line = text[: error.position].count("\n") + 1
        return _whole(line, "this is not text: it holds a control character", "save the file as plain text in UTF-8")
    if not isinstance(error, MarkedYAMLError):
        return _whole(1, "this is no YAML", "write keys and values as in the folder examples")
    mark = error.problem_mark or error.context_mark
    if error.context_mark and "quoted scalar" in str(error.context):
        mark = error.context_mark  # a quotation mark that is never closed runs to the end of the file
    line = mark.line + 1 if mark else 1
    problem = re.sub(r"\s+", " ", ", ".join(part for part in (error.context, error.problem) if part))
    if error.context_mark and error.context_mark.line + 1 != line:
        problem += f" (it began on line {error.context_mark.line + 1})"
    return _whole(line, f"this is no YAML: {problem}", _syntax_remedy(problem))


def _syntax_remedy(problem: str) -> str:
    if "\\t" in problem:
        return "indent with blanks, not with tabs"
    if "mapping values" in problem:
        return "put a text with a colon in quotes, and give the keys of one group the same indent"
    if "another document" in problem:
        return "write one definition in each file, without --- between parts"
    if "quoted scalar" in problem:
        return "close the quotation mark"
    if "flow" in problem:
        return "close the bracket"
    return "check the indent and the punctuation of this line and the one above it"
