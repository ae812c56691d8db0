"""Where the tests find the project's own files."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
HISTORIES = ROOT / "tests" / "histories"
