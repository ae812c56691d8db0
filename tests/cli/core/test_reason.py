"""A reason was called `why` once: the old name goes on working, for the API and as an option, and is shown to nobody."""

from typing import Any, ClassVar

import pytest
import typer
from pydantic import ValidationError
from typer.main import get_command
from typer.testing import CliRunner

from api.accounting.books import EstimateIn
from api.members.members import DepartureIn
from cli.accounting import books
from cli.main import app
from cli.members import member

ESTIMATE = {"redemption_rate": "0.97"}
COMMANDS = {
    "books estimate": ("books", "estimate", "cd-club", "--rate", "0.97"),
    "member leave": ("member", "leave", "cd-club", "m-1"),
}


class Sent:
    """An API that keeps what a command sends."""

    bodies: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def post(self, *_: object, key: str | None, body: dict[str, Any]) -> None:
        Sent.bodies.append(body)
        raise typer.Exit


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the commands send in this test."""
    for module in (books, member):
        monkeypatch.setattr(module, "Api", Sent)
    monkeypatch.setattr(Sent, "bodies", [])
    return Sent.bodies


@pytest.mark.parametrize("name", ["reason", "why"])
def test_a_body_has_its_reason_under_the_new_name_and_under_the_old(name: str) -> None:
    assert EstimateIn.model_validate({**ESTIMATE, name: "A study"}).reason == "A study"
    assert DepartureIn.model_validate({name: "Moves"}).reason == "Moves"
    assert DepartureIn.model_validate({}).reason == ""


@pytest.mark.parametrize(("model", "more"), [(EstimateIn, ESTIMATE), (DepartureIn, {})])
def test_both_names_at_once_are_refused(model: type[EstimateIn | DepartureIn], more: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="why"):
        model.model_validate(more | {"reason": "One", "why": "Another"})


def test_the_schemas_of_the_bodies_name_the_reason_alone() -> None:
    assert [sorted(model.model_json_schema()["properties"]) for model in (EstimateIn, DepartureIn)] == [
        ["currency", "period", "reason", "redemption_rate"],
        ["reason"],
    ]


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("option", ["--reason", "--why"])
def test_a_command_sends_its_reason_by_the_new_option_and_by_the_old(
    words: tuple[str, ...], option: str, sent: list[dict[str, Any]]
) -> None:
    ran = CliRunner().invoke(app, [*words, option, "As it is"])
    assert (ran.exit_code, [body["reason"] for body in sent]) == (0, ["As it is"]), ran.output


def test_an_estimate_without_a_reason_is_refused_before_anything_is_sent(sent: list[dict[str, Any]]) -> None:
    ran = CliRunner().invoke(app, COMMANDS["books estimate"])
    assert (ran.exit_code, sent) == (2, [])
    assert "--reason" in ran.output


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_the_help_shows_the_new_option_alone(words: tuple[str, ...]) -> None:
    group = get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    shown = {name for each in group.commands[words[1]].params for name in each.opts if not getattr(each, "hidden", False)}
    assert "--reason" in shown
    assert "--why" not in shown
