"""`tenure up` as a person runs it: a process that says where everything is, serves, and ends on Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

TENURE = [sys.executable, "-c", "from cli.main import app; app(prog_name='tenure')"]
WAIT_TIMEOUT = 90


def _environment(**ours: object) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TENURE_", "TEMPORAL_"))}
    return plain | {name: str(value) for name, value in ours.items()}


def test_up_tells_another_terminal_how_to_act_and_ends_well_on_ctrl_c(tmp_path: Path) -> None:
    any_port = _environment(TENURE_API_PORT=0, TENURE_TEMPORAL_PORT=0, TENURE_TEMPORAL_UI_PORT=0)
    up = subprocess.Popen(
        [*TENURE, "up", "--home", str(tmp_path / "home")],
        env=any_port,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert up.stdout is not None
    try:
        text = ""
        for line in up.stdout:
            text += line
            if line.startswith("Begin with: "):
                break
        exports = dict(re.findall(r"export (\w+)=(\S+)", text))
        begin = re.search(r"Begin with: tenure (.+)", text)
        assert begin is not None, text
        assert set(exports) == {"TENURE_API_URL", "TENURE_PEOPLE_FILE"}
        assert f"{exports['TENURE_API_URL']}/docs" in text
        assert "tenure --as demo-finance" in text

        listed = subprocess.run(
            [*TENURE, *begin[1].split()],
            env=_environment(**exports),
            capture_output=True,
            text=True,
            timeout=WAIT_TIMEOUT,
            check=False,
        )
        assert listed.returncode == 0, listed.stderr
        assert "0 programs" in listed.stdout

        up.send_signal(signal.SIGINT)
        rest, _ = up.communicate(timeout=WAIT_TIMEOUT)
        assert up.returncode == 0, rest
        assert "PostgreSQL has stopped." in rest
        assert "Traceback" not in text + rest
    finally:
        if up.poll() is None:
            up.terminate()
            up.communicate(timeout=WAIT_TIMEOUT)


def test_a_folder_that_is_not_tenures_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("two years of work")

    result = subprocess.run(
        [*TENURE, "up", "--home", str(tmp_path)],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=WAIT_TIMEOUT,
        check=False,
    )

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error folder_foreign: ")
    assert "Traceback" not in result.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
