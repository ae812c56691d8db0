"""`tenure --help`: every command under the subject that it belongs to, readable in 80 columns."""

from typer.main import get_command

from cli.main import GROUPS, app
from tests.cli.conftest import Tenure


def test_every_command_stands_in_exactly_one_named_group() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    grouped = [name for group in GROUPS.values() for name in group]
    assert sorted(grouped) == sorted(commands), "each command once, and none beside the groups"
    for group, names in GROUPS.items():
        assert {commands[name].rich_help_panel for name in names} == {group}


def test_the_help_shows_the_groups_in_their_order_and_no_leftover_group(tenure: Tenure) -> None:
    lines = tenure("--help", COLUMNS=80, TERMINAL_WIDTH=80).stdout.splitlines()
    titles = [line.strip("╭╮─ ") for line in lines if line.startswith("╭")]
    assert titles == ["Options", *GROUPS]
    assert max(map(len, lines)) <= 80
    first_words = [line.split()[1] for line in lines if line.startswith("│ ") and line[2] != " "]
    assert [word for word in first_words if not word.startswith("--")] == [name for group in GROUPS.values() for name in group]
