"""The reference and the schema are those of the models, and every key is explained."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from domain.definition.document import Definition
from domain.definition.reference import page, parts, schema

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def test_the_reference_is_not_stale() -> None:
    assert (ROOT / "docs" / "definition.md").read_text() == page(), "run `make reference`"


def test_the_schema_is_not_stale() -> None:
    assert (ROOT / "docs" / "definition.schema.json").read_text() == schema(), "run `make reference`"


def test_every_key_is_explained() -> None:
    unexplained = [
        f"{part.__name__}.{name}" for part in parts() for name, field in part.model_fields.items() if not field.description
    ]
    assert unexplained == []
    assert Definition in parts()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_names_the_schema_and_writes_its_keys_alone(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=../docs/definition.schema.json\n")
    known = json.loads(schema())["properties"]
    assert set(YAML(typ="safe").load(path)) <= set(known)


def test_what_is_not_acted_upon_yet_says_so() -> None:
    text = page()
    for part in ("Partner", "Interaction"):
        section = text.split(f"\n## {part}\n")[1].split("\n## ")[0]
        assert "Kept and shown" in section
    assert text.count("Kept and shown") == 2
