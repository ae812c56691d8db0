"""Files with references of participants."""

from pathlib import Path

from cli.core.errors import WrongCall


def references(file: Path) -> list[str]:
    """The references in a file, one per line. Raises WrongCall if it cannot be read or has none."""
    try:
        found = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongCall(f"{file} cannot be read: {error}.", remedy="Give a text file with a reference per line.") from error
    if not found:
        raise WrongCall(f"{file} has no references.", remedy="Write a reference per line.")
    return found
