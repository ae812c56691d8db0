"""`python -m tests.histories.record`: record the histories anew, from a run of the tests of workflows.

Do it when a workflow has changed on purpose and no run of the code before is alive; else keep the old ones and let the new code
replay them (`workflow.patched`).
"""

import sys

import pytest

from tests.histories.reading import recorded
from tests.paths import ROOT


def main() -> int:
    for file in recorded():
        file.unlink()
    workflows = ROOT / "tests" / "workflows"
    return pytest.main([str(workflows), f"--ignore={workflows / 'test_replay.py'}", "--record-histories", "-q"])


if __name__ == "__main__":
    sys.exit(main())
