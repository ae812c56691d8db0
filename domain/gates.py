"""The approval gate as one pure reducer: who may decide, what a vote does, and what time does.

Four eyes: the owner, the submitter and everybody who edited the subject are left out. A vote counts for the digest it was
given for, once per person, whatever the order of arrival. Time can end a gate; it never approves.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from domain.definition import GatePolicy, Role
from domain.model import Message

Answer = Literal["approve", "request_changes", "reject"]
Outcome = Literal["approved", "changes_requested", "rejected", "expired", "withdrawn"]
"""`withdrawn`: nobody needs the decision any more, since what asked for it has ended."""


class Subject(Message):
    """What is to be decided: its kind and reference, in words, and the digest of exactly what was read."""

    kind: Literal["revision", "wave", "test", "amendment", "end"]
    program: str
    revision: int
    title: str
    digest: str


class Person(Message):
    """Somebody whom the API has recognised, with their roles; the name that goes with the id stays in the store."""

    id: str
    roles: tuple[Role, ...]


class Decision(Message):
    """One person's answer, for exactly one digest; `role` says for which rule it is given."""

    person: Person
    role: Role | None = None
    answer: Answer
    reason: str = ""
    digest: str
    key: str


class Vote(Message):
    """A decision that counted: for `role`, which is one of `roles`, those that it could be given for."""

    person: str
    role: Role
    roles: tuple[Role, ...]
    answer: Answer
    reason: str
    at: datetime


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
    votes: tuple[Vote, ...] = ()
    outcome: Outcome | None = None
    decided_at: datetime | None = None

    @property
    def missing(self) -> dict[Role, int]:
        """How many approvals each role still owes."""
        return {
            rule.role: left
            for rule in self.policy.rules
            if (left := rule.count - sum(1 for vote in self.votes if vote.answer == "approve" and vote.role == rule.role)) > 0
        }

    @property
    def reasons(self) -> str:
        """What those who did not approve said."""
        return "; ".join(f"{vote.person}: {vote.reason}" for vote in self.votes if vote.answer != "approve")


class Refusal(Message):
    """Why a decision does not count, under a code that never changes, and what to do instead."""

    code: str
    detail: str
    remedy: str


def refuse(state: GateState, decision: Decision, now: datetime) -> Refusal | None:
    """The reason why this decision cannot count, or None where it can."""
    person = decision.person
    if state.outcome is not None:
        return Refusal(
            code="gate_decided",
            detail=f"The gate was {state.outcome.replace('_', ' ')} at {state.decided_at:%Y-%m-%d %H:%M:%S} UTC.",
            remedy="Nothing is left to decide here; a changed subject opens a new round.",
        )
    if now >= state.due:
        return Refusal(
            code="gate_expired",
            detail=f"The gate was due at {state.due:%Y-%m-%d %H:%M:%S} UTC; this vote came later.",
            remedy="Ask the product owner to open a new round.",
        )
    if decision.digest != state.subject.digest:
        return Refusal(
            code="subject_changed",
            detail=f"The vote is for digest {decision.digest[:12]}…, the gate is about {state.subject.digest[:12]}….",
            remedy="Read the subject again and vote with the digest that the gate shows.",
        )
    if person.id in state.excluded:
        return Refusal(
            code="four_eyes",
            detail=f"{person.id} owns, submitted or edited the subject, and so cannot decide about it.",
            remedy="Ask another person with one of the gate's roles.",
        )
    if any(vote.person == person.id for vote in state.votes):
        return Refusal(
            code="already_voted",
            detail=f"{person.id} has voted at this gate already.",
            remedy="One person counts once; wait for the others.",
        )
    asked = {rule.role for rule in state.policy.rules}
    if decision.role is not None and (decision.role not in asked or decision.role not in person.roles):
        return Refusal(
            code="role_not_asked",
            detail=f"{person.id} cannot vote as {decision.role} here.",
            remedy=f"The gate asks for: {', '.join(sorted(asked))}.",
        )
    if not asked & set(person.roles):
        return Refusal(
            code="role_not_asked",
            detail=f"{person.id} has none of the roles that this gate asks for.",
            remedy=f"Ask somebody with one of: {', '.join(sorted(asked))}.",
        )
    if decision.answer != "approve" and not decision.reason.strip():
        return Refusal(
            code="reason_missing",
            detail=f"To {decision.answer.replace('_', ' ')} needs a reason.",
            remedy="Say in `reason` what must change.",
        )
    return None


def decide(state: GateState, decision: Decision, now: datetime) -> GateState:
    """The gate after a decision that `refuse` let pass."""
    roles = _roles_of(state.policy, decision)
    vote = Vote(person=decision.person.id, role=roles[0], roles=roles, answer=decision.answer, reason=decision.reason, at=now)
    voted = state.model_copy(update={"votes": _assigned(state.policy, (*state.votes, vote))})
    outcome: Outcome | None = None
    if decision.answer == "reject":
        outcome = "rejected"
    elif decision.answer == "request_changes":
        outcome = "changes_requested"
    elif not voted.missing:
        outcome = "approved"
    return voted.model_copy(update={"outcome": outcome, "decided_at": now}) if outcome else voted


def expire(state: GateState, now: datetime) -> GateState:
    """The gate once its deadline has passed: whatever was voted, it was not approved."""
    return state if state.outcome else state.model_copy(update={"outcome": "expired", "decided_at": now})


def withdraw(state: GateState, now: datetime) -> GateState:
    """The gate once nobody needs its decision any more; one that is decided stays so."""
    return state if state.outcome else state.model_copy(update={"outcome": "withdrawn", "decided_at": now})


def _roles_of(policy: GatePolicy, decision: Decision) -> tuple[Role, ...]:
    """The roles that a vote can count for: the one named, else those of the person's roles that the policy asks for."""
    if decision.role is not None:
        return (decision.role,)
    return tuple(rule.role for rule in policy.rules if rule.role in decision.person.roles)


def _assigned(policy: GatePolicy, votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """The votes, each approval with the role that it counts for, so that as many rules as possible are met.

    Who has several roles counts for one of them. Which one is settled anew with each vote (a maximum matching of votes to the
    places that the rules ask for, by augmenting paths), since the outcome must not depend on who came first.
    """
    places = [rule.role for rule in policy.rules for _ in range(rule.count)]
    taken: dict[int, int] = {}  # place -> vote

    def seat(number: int, tried: set[int]) -> bool:
        for place, role in enumerate(places):
            if role in votes[number].roles and place not in tried:
                tried.add(place)
                if place not in taken or seat(taken[place], tried):
                    taken[place] = number
                    return True
        return False

    for number, vote in enumerate(votes):
        if vote.answer == "approve":
            seat(number, set())
    roles = {number: places[place] for place, number in taken.items()}
    return tuple(vote.model_copy(update={"role": roles.get(number, vote.role)}) for number, vote in enumerate(votes))
