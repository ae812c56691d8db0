"""Calling the API: who asks, and what is told when nobody answers, somebody else does, or the environment is wrong."""

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.core.errors import Refused, describe
from tests.cli.conftest import Tenure

EVERY_CALL: dict[str, tuple[str, ...]] = {
    "program list": (),
    "program status": ("p",),
    "program evaluate": ("p",),
    "program evaluations": ("p",),
    "program revisions": ("p",),
    "program end": ("p", "--reason", "over"),
    "program report": ("p",),
    "program schedule show": ("p",),
    "program schedule pause": ("p", "--reason", "audit"),
    "program schedule resume": ("p", "--reason", "over"),
    "program schedule trigger": ("p",),
    "program schedule backfill": ("p", "--from", "2026-01-01", "--to", "2026-02-01"),
    "report status": ("p",),
    "report members": ("p", "--as-of", "2026-03-01"),
    "report movement": ("p", "--csv", "movement.csv"),
    "report points": ("p", "--html", "points.html"),
    "report expiry": ("p",),
    "report redemptions": ("p",),
    "report decisions": ("p",),
    "report exceptions": ("p",),
    "gate list": (),
    "gate show": ("program/p/r1/gate/strategy/1",),
    "gate approve": ("program/p/r1/gate/strategy/1",),
    "gate reject": ("program/p/r1/gate/strategy/1", "--reason", "no"),
    "gate request-changes": ("program/p/r1/gate/strategy/1", "--reason", "no"),
    "member enrol": ("p", "m", "--agreement", "1"),
    "member show": ("p", "m"),
    "member list": ("p",),
    "log list": (),
    "member event": ("p", "m", "--type", "purchase", "--amount", "1"),
    "member balance": ("p", "m"),
    "member statement": ("p", "m"),
    "points adjust": ("p", "m", "--points", "-5", "--reason", "a slip"),
    "points transfer": ("p", "m", "n", "--points", "5"),
    "points convert": ("p", "m", "--from", "A", "--to", "B", "--points", "5"),
    "points reverse": ("p", "m", "7", "--reason", "returned"),
    "points confirm": ("p", "m", "7"),
    "points cancel": ("p", "m", "7"),
    "points reinstate": ("p", "m", "7"),
    "member redeem": ("p", "m", "r"),
    "member leave": ("p", "m"),
    "ledger check": ("p",),
    "ledger seal": (),
    "ledger verify": (),
    "api-key create": ("till 7", "--role", "member_service"),
    "api-key list": (),
    "api-key revoke": ("0123456789abcdef",),
}
WITH_FILE: dict[str, tuple[str, ...]] = {"program start": (), "program revise": ("p",), "log load": ("log",)}


