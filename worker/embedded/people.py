"""The demo persons of the embedded stack, marked as such, each with one role; and the key that signs their tokens."""

import json
import os
from pathlib import Path

from runtime.identity.development_issuer import DevelopmentIssuer, key_file

DEMO_PERSONS = (
    ("demo-owner", "Demo Owner", ("product_owner",)),
    ("demo-finance", "Demo Finance", ("finance",)),
    ("demo-legal", "Demo Legal", ("legal",)),
    ("demo-marketing", "Demo Marketing", ("marketing",)),
    ("demo-operations", "Demo Operations", ("operations",)),
    ("demo-shop", "Demo Shop", ("member_service",)),
    ("demo-analyst", "Demo Analyst", ("analyst",)),
    ("demo-operator", "Demo Operator", ("operator",)),
)


def ensure_people(file: Path) -> bool:
    """Write the demo persons; an existing file stays. True if written."""
    people = [{"id": person, "name": name, "roles": list(roles)} for person, name, roles in DEMO_PERSONS]
    return _written(file, json.dumps(people, indent=2) + "\n")


def ensure_issuer_key(people_file: Path) -> bool:
    """Write a new key for the development issuer beside the people file; an existing one stays. True if written."""
    file = key_file(people_file)
    return not file.exists() and _written(file, DevelopmentIssuer.new().private_key)


def _written(file: Path, text: str) -> bool:
    """Write a file, readable by its owner alone, unless it exists."""
    if file.exists():
        return False
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as output:  # noqa: PTH123
        output.write(text)
    new.replace(file)
    return True
