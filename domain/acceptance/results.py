"""The results of a qualification: of the whole, of a test phase, and of the prototype."""

from decimal import Decimal
from typing import Literal

from domain.model import Message
from domain.programs.amendments import AmendmentClass


class QualificationResult(Message):
    """How the qualification of a revision ended, and why, in words."""

    outcome: Literal["approved", "changes_requested", "rejected", "failed", "expired", "withdrawn", "unsatisfiable"]
    why: str = ""
    weight: AmendmentClass | None = None
    """The class of an amendment; None for a first revision."""


class PhaseResult(Message):
    """Whether a test phase passed, and its evidence in words; `attempt` counts from 1."""

    phase: str
    passed: bool
    evidence: str
    attempt: int = 1


class PrototypeSummary(Message):
    """Whether the prototype met its acceptance criteria, and its figures."""

    passed: bool
    transactions: int
    evidence: str
    figures: dict[str, Decimal] = {}
