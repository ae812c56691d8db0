"""What an operator reads in the Temporal UI while a workflow waits: one way to write an instant, a list, a call to act."""

from datetime import datetime

from domain.gates import GateState


def instant(at: datetime | None) -> str:
    """An instant as people read it."""
    return at.strftime("%d %b %Y %H:%M:%S UTC") if at is not None else "no date"


def summary(text: str) -> str:
    """The text as far as Temporal keeps one for a workflow, an activity or a timer: 200 bytes."""
    return text.encode()[:200].decode(errors="ignore")


def told(title: str, *lines: str) -> str:
    """A heading and its lines, as Markdown."""
    return "\n".join([f"### {title}", *(f"- {line}" for line in lines if line)])


def gate_waits(state: GateState) -> str:
    """Who is waited for at a gate, since when, until when, and how to act."""
    missing = ", ".join(f"{role} ({count} more)" for role, count in state.missing.items())
    approvals = sum(1 for vote in state.votes if vote.answer == "approve")
    needed = sum(rule.count for rule in state.policy.rules)
    return told(
        f"Waiting for {missing}",
        f"to decide about **{state.subject.title}** (digest `{state.subject.digest[:12]}`)",
        f"since {instant(state.opened_at)}, due {instant(state.due)}",
        f"{approvals} of {needed} approvals" + (f": {', '.join(vote.person for vote in state.votes)}" if state.votes else ""),
        f"left out (four eyes): {', '.join(state.excluded)}",
        f"to act: `tenure gate approve {state.id}` or `reject` or `request-changes --reason …`",
    )


def gate_ended(state: GateState) -> str:
    """How a gate ended, and by whom."""
    votes = [f"{vote.person} ({vote.role}): {vote.answer.replace('_', ' ')} {vote.reason}".rstrip() for vote in state.votes]
    return told(
        f"{(state.outcome or 'open').replace('_', ' ').capitalize()} on {instant(state.decided_at)}",
        state.subject.title,
        *votes,
    )
