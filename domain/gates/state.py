"""The parts of a gate: its subject, the decisions and votes of people, their mandates, and its state."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.definition.gates import GatePolicy
from domain.identity.person import Person
from domain.identity.roles import Role
from domain.model import Message
from domain.refusals import Refused

VoteChoice = Literal["approve", "request_changes", "reject", "withdraw", "break_glass"]
"""`withdraw` withdraws one's own vote; `break_glass` approves alone in an emergency, if the policy names a role for it."""
Outcome = Literal["approved", "changes_requested", "rejected", "expired", "withdrawn", "unsatisfiable"]
"""`withdrawn`: the process that needed the decision has ended. `unsatisfiable`: too few people are left to approve."""
SubjectKind = Literal["revision", "wave", "test", "amendment", "end", "review"]
"""The kinds of a gate's subject. `amendment`: that one be worked out; `review`: a break-glass approval."""
Passing = Literal["reminder", "escalation", "deadline"]
"""The events by time at a gate."""


class Subject(Message):
    """The subject of a decision: its kind and reference, a title, and the digest of exactly what the voters read.

    `figures` are those by which a policy may approve without people; unknown figures are missing.
    """

    kind: SubjectKind
    program: str
    revision: int
    title: str
    digest: str
    figures: dict[str, Decimal] = {}


class Mandate(Message):
    """The right to decide for another: the delegation, its delegator, and the roles that it lends."""

    delegation: str
    giver: str
    roles: tuple[Role, ...]


class Decision(Message):
    """One person's answer, for exactly one digest; `role` names the rule that it is for."""

    person: Person
    role: Role | None = None
    answer: VoteChoice
    reason: str = ""
    digest: str
    key: str
    on_behalf_of: Mandate | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles in which it is given: the person's own, or the lent ones and no others."""
        return self.on_behalf_of.roles if self.on_behalf_of else self.person.roles

    @property
    def voices(self) -> set[str]:
        """The people whose vote it uses: the person who decides, and the one for whom they decide."""
        return {self.person.id} | ({self.on_behalf_of.giver} if self.on_behalf_of else set())


class Vote(Message):
    """A decision that counted: for `role`, one of the `roles` that it could be given for."""

    person: str
    role: Role
    roles: tuple[Role, ...]
    answer: VoteChoice
    reason: str
    at: datetime
    on_behalf_of: str | None = None
    delegation: str | None = None

    @property
    def voices(self) -> set[str]:
        """The people who have decided by it."""
        return {self.person} | ({self.on_behalf_of} if self.on_behalf_of else set())

    @property
    def who(self) -> str:
        """The person who gave it, and for whom."""
        return f"{self.person} for {self.on_behalf_of}" if self.on_behalf_of else self.person


class GateState(Message):
    """The state of a gate; the whole memory of its workflow."""

    id: str
    gate: str
    round: int
    subject: Subject
    policy: GatePolicy
    excluded: tuple[str, ...]
    opened_at: datetime
    due: datetime
    reminders: tuple[datetime, ...] = ()
    escalates_at: datetime | None = None
    votes: tuple[Vote, ...] = ()
    glass: Vote | None = None
    """The break-glass approval: by whom, and why."""
    by_policy: bool = False
    """Approved by the written policy, without people."""
    lacking: dict[Role, int] = {}
    """The roles for which people are missing, and how many; set if that ended the gate."""
    reminded: int = 0
    escalated: bool = False
    """Whether the gate has escalated."""
    keys: tuple[str, ...] = ()
    """The keys of all decisions that counted, so that none counts again, even after its withdrawal."""
    outcome: Outcome | None = None
    decided_at: datetime | None = None

    @property
    def missing(self) -> dict[Role, int]:
        """The number of approvals missing from each role, in this step and in later ones."""
        return {
            rule.role: left
            for rule in self.policy.rules
            if (left := rule.count - sum(1 for vote in self.votes if vote.answer == "approve" and vote.role == rule.role)) > 0
        }

    @property
    def step(self) -> int:
        """The step that is open: the first one with a rule that is not met, or the last."""
        missing = self.missing
        return min((rule.step for rule in self.policy.rules if rule.role in missing), default=self.steps)

    @property
    def steps(self) -> int:
        return max(rule.step for rule in self.policy.rules)

    @property
    def waits_for(self) -> dict[Role, int]:
        """The number of approvals missing from each role in the open step; empty once the gate is decided."""
        if self.outcome is not None:
            return {}
        missing, step = self.missing, self.step
        return {rule.role: missing[rule.role] for rule in self.policy.rules if rule.role in missing and rule.step == step}

    @property
    def reasons(self) -> str:
        """The reasons of the votes that are no plain approvals, or why nobody could approve."""
        lines = [f"{vote.who}: {vote.reason}" for vote in self.votes if vote.answer != "approve"]
        if self.glass is not None:
            lines.append(f"{self.glass.person} broke the glass: {self.glass.reason}")
        if self.lacking:
            lines.append(f"nobody is left who could approve as {counted(self.lacking)}")
        return "; ".join(lines)


class SignedClaims(Message):
    """The content that the API signs: a decision of a person it has recognised, the gate, and the instant."""

    gate: str
    at: datetime
    decision: Decision


class Refusal(Message):
    """Why a decision does not count: a code that never changes, the detail, and the remedy."""

    code: str
    detail: str
    remedy: str

    @classmethod
    def of(cls, error: Refused) -> "Refusal":
        """What a refusal says, as a value that can be kept and sent."""
        return cls(code=error.code, detail=error.detail, remedy=error.remedy)


def counted(roles: Mapping[Role, int]) -> str:
    """Roles in words, each with its count: 2 finance, legal."""
    return ", ".join(role if count == 1 else f"{count} {role}" for role, count in roles.items())
