"""The demo persons of the embedded stack: plainly marked, each with one role and a token of their own."""

import json
import os
import secrets
from pathlib import Path

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
    """Write the demo persons with fresh tokens, readable by the file's owner alone; an existing file stays. True if written."""
    if file.exists():
        return False
    people = [
        {"id": person, "name": name, "roles": list(roles), "token": f"demo-{secrets.token_urlsafe(24)}"}
        for person, name, roles in DEMO_PERSONS
    ]
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as output:  # noqa: PTH123
        json.dump(people, output, indent=2)
        output.write("\n")
    new.replace(file)
    return True
