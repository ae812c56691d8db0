"""The details that an operator reads in the Temporal UI while a workflow waits: instants, lists, calls to act."""

from datetime import datetime

from domain.gates.state import GateState


def instant(at: datetime | None) -> str:
    """An instant in a form for people, in UTC."""
    return at.strftime("%d %b %Y %H:%M:%S UTC") if at is not None else "no date"


def summary(text: str) -> str:
    """The text cut to 200 bytes, Temporal's limit for the summary of a workflow, an activity or a timer."""
    return text.encode()[:200].decode(errors="ignore")


def markdown(title: str, *lines: str) -> str:
    """A heading and its lines, as Markdown."""
    return "\n".join([f"### {title}", *(f"- {line}" for line in lines if line)])


def gate_waits(state: GateState) -> str:
    """The roles for which a gate waits, its step, its opening, its due date, and the commands to act."""
    missing = ", ".join(f"{role} ({count} more)" for role, count in state.waits_for.items())
    approvals = sum(1 for vote in state.votes if vote.answer == "approve")
    needed = sum(rule.count for rule in state.policy.rules)
    escalation, glass = state.policy.escalation, state.policy.break_glass
    stands_in = ""
    if escalation is not None and state.escalates_at is not None:
        since = "since" if state.escalated else "from"
        stands_in = f"{escalation.to} may stand in {since} {instant(state.escalates_at)}"
    return markdown(
        f"Waiting for {missing}",
        f"to decide about **{state.subject.title}** (digest `{state.subject.digest[:12]}`)",
        f"since {instant(state.opened_at)}, due {instant(state.due)}",
        f"step {state.step} of {state.steps}" if state.steps > 1 else "",
        f"{approvals} of {needed} approvals" + (f": {', '.join(vote.who for vote in state.votes)}" if state.votes else ""),
        f"reminded {state.reminded} of {len(state.reminders)} times" if state.reminders else "",
        stands_in,
        f"left out (four eyes): {', '.join(state.excluded)}",
        f"to act: `tenure gate approve {state.id}` or `reject` or `request-changes --reason …`",
        f"in an emergency {glass} alone: `tenure gate break-glass {state.id} --reason …`" if glass else "",
    )


def gate_ended(state: GateState) -> str:
    """How a gate ended, and by whose votes."""
    votes_cast = [*state.votes, *([state.glass] if state.glass else [])]
    votes = [f"{vote.who} ({vote.role}): {vote.answer.replace('_', ' ')} {vote.reason}".rstrip() for vote in votes_cast]
    return markdown(
        f"{(state.outcome or 'open').replace('_', ' ').capitalize()} on {instant(state.decided_at)}",
        state.subject.title,
        *votes,
        "by the written policy, without people" if state.by_policy else "",
        state.reasons if state.lacking else "",
    )
