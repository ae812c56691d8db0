"""What a gate is made of: its subject, the people who decide, their decisions and votes, and where it stands."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from domain.definition.life import GatePolicy
from domain.definition.values import Role
from domain.model import Message

Answer = Literal["approve", "request_changes", "reject", "withdraw", "break_glass"]
"""`withdraw` takes back one's own vote; `break_glass` approves alone in an emergency, where the policy names a role for it."""
Outcome = Literal["approved", "changes_requested", "rejected", "expired", "withdrawn", "unsatisfiable"]
"""`withdrawn`: what asked for the decision has ended, and nobody needs it any more. `unsatisfiable`: nobody is left to ask."""
SubjectKind = Literal["revision", "wave", "test", "amendment", "end", "review"]
"""What a gate can be about. `amendment`: that one be worked out; `review`: what was done when its glass was broken."""
Passing = Literal["reminder", "escalation", "deadline"]
"""What time does at a gate."""


class Subject(Message):
    """What is to be decided: its kind and reference, in words, and the digest of exactly what was read.

    `figures` are those by which a policy may approve without people; what is not known is not there.
    """

    kind: SubjectKind
    program: str
    revision: int
    title: str
    digest: str
    figures: dict[str, Decimal] = {}


class Person(Message):
    """Somebody whom the API has recognised, with their roles; the name that goes with the id stays in the store."""

    id: str
    roles: tuple[Role, ...]


class Mandate(Message):
    """For whom somebody decides: the delegation that says so, who gave it, and the roles that it lends."""

    delegation: str
    giver: str
    roles: tuple[Role, ...]


class Decision(Message):
    """One person's answer, for exactly one digest; `role` says for which rule it is given."""

    person: Person
    role: Role | None = None
    answer: Answer
    reason: str = ""
    digest: str
    key: str
    on_behalf_of: Mandate | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles in which it is given: one's own, or the lent ones and no others."""
        return self.on_behalf_of.roles if self.on_behalf_of else self.person.roles

    @property
    def voices(self) -> set[str]:
        """Whose voice it uses: who decides for another has decided, and so has the other."""
        return {self.person.id} | ({self.on_behalf_of.giver} if self.on_behalf_of else set())


class Vote(Message):
    """A decision that counted: for `role`, which is one of `roles`, those that it could be given for."""

    person: str
    role: Role
    roles: tuple[Role, ...]
    answer: Answer
    reason: str
    at: datetime
    on_behalf_of: str | None = None
    delegation: str | None = None

    @property
    def voices(self) -> set[str]:
        """Everybody who has decided by it."""
        return {self.person} | ({self.on_behalf_of} if self.on_behalf_of else set())

    @property
    def who(self) -> str:
        """Who gave it, and for whom."""
        return f"{self.person} for {self.on_behalf_of}" if self.on_behalf_of else self.person


class GateState(Message):
    """Where a gate stands; the whole memory of its workflow."""

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
    """By whom the glass was broken, and why."""
    by_policy: bool = False
    """Approved by the written policy, without people."""
    lacking: dict[Role, int] = {}
    """Of which roles nobody is left to ask, and how many; set where that ended the gate."""
    reminded: int = 0
    escalated: bool = False
    """Whether people were told that it has waited for long."""
    keys: tuple[str, ...] = ()
    """The keys of all decisions that counted, so that none counts again, even after it was taken back."""
    outcome: Outcome | None = None
    decided_at: datetime | None = None

    @property
    def missing(self) -> dict[Role, int]:
        """How many approvals each role still owes, in this step and in later ones."""
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
        """How many approvals each role owes in the step that is open; nothing once the gate is decided."""
        if self.outcome is not None:
            return {}
        missing, step = self.missing, self.step
        return {rule.role: missing[rule.role] for rule in self.policy.rules if rule.role in missing and rule.step == step}

    @property
    def reasons(self) -> str:
        """What those who did not simply approve said, or why nobody could."""
        told = [f"{vote.who}: {vote.reason}" for vote in self.votes if vote.answer != "approve"]
        if self.glass is not None:
            told.append(f"{self.glass.person} broke the glass: {self.glass.reason}")
        if self.lacking:
            told.append(f"nobody is left who could approve as {counted(self.lacking)}")
        return "; ".join(told)


class SignedClaims(Message):
    """What the API signs: that it has recognised who decides what at which gate, and when."""

    gate: str
    at: datetime
    decision: Decision


class Refusal(Message):
    """Why a decision does not count, under a code that never changes, and what to do instead."""

    code: str
    detail: str
    remedy: str


def counted(roles: Mapping[Role, int]) -> str:
    """Roles in words, each with its count: 2 finance, legal."""
    return ", ".join(role if count == 1 else f"{count} {role}" for role, count in roles.items())