@pytest.fixture
def nobody() -> str:
    """An address on this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def somebody_else(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine that is not Tenure's API."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("call", [*EVERY_CALL, *WITH_FILE])
def test_where_nobody_answers_every_command_says_so_and_ends_with_3(
    tenure: Tenure, nobody: str, call: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    words = EVERY_CALL[call] if call in EVERY_CALL else (*WITH_FILE[call], "file")

    result = tenure(*call.split(), *words, TENURE_API_URL=nobody, TENURE_TOKEN="a-token")

    assert result.exit_code == 3, result.output
    assert f"The API at {nobody} does not answer." in result.stderr
    assert "Start it with `tenure up`" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("call", [("gate", "list"), ("gate", "approve", "g")])
def test_a_server_that_is_not_the_api_is_told_as_such(tenure: Tenure, somebody_else: str, call: tuple[str, ...]) -> None:
    result = tenure(*call, TENURE_API_URL=somebody_else, TENURE_TOKEN="a-token")

    assert result.exit_code == 3
    assert f"What answers at {somebody_else} is not Tenure's API (status 404)" in result.stderr


def test_an_answer_that_breaks_off_tells_how_to_repeat_under_the_same_key(tenure: Tenure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_hang_up, args=(server,))
        thread.start()
        result = tenure(
            *("member", "event", "p", "m", "--type", "purchase", "--key", "k-1", "--at", "2026-03-10T09:30:00Z"),
            TENURE_API_URL=f"http://127.0.0.1:{server.getsockname()[1]}",
            TENURE_TOKEN="a-token",
        )
        thread.join()

    assert result.exit_code == 3
    assert "`--key k-1 --at 2026-03-10T09:30:00Z`" in result.stderr


def _hang_up(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.recv(65536)
    connection.close()


def test_without_a_person_or_a_token_nothing_is_asked(tenure: Tenure, nobody: str) -> None:
    result = tenure("gate", "list", TENURE_API_URL=nobody)

    assert result.exit_code == 2
    assert "--as PERSON" in result.stderr
    assert "TENURE_TOKEN" in result.stderr


def test_a_missing_people_file_is_named_with_what_writes_it(tenure: Tenure, tmp_path: Path) -> None:
    missing = tmp_path / "elsewhere.json"

    result = tenure("--as", "fiona", "gate", "list", TENURE_PEOPLE_FILE=missing)

    assert result.exit_code == 2
    assert f"There is no people file {missing}." in result.stderr
    assert "`tenure up` writes one" in result.stderr


@pytest.mark.parametrize("text", ["", "{", '{"fiona": 1}', '[{"id": "fiona"}]', "[1]"])
def test_a_people_file_of_another_shape_is_told_as_such(tenure: Tenure, tmp_path: Path, text: str) -> None:
    file = tmp_path / "people.json"
    file.write_text(text)

    result = tenure("--as", "fiona", "gate", "list", TENURE_PEOPLE_FILE=file)

    assert result.exit_code == 2
    assert "is no list of people" in result.stderr


def test_a_person_who_is_not_in_the_people_file_is_told_who_is(tenure: Tenure, people_file: Path) -> None:
    result = tenure("--as", "frank", "gate", "list", TENURE_PEOPLE_FILE=people_file)

    assert result.exit_code == 2
    assert "There is no 'frank'" in result.stderr
    assert "fiona" in result.stderr


@pytest.mark.parametrize("words", [("--as", "fiona", "gate", "list"), ("gate", "list", "--as", "fiona")])
def test_the_person_may_be_named_before_or_after_the_command(
    tenure: Tenure, people_file: Path, nobody: str, words: tuple[str, ...]
) -> None:
    result = tenure(*words, TENURE_PEOPLE_FILE=people_file, TENURE_API_URL=nobody)

    assert result.exit_code == 3  # the person was found, the API was not


@pytest.mark.parametrize("address", ["nonsense", "ftp://127.0.0.1", "http://127.0.0.1:port"])
def test_an_address_that_is_none_is_a_wrong_call(tenure: Tenure, address: str) -> None:
    result = tenure("gate", "list", TENURE_API_URL=address, TENURE_TOKEN="a-token")

    assert result.exit_code == 2
    assert "TENURE_API_URL" in result.stderr


def test_a_setting_that_cannot_be_read_is_named(tenure: Tenure) -> None:
    result = tenure("gate", "list", TENURE_API_PORT="many")

    assert result.exit_code == 2
    assert "TENURE_API_PORT" in result.stderr


def test_a_key_that_no_header_can_carry_is_a_wrong_call(tenure: Tenure, somebody_else: str) -> None:
    result = tenure("program", "evaluate", "p", "--key", "a\nb", TENURE_API_URL=somebody_else, TENURE_TOKEN="a-token")

    assert result.exit_code == 2
    assert "`--key`" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("gate", "reject", "g"),
        ("gate", "list", "--mine", "--all"),
        ("gate", "approve", "g", "--digest", "abc"),
        ("member", "enrol", "p", "m"),
        ("program", "end", "p"),
        ("program", "start", "nowhere.yaml"),
        ("report", "everything", "p"),
        ("report", "status", "p", "--json", "--csv", "file"),
        ("program", "status", "p/members/m"),
        ("program", "status", ""),
        ("member", "show", "p", "m/balance"),
        ("member", "show", "p", "Fiona Fox"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2(tenure: Tenure, nobody: str, words: tuple[str, ...]) -> None:
    assert tenure(*words, TENURE_API_URL=nobody, TENURE_TOKEN="a-token").exit_code == 2


@pytest.mark.parametrize(
    "call", [*EVERY_CALL, *WITH_FILE, "definition check", "definition scale", "event load", "up", "doctor"]
)
def test_every_command_explains_itself_with_an_example(tenure: Tenure, call: str) -> None:
    result = tenure(*call.split(), "--help")

    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert call.rsplit(maxsplit=1)[-1] in result.stdout.partition("Example")[2]


def test_the_help_documents_the_exit_codes(tenure: Tenure) -> None:
    words = " ".join(tenure("--help").stdout.split())

    assert all(
        f"{code} {meaning}" in words for code, meaning in ((0, "done"), (1, "refused"), (2, "wrong call"), (3, "the API"))
    )


def test_a_problem_is_told_with_its_code_what_is_wrong_what_to_do_and_every_single_fault() -> None:
    problem = {
        "code": "definition_faulty",
        "title": "The definition has faults",
        "detail": "The definition has 2 faults.",
        "remedy": "Correct them.",
        "errors": [
            {"line": 59, "path": "earning[0]", "problem": "has no rate", "remedy": "write rate"},
            {"field": "line 2", "problem": "has no time zone\x1b[2J"},
        ],
    }

    assert describe(Refused(problem)).splitlines() == [
        "Error definition_faulty: The definition has 2 faults.",
        "  - line 59, earning[0]: has no rate — write rate",
        "  - line 2: has no time zone\N{REPLACEMENT CHARACTER}[2J",
        "What to do: Correct them.",
    ]


def test_a_problem_without_a_remedy_is_told_in_one_line() -> None:
    assert describe(Refused({"code": "http_error", "title": "Not Found"})) == "Error http_error: Not Found"
