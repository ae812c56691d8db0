"""Notices of gates: their recipients and their texts; the same words by every channel, and never a secret."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, get_args

from domain.gates.state import GateState, Vote
from domain.identity.roles import Role
from domain.model import Message

GateNoticeKind = Literal["requested", "reminded", "escalated", "decided", "alarmed", "unsatisfiable"]
"""`alarmed`: a person broke the glass; `unsatisfiable`: too few people are left to give the required approvals."""
NoticeKind = Literal[GateNoticeKind, "test"]
Channel = Literal["mail", "webhook", "log"]

_ACTING: frozenset[GateNoticeKind] = frozenset({"requested", "reminded", "escalated"})
"""The kinds that ask people to decide."""
_DIGITS = 12
_LONGEST_SUBJECT = 180


class Addressee(Message):
    """A recipient of notices: a mail address, the name of a webhook, or the log; without roles or programs, for all of them."""

    channel: Channel
    recipient: str
    roles: tuple[Role, ...] = ()
    programs: tuple[str, ...] = ()

    def wants(self, roles: Iterable[Role], program: str | None) -> bool:
        """Whether this recipient gets a notice for these roles about this program (None: about no program)."""
        return (not self.roles or not set(self.roles).isdisjoint(roles)) and (
            program is None or not self.programs or program in self.programs
        )


class Routing(Message):
    """The installation's recipients, and the address under which its people find a gate (`{public_url}/gates/…`)."""

    addressees: tuple[Addressee, ...]
    public_url: str

    def of(self, roles: Iterable[Role], program: str | None) -> tuple[tuple[Channel, str], ...]:
        """The channels and recipients of a notice: each once, however many of its roles match."""
        wanted = tuple(roles)
        return tuple(dict.fromkeys((to.channel, to.recipient) for to in self.addressees if to.wants(wanted, program)))


class GateNotice(Message):
    """A notice of a gate in its present state.

    `number` counts notices of one kind (the second reminder is 2); `to` are roles beside those of the kind, such as the role
    of an escalation.
    """

    kind: GateNoticeKind
    state: GateState
    at: datetime
    number: int = 1
    to: tuple[Role, ...] = ()

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that get the notice."""
        asked: tuple[Role, ...] = tuple(rule.role for rule in self.state.policy.rules)
        by_kind: dict[GateNoticeKind, tuple[Role, ...]] = {
            "requested": tuple(self.state.waits_for),
            "reminded": tuple(self.state.waits_for),
            "escalated": ("product_owner",),
            "decided": (*asked, "product_owner"),
            "alarmed": (*asked, "product_owner", "operator"),
            "unsatisfiable": ("product_owner", "operator"),
        }
        return tuple(dict.fromkeys((*self.to, *by_kind[self.kind])))


class DeliveryRetries(Message):
    """The attempts of a delivery, and the waits between them: twelve attempts within about a day."""

    first_seconds: float = 5.0
    factor: float = 3.0
    longest_seconds: float = 6 * 3600.0
    attempts: int = 12


class Delivery(Message):
    """One round of delivering one notice; `what` is its content in words, without any name."""

    notice: str
    round: int
    what: str
    patience: DeliveryRetries = DeliveryRetries()


class Words(Message):
    """A notice in words: one line, and a text of several."""

    subject: str
    body: str


def notice_id(gate: str, kind: NoticeKind, number: int, channel: Channel, recipient: str) -> str:
    """The id of a notice to one recipient: the same for the same content, and without any name."""
    return sha256("\n".join((gate, kind, str(number), channel, recipient)).encode()).hexdigest()[:32]


def written(notice: GateNotice, public_url: str) -> Words:
    """The text for a person: the request or the event, its subject, the due date, the votes, and how to act."""
    state = notice.state
    facts = {
        "Program": state.subject.program,
        "Gate": state.id,
        "About": _line(state.subject.title),
        "Digest": f"{state.subject.digest[:_DIGITS]}…",
        "Asked": _counted((rule.role, rule.count) for rule in state.policy.rules),
        "Missing": _counted(state.missing.items()) if state.outcome is None else "",
        "Voted": "; ".join(_vote(vote) for vote in state.votes) or "nobody yet",
        "Due": _instant(state.due) if state.outcome is None else "",
        "Decided": _instant(state.decided_at) if state.decided_at is not None else "",
    }
    lines = [
        _opening(notice),
        "",
        *(f"{name + ':':9}{value}" for name, value in facts.items() if value),
        "",
        *_how_to_act(notice),
    ]
    lines += ["", f"{public_url.rstrip('/')}/gates/{state.id}", "The link only shows the gate; to open it decides nothing."]
    return Words(subject=_subject(notice), body="\n".join(lines) + "\n")


def payload(notice: GateNotice, words: Words, public_url: str) -> str:
    """The JSON for a webhook: the type, the instant, the gate's data, and the text for people."""
    state = notice.state
    return _as_json(
        f"gate.{notice.kind}",
        notice.at,
        {
            "program": state.subject.program,
            "gate": state.id,
            "number": notice.number,
            "subject": {"kind": state.subject.kind, "title": state.subject.title, "digest": state.subject.digest},
            "missing": state.missing if state.outcome is None else {},
            "votes": [{"person": vote.person, "role": vote.role, "answer": vote.answer} for vote in state.votes],
            "outcome": state.outcome,
            "due": state.due.isoformat(),
            "link": f"{public_url.rstrip('/')}/gates/{state.id}",
            "title": words.subject,
            "text": words.body,
        },
    )


