"""The one place that makes the ids of workflows, Schedules and keys, and checks the names in them."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated

from pydantic import StringConstraints

_NAME = r"[a-z0-9][a-z0-9-]{0,62}"
_REFERENCE = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}"

ProgramId = Annotated[str, StringConstraints(pattern=f"^{_NAME}$")]
"""A program's short name: lower-case letters, digits and hyphens."""
Name = Annotated[str, StringConstraints(pattern=f"^{_NAME}$")]
"""The short name of a part of a definition: a tier, a reward, a wave."""
ParticipantId = Annotated[str, StringConstraints(pattern=f"^{_REFERENCE}$")]
"""A reference to a member: never a name, a mail address or other personal data."""

PROGRAMS_QUEUE = "programs"
MEMBERS_QUEUE = "members"
BULK_QUEUE = "bulk"
NOTICES_QUEUE = "notices"
"""A queue of its own: a mail server that hangs must not keep a vote waiting, nor a simulation a notice."""
SEAL_SCHEDULE = "ledger/seal"
"""The Schedule that seals the ledger of all programs."""


def lifecycle(program: str) -> str:
    return f"program/{program}"


def qualification(program: str, revision: int) -> str:
    return f"program/{program}/r{revision}"


def test_phase(program: str, revision: int, phase: str) -> str:
    return f"{qualification(program, revision)}/test/{phase}"


def readiness(program: str, revision: int) -> str:
    """The process that waits until a revision is ready for its launch."""
    return f"{qualification(program, revision)}/readiness"


def prototype(definition_digest: str, log_digest: str) -> str:
    """The simulation of a definition over a log: the same two are simulated once, whoever requests it."""
    return f"prototype/{sha256(f'{definition_digest} {log_digest}'.encode()).hexdigest()[:32]}"


def gate(subject_workflow: str, gate: str, round_: int) -> str:
    """The gate `gate` of the workflow that needs the decision; each new round is a workflow of its own."""
    return f"{subject_workflow}/gate/{gate}/{round_}"


def rollout(program: str, revision: int) -> str:
    return f"program/{program}/rollout/r{revision}"


def guardrail(rollout: str, wave: str, guardrail: str) -> str:
    """The watch of one guardrail while one wave of a rollout is open."""
    return f"{rollout}/guardrail/{wave}/{guardrail}"


def invitations(rollout: str, wave: str) -> str:
    """The invitation of a wave's cohort, page by page."""
    return f"{rollout}/invitations/{wave}"


def evaluation_schedule(program: str) -> str:
    return f"program/{program}/evaluation"


def asked(person: str, key: str) -> str:
    """A person's Idempotency-Key in the form for ids and for the ledger's keys: valid in any id, and unique to the person.

    The key has no line break, so that no two pairs give the same text.
    """
    return sha256(f"{person}\n{key}".encode()).hexdigest()[:32]


def evaluation_at(program: str, at: datetime) -> str:
    """An evaluation as of the instant at which it falls due, with the id that the Schedule gives it."""
    return f"{evaluation_schedule(program)}-{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def nominal_instant(workflow_id: str) -> datetime | None:
    """The instant at which this workflow fell due by its Schedule, which Temporal appends to the id; None without one."""
    found = re.search(r"-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$", workflow_id)
    return datetime.fromisoformat(found[1]) if found else None


def evaluation_on_demand(program: str, person: str, key: str) -> str:
    """An evaluation that a person requested; those of the Schedule get their instant from Temporal."""
    return f"program/{program}/evaluation/asked/{asked(person, key)}"


def event(person: str, key: str) -> str:
    """The ledger's key of an event that a person posted."""
    return f"event/{asked(person, key)}"


def correction(person: str, key: str) -> str:
    """The ledger's key of a correction, a transfer or a conversion that a person requested."""
    return f"correction/{asked(person, key)}"


def redemption(person: str, key: str) -> str:
    """The ledger's key of a redemption that a person requested."""
    return f"redemption/{asked(person, key)}"


def notice(notice: str, round_: int) -> str:
    """The delivery of a notice; each replay is a workflow of its own."""
    return f"notice/{notice}/{round_}"


def notice_test(person: str, key: str) -> str:
    """The sending of test notices that a person requested."""
    return f"notice/test/{asked(person, key)}"


def expiry_schedule(program: str) -> str:
    return f"program/{program}/expiry"


def wind_down(program: str) -> str:
    return f"program/{program}/wind-down"


def erasure(program: str) -> str:
    return f"program/{program}/erasure"


def member(program: str, participant: str) -> str:
    return f"member/{program}/{participant}"


def intervention(program: str, participant: str, number: int) -> str:
    return f"{member(program, participant)}/intervention/{number}"


def program_of(workflow_id: str) -> str | None:
    """The program in a workflow's id, such as that of a gate; None if there is none."""
    found = re.fullmatch(f"program/({_NAME})(/.*)?", workflow_id, re.DOTALL)
    return found[1] if found else None


def is_program_id(text: str) -> bool:
    return re.fullmatch(_NAME, text) is not None


def is_participant_id(text: str) -> bool:
    return re.fullmatch(_REFERENCE, text) is not None
