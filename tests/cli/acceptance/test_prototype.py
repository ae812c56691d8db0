"""`tenure prototype`: figures on real purchases, bad logs told in words, and who gains and loses by another revision."""

import json
import random
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.cli.conftest import Tenure

EXAMPLES = Path(__file__).parents[3] / "examples"
SAMPLE = str(EXAMPLES / "cd-club.yaml")
HILTON = [str(EXAMPLES / f"hilton-honors-{year}.yaml") for year in (2025, 2026)]


@pytest.fixture
def purchases(tmp_path: Path) -> Path:
    file = tmp_path / "purchases.csv"
    rows = [f"c{number},1997-0{1 + number % 6}-05T12:00:00Z,{10 + number * 7}.00" for number in range(40)]
    file.write_text("\n".join(["customer,at,amount", *rows]) + "\n")
    return file


@pytest.fixture
def stays(tmp_path: Path) -> Path:
    """Two years of a hotel's guests: a few come often, most seldom."""
    draw = random.Random(5)
    rows = ["guest,when,dollars,kind,room_nights,brand"]
    for guest in range(60):
        for _ in range(min(int(draw.paretovariate(0.8) * 2), 50)):
            at = datetime(2024, 1, 1) + timedelta(hours=6, days=draw.randrange(730))
            nights = draw.randint(1, 4)
            spent = f"{nights * draw.randint(80, 400)}.{draw.randint(10, 99)}"
            rows.append(f"g{guest:03},{at:%Y-%m-%d %H:%M},{spent},stay,{nights},{draw.choice(['hilton', 'tru', 'conrad'])}")
    file = tmp_path / "stays.csv"
    file.write_text("\n".join(rows) + "\n")
    return file


def test_a_run_prints_its_figures_says_what_it_guessed_and_is_kept(tenure: Tenure, purchases: Path, tmp_path: Path) -> None:
    result = tenure("prototype", "run", SAMPLE, "--transactions", str(purchases))

    assert result.exit_code == 1, result.output  # forty members are fewer than the club asks for
    assert "customer = customer, at = at, amount = amount" in result.stdout
    for text in ("Month by month", "1997-06", "liability", "cost share of revenue", "burn share -20 %", "failed"):
        assert text in result.stdout
    (kept,) = (tmp_path / ".tenure" / "prototypes").iterdir()
    assert str(kept.relative_to(tmp_path)) in result.stderr


def test_cdnow_is_at_hand_and_says_that_it_has_equal_rows(tenure: Tenure) -> None:
    try:
        distribution("lifetimes")
    except PackageNotFoundError:
        pytest.skip("the CDNOW log is not installed; `make setup` installs it")

    refused = tenure("prototype", "run", SAMPLE, "--transactions", "cdnow")
    result = tenure("prototype", "run", SAMPLE, "--transactions", "cdnow", "--keep-duplicates", "--json")

    assert refused.exit_code == 1
    assert "duplicate" in refused.stdout
    assert "log_unusable: 21 of 6,919 rows" in refused.stderr
    answer = json.loads(result.stdout)
    assert (answer["result"]["transactions"], answer["result"]["figures"]["members"]) == (6919, "2357")
    assert answer["result"]["figures"]["revenue"] == "244091.94"
    assert [month["month"] for month in answer["result"]["months"]][::17] == ["1997-01", "1998-06"]
    assert min(answer["result"]["members_by_tier"].values()) > 0


def test_a_bad_log_is_refused_with_every_kind_of_fault_and_its_good_rows_used_if_asked(tenure: Tenure, purchases: Path) -> None:
    with purchases.open("a") as file:
        file.write("c1,yesterday,5.00\nc1,1997-02-01T12:00:00Z,-5.00\n,1997-02-01T12:00:00Z,5.00\n")

    refused = tenure("prototype", "run", SAMPLE, "--transactions", str(purchases))
    used = tenure("prototype", "run", SAMPLE, "--transactions", str(purchases), "--good-rows-only")

    assert refused.exit_code == 1
    assert all(kind in refused.stdout for kind in ("bad date", "return", "no customer"))
    assert "--good-rows-only" in refused.stderr
    assert "40 of 43 used" in used.stdout
    assert not list(purchases.parent.glob("*.html"))


@pytest.mark.parametrize(
    ("words", "text", "code"),
    [
        (["--amount", "price"], "no column 'price'", 1),
        (["--attribute", "nights"], "NAME=COLUMN", 2),
        (["--zone", "Mars/Olympus"], "Europe/London", 2),
        (["--against", "nowhere.yaml"], "nowhere.yaml", 2),
    ],
)
def test_a_wrong_call_is_told(tenure: Tenure, purchases: Path, words: list[str], text: str, code: int) -> None:
    result = tenure("prototype", "run", SAMPLE, "--transactions", str(purchases), *words)
    assert result.exit_code == code
    assert text in result.stderr


def test_a_log_that_is_not_there_is_a_wrong_call(tenure: Tenure) -> None:
    result = tenure("prototype", "run", SAMPLE, "--transactions", "nowhere.csv")
    assert (result.exit_code, "nowhere.csv" in result.stderr) == (2, True)


def test_two_revisions_are_compared_at_once_and_from_their_files_alike(tenure: Tenure, stays: Path, tmp_path: Path) -> None:
    columns = [
        "--customer",
        "guest",
        "--at",
        "when",
        "--amount",
        "dollars",
        "--event",
        "kind",
        "--attribute",
        "nights=room_nights",
    ]
    at_once = tenure(
        "prototype", "run", HILTON[0], "--transactions", str(stays), *columns,
        "--against", HILTON[1], "--save", "first.json", "--html", "hilton.html", "--json",
    )  # fmt: skip
    (second,) = (tmp_path / ".tenure" / "prototypes").iterdir()
    from_files = tenure("prototype", "compare", "first.json", str(second), "--json")
    shown = tenure("prototype", "compare", "first.json", str(second))

    assert at_once.exit_code == 1, at_once.output
    comparison = json.loads(at_once.stdout)["comparison"]
    assert json.loads(from_files.stdout) == comparison
    assert comparison["same_log"]
    assert {change["after"] for change in comparison["tiers"]} >= {"gold", "diamond"}
    points = comparison["points"]
    assert (points["gaining"] > 0, points["gaining"] + points["losing"] + points["same"]) == (True, 60)
    assert points["largest_gains"][0]["difference"] > 0
    for text in ("Members by change of tier", "The largest gains", "points issued", "quantiles"):
        assert text in shown.stdout
    assert "<svg" in (tmp_path / "hilton.html").read_text()


def test_a_file_that_is_no_run_cannot_be_compared(tenure: Tenure, purchases: Path) -> None:
    result = tenure("prototype", "compare", str(purchases), str(purchases))
    assert result.exit_code == 2
    assert "prototype_run_unusable" in result.stderr


def test_a_page_that_cannot_be_written_is_told(tenure: Tenure, purchases: Path) -> None:
    result = tenure("prototype", "run", SAMPLE, "--transactions", str(purchases), "--html", f"{purchases}/page.html")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
