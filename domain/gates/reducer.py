"""The approval gate as one pure reducer: permitted decisions, their effects, and the effects of time.

Four eyes: the owner, the submitter and all editors of the subject are excluded. A vote counts for the digest it was given for,
once per person, as themselves or for another; within the open steps, the order of arrival does not matter.
Time can remind, escalate and end a gate; it never approves.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from domain.definition.gates import GatePolicy
from domain.gates.errors import (
    AlreadyVoted,
    BreakGlassNotAllowed,
    FourEyes,
    GateDecided,
    GateExpired,
    NothingToWithdraw,
    ReasonMissing,
    RoleNotAsked,
    StepNotOpen,
    SubjectChanged,
)
from domain.gates.matching import assign
from domain.gates.state import Decision, GateState, Outcome, Passing, Refusal, Subject, Vote, counted
from domain.identity.roles import Role
from domain.ids import asked as asked_key

# Decisions


def places_for(state: GateState, roles: Sequence[Role], now: datetime) -> tuple[Role, ...]:
    """The places that a person with these roles could fill now: in the open step or one before it.

    From the escalation on, people with its role may stand in for any other.
    """
    asked = tuple(rule.role for rule in state.policy.rules if rule.step <= state.step)
    own = tuple(role for role in asked if role in roles)
    return (*own, *(role for role in asked if role not in own)) if _stands_in(state, roles, now) else own


def refuse(state: GateState, decision: Decision, now: datetime) -> Refusal | None:
    """The reason why this decision cannot count, or None if it can."""
    refusal = _refuse_at_all(state, decision, now)
    if refusal is not None:
        return refusal
    if decision.answer == "withdraw":
        return _refuse_withdrawal(state, decision)
    if decision.answer == "break_glass":
        return _refuse_glass(state, decision) or _refuse_without_reason(decision)
    return _refuse_vote(state, decision, now) or _refuse_without_reason(decision)


def decide(state: GateState, decision: Decision, now: datetime) -> GateState:
    """The gate after a decision that `refuse` has accepted."""
    heard = state.model_copy(update={"keys": (*state.keys, asked_key(decision.person.id, decision.key))})
    if decision.answer == "withdraw":
        left = [vote for vote in state.votes if decision.person.id not in vote.voices]
        return heard.model_copy(update={"votes": _assigned(state.policy, left)})
    mandate = decision.on_behalf_of
    roles = _roles_of(state, decision, now)
    vote = Vote(
        person=decision.person.id,
        role=roles[0],
        roles=roles,
        answer=decision.answer,
        reason=decision.reason,
        at=now,
        on_behalf_of=mandate.giver if mandate else None,
        delegation=mandate.delegation if mandate else None,
    )
    if decision.answer == "break_glass":
        return heard.model_copy(update={"glass": vote, "outcome": "approved", "decided_at": now})
    voted = heard.model_copy(update={"votes": _assigned(state.policy, (*state.votes, vote))})
    outcome: Outcome | None = None
    if decision.answer == "reject":
        outcome = "rejected"
    elif decision.answer == "request_changes":
        outcome = "changes_requested"
    elif not voted.missing:
        outcome = "approved"
    return voted.model_copy(update={"outcome": outcome, "decided_at": now}) if outcome else voted


def take(state: GateState, decision: Decision, now: datetime) -> GateState | Refusal:
    """The gate after a decision, or why it does not count; a decision that has counted changes nothing when repeated."""
    if asked_key(decision.person.id, decision.key) in state.keys:
        return state
    return refuse(state, decision, now) or decide(state, decision, now)


def changed(state: GateState, subject: Subject, now: datetime) -> GateState:
    """The gate once its subject has changed: a new round, as long as the one before, in which no vote counts yet.

    The same digest is the same subject, and a gate that is decided stays so.
    """
    if state.outcome is not None or subject.digest == state.subject.digest:
        return state
    since = now - state.opened_at
    return state.model_copy(
        update={
            "subject": subject,
            "round": state.round + 1,
            "votes": (),
            "opened_at": now,
            "due": state.due + since,
            "reminders": tuple(at + since for at in state.reminders),
            "escalates_at": state.escalates_at + since if state.escalates_at else None,
            "reminded": 0,
            "escalated": False,
        }
    )


# Time


def upcoming(state: GateState) -> tuple[Passing, datetime]:
    """The next event by time, and its instant: a reminder, the escalation, the deadline."""
    found: list[tuple[Passing, datetime]] = [("deadline", state.due)]
    if state.escalates_at is not None and not state.escalated:
        found.append(("escalation", state.escalates_at))
    if state.reminded < len(state.reminders):
        found.append(("reminder", state.reminders[state.reminded]))
    return min(found, key=lambda each: each[1])


def passed(state: GateState, now: datetime) -> Passing | None:
    """The event by time that is due and not applied yet; the gravest of several."""
    if state.outcome is not None:
        return None
    if now >= state.due:
        return "deadline"
    if state.escalates_at is not None and now >= state.escalates_at and not state.escalated:
        return "escalation"
    return "reminder" if _reminders_until(state, now) > state.reminded else None


def pass_time(state: GateState, now: datetime) -> GateState:
    """The gate after the event by time that is due: reminded, escalated or expired."""
    match due := passed(state, now):
        case "deadline":
            return expire(state, now)
        case "escalation":
            return state.model_copy(update={"escalated": True, "reminded": _reminders_until(state, now)})
        case "reminder":
            return state.model_copy(update={"reminded": _reminders_until(state, now)})
        case None:
            return state
        case _:
            assert_never(due)


def expire(state: GateState, now: datetime) -> GateState:
    """The gate once its deadline has passed: not approved, whatever the votes."""
    return state if state.outcome else state.model_copy(update={"outcome": "expired", "decided_at": now})


def withdraw(state: GateState, now: datetime) -> GateState:
    """The gate once nobody needs its decision any more; a decided gate does not change."""
    return state if state.outcome else state.model_copy(update={"outcome": "withdrawn", "decided_at": now})


# Refusals


def _refuse_at_all(state: GateState, decision: Decision, now: datetime) -> Refusal | None:
    """The refusals that hold for every answer."""
    if state.outcome is not None:
        return Refusal.of(
            GateDecided(f"The gate was {state.outcome.replace('_', ' ')} at {state.decided_at:%Y-%m-%d %H:%M:%S} UTC.")
        )
    if now >= state.due:
        return Refusal.of(GateExpired(f"The gate was due at {state.due:%Y-%m-%d %H:%M:%S} UTC; this vote came later."))
    if decision.digest != state.subject.digest:
        return Refusal.of(
            SubjectChanged(f"The vote is for digest {decision.digest[:12]}…, the gate is about {state.subject.digest[:12]}….")
        )
    if left_out := sorted(decision.voices & set(state.excluded)):
        return Refusal.of(FourEyes(f"{left_out[0]} owns, submitted or edited the subject, and so cannot decide about it."))
    return None


def _refuse_withdrawal(state: GateState, decision: Decision) -> Refusal | None:
    if any(decision.person.id in vote.voices for vote in state.votes):
        return None
    return Refusal.of(
        NothingToWithdraw(
            f"{decision.person.id} has no vote at this gate that could be taken back.",
            "Look at the gate's votes; one takes back only one's own, or one that was given in one's name.",
        )
    )


def _refuse_glass(state: GateState, decision: Decision) -> Refusal | None:
    needed = state.policy.break_glass
    if needed is not None and decision.on_behalf_of is None and needed in decision.person.roles:
        return None
    return Refusal.of(
        BreakGlassNotAllowed(
            f"{decision.person.id} may not break the glass at this gate.",
            f"Only {needed} may, in person." if needed else "Its policy names no role for that; ask whom it waits for.",
        )
    )


def _refuse_vote(state: GateState, decision: Decision, now: datetime) -> Refusal | None:
    roles, person = decision.roles, decision.person.id
    for vote in state.votes:
        if used := sorted(decision.voices & vote.voices):
            return Refusal.of(
                AlreadyVoted(
                    f"{used[0]} has voted at this gate already{_as_whom(vote, used[0])}.",
                    "One person counts once; take that vote back first, or wait for the others.",
                )
            )
    asked = {rule.role: rule.step for rule in state.policy.rules}
    stands_in = state.policy.escalation.to if state.policy.escalation and _stands_in(state, roles, now) else None
    if decision.role is not None and decision.role != stands_in:
        if decision.role not in asked or (decision.role not in roles and stands_in is None):
            return Refusal.of(
                RoleNotAsked(
                    f"{person} cannot vote as {decision.role} here.", f"The gate asks for: {', '.join(sorted(asked))}."
                )
            )
        later = asked[decision.role] > state.step
    else:
        if not set(asked) & set(roles) and stands_in is None:
            return Refusal.of(
                RoleNotAsked(
                    f"{person} has none of the roles that this gate asks for.",
                    f"Ask somebody with one of: {', '.join(sorted(asked))}.",
                )
            )
        later = not places_for(state, roles, now)
    if later:
        return Refusal.of(
            StepNotOpen(
                f"The gate is at step {state.step} of {state.steps}, and {person} is asked in a later one.",
                f"Wait until it has been approved as {counted(state.waits_for)}.",
            )
        )
    return None


def _refuse_without_reason(decision: Decision) -> Refusal | None:
    if decision.answer == "approve" or decision.reason.strip():
        return None
    return Refusal.of(
        ReasonMissing(f"To {decision.answer.replace('_', ' ')} needs a reason.", "Say in `reason` why, or what must change.")
    )


# Votes and places


def _roles_of(state: GateState, decision: Decision, now: datetime) -> tuple[Role, ...]:
    """The roles that a decision can count for: the named one, else all places that the person can fill now."""
    if decision.answer == "break_glass" and state.policy.break_glass is not None:
        return (state.policy.break_glass,)
    possible = places_for(state, decision.roles, now)
    return (decision.role,) if decision.role in possible else possible


def _stands_in(state: GateState, roles: Sequence[Role], now: datetime) -> bool:
    """Whether a person with these roles may fill any place, because the gate has escalated."""
    escalation = state.policy.escalation
    passed_by = state.escalated or (state.escalates_at is not None and now >= state.escalates_at)
    return escalation is not None and escalation.to in roles and passed_by


def places(policy: GatePolicy) -> list[Role]:
    """The places of a gate's policy: each role as often as its count."""
    return [rule.role for rule in policy.rules for _ in range(rule.count)]


def _assigned(policy: GatePolicy, votes: Sequence[Vote]) -> tuple[Vote, ...]:
    """The votes, each approval with the role that it counts for, so that as many places as possible are filled.

    The roles are assigned anew with each vote and each withdrawal, because the outcome must not depend on the order of arrival.
    """
    asked = places(policy)
    taken = assign(asked, [vote.roles if vote.answer == "approve" else () for vote in votes])
    roles = {number: asked[place] for place, number in taken.items()}
    return tuple(vote.model_copy(update={"role": roles.get(number, vote.roles[0])}) for number, vote in enumerate(votes))


def _reminders_until(state: GateState, now: datetime) -> int:
    return sum(1 for at in state.reminders if at <= now)


def _as_whom(vote: Vote, voice: str) -> str:
    if vote.on_behalf_of is None:
        return ""
    return f", for {vote.on_behalf_of}" if voice == vote.person else f", through {vote.person}"