def written_test(at: datetime) -> Words:
    """The text of a notice that only tests the delivery."""
    return Words(
        subject="A test of Tenure's notices",
        body=f"Notices of Tenure arrive here. This one was asked for at {_instant(at)} as a test.\nThere is nothing to do.\n",
    )


def payload_of_test(at: datetime, words: Words) -> str:
    """The same for a webhook."""
    return _as_json("test", at, {"title": words.subject, "text": words.body})


def every_role() -> tuple[Role, ...]:
    """All roles, for notices to everybody."""
    return get_args(Role)


def _subject(notice: GateNotice) -> str:
    state = notice.state
    outcome = (state.outcome or "open").replace("_", " ")
    missing = _counted(state.missing.items())
    begins = {
        "requested": f"Waits for {missing}",
        "reminded": f"Reminder, waits for {missing}",
        "escalated": f"Escalated, waits for {missing}",
        "decided": outcome.capitalize(),
        "alarmed": "Break glass",
        "unsatisfiable": "Nobody left can approve",
    }
    line = f"{begins[notice.kind]}: {_line(state.subject.title)} ({state.subject.program}, gate {state.gate})"
    return line if len(line) <= _LONGEST_SUBJECT else line[: _LONGEST_SUBJECT - 1] + "…"


def _opening(notice: GateNotice) -> str:
    state = notice.state
    missing = _counted(state.missing.items())
    sentences = {
        "requested": f"A decision is asked for: the gate waits for {missing}.",
        "reminded": f"The gate still waits for {missing}. Time never approves: undecided, it ends at its deadline.",
        "escalated": f"The gate has waited long for {missing}; {', '.join(notice.to) or 'product_owner'} may now step in.",
        "decided": f"The gate is decided: {(state.outcome or 'open').replace('_', ' ')}.",
        "alarmed": "The glass was broken: the gate was passed without the approvals that it asks for. It will be reviewed.",
        "unsatisfiable": f"Nobody who may vote is left to give what the gate asks for: {missing}. Nothing was approved.",
    }
    return sentences[notice.kind]


def _how_to_act(notice: GateNotice) -> list[str]:
    gate, digest = notice.state.id, notice.state.subject.digest[:_DIGITS]
    read = ["To read what it is about:", f"  tenure gate show {gate}"]
    if notice.kind not in _ACTING:
        return read
    return [
        *read,
        "To decide about exactly this digest:",
        f"  tenure gate approve {gate} --digest {digest}",
        f'  tenure gate request-changes {gate} --digest {digest} --reason "…"',
        f'  tenure gate reject {gate} --digest {digest} --reason "…"',
    ]


def _vote(vote: Vote) -> str:
    """A vote in words, without its reason: that is free text, to be read at the gate."""
    return f"{vote.person} ({vote.role}): {vote.answer.replace('_', ' ')}"


def _counted(roles: Iterable[tuple[Role, int]]) -> str:
    return ", ".join(role if count == 1 else f"{count} {role}" for role, count in roles) or "nobody"


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %b %Y %H:%M} UTC"


def _line(text: str) -> str:
    """A text on one line, as a mail's header needs it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _as_json(kind: str, at: datetime, data: object) -> str:
    document = {"type": kind, "timestamp": at.astimezone(UTC).isoformat(), "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
