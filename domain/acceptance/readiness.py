"""Readiness before a launch: the checks, the gaps that they find, and each gap's owner and remedy."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from domain.definition.document import Definition
from domain.definition.partners import Partner
from domain.definition.readiness import ReadinessItem
from domain.definition.rewards import VoucherFulfilment
from domain.identity.roles import Role
from domain.ids import BULK_QUEUE, MEMBERS_QUEUE, NOTICES_QUEUE, PROGRAMS_QUEUE
from domain.model import Message
from domain.notices.gate_notices import Routing

Area = Literal["workers", "ledger", "stock", "messages", "notices", "partners", "signatures"]
State = Literal["ready", "missing", "unknown"]
"""`unknown`: the check itself has failed, which counts as not ready."""

QUEUES = (PROGRAMS_QUEUE, MEMBERS_QUEUE, BULK_QUEUE, NOTICES_QUEUE)
_OWNERS: Mapping[Area, Role] = {
    "workers": "operator",
    "ledger": "finance",
    "stock": "operations",
    "messages": "marketing",
    "notices": "operator",
    "partners": "legal",
}
"""The owner of each area that the system checks itself; a signature belongs to the item's owner."""
_UNFINISHED = re.compile(r"\b(TODO|TBD|FIXME|XXX|lorem ipsum)\b", re.IGNORECASE)
_PLACE = re.compile(r"\{[^{}]*\}|\[\[[^\[\]]*\]\]|<<[^<>]*>>")
_LOOK_AGAIN = "See the log of the worker that looked; it is looked at again by itself."


class Finding(Message):
    """One thing that must be ready: its state and the reason, its owner, and the remedy, as of one instant.

    `by_revision`: only another revision can make it ready, so that waiting has no use.
    """

    id: str
    area: Area
    about: str
    state: State
    owner: Role
    why: str = ""
    how: str = ""
    by_revision: bool = False


class Check(Message):
    """The result of a check of a revision's readiness, as of an instant."""

    program: str
    revision: int
    at: datetime
    findings: tuple[Finding, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        """The findings that are not ready, in the order of the areas."""
        return tuple(each for each in self.findings if each.state != "ready")

    @property
    def ready(self) -> bool:
        return not self.missing

    @property
    def sends_back(self) -> bool:
        """Whether a finding can only be cured by another revision."""
        return any(each.by_revision for each in self.missing)

    @property
    def summary(self) -> str:
        """The gaps with their owners, in one line."""
        return "; ".join(f"{each.about}: {each.why} ({each.owner})" for each in self.missing)


class Pollers(Message):
    """The number of workers that have polled a queue recently, for workflows and for activities."""

    workflows: int
    activities: int


class Signature(Message):
    """The signature of a person with the item's owner role."""

    item: str
    person: str
    note: str
    at: datetime


def unknown(area: Area, reason: str) -> Finding:
    """The finding for an area whose check has failed."""
    return Finding(
        id=area,
        area=area,
        about=_ABOUT[area],
        state="unknown",
        owner=_OWNERS[area],
        why=f"not known: {reason}",
        how=_LOOK_AGAIN,
    )


def of_workers(pollers: Mapping[str, Pollers]) -> Iterator[Finding]:
    """Whether workers poll each queue for workflows and for activities."""
    for queue, found in pollers.items():
        lacking = [kind for kind, many in (("workflows", found.workflows), ("activities", found.activities)) if not many]
        reason = f"no worker asks for {' and '.join(lacking)}" if lacking else ""
        yield _finding(
            "workers", queue, f"workers on the queue {queue}", reason, f"Start a worker that serves the queue {queue}."
        )


def of_ledger(program: str, drifts: Sequence[str]) -> Finding:
    """Whether the program's ledger is without drift; `drifts` are the first ones, in words."""
    reason = f"{len(drifts)} drift{'s' * (len(drifts) != 1)}, the first: {drifts[0]}" if drifts else ""
    return _finding("ledger", "", "the ledger", reason, f"See `tenure ledger check {program}`, and correct what it names.")


def of_stock(definition: Definition, free: Mapping[str, int]) -> Iterator[Finding]:
    """Whether each voucher reward has enough codes; `free` are the codes left, by reward."""
    wanted = definition.readiness.codes_in_stock
    for reward in definition.rewards:
        if isinstance(reward.fulfilment, VoucherFulfilment):
            asked = min(wanted, reward.stock) if reward.stock is not None else wanted
            has = free.get(reward.id, 0)
            reason = f"{has} free code{'s' * (has != 1)}, and {asked} must be there" if has < asked else ""
            how = f"Load codes: `tenure reward stock {definition.program} {reward.id} FILE`."
            yield _finding("stock", reward.id, f"codes for the reward {reward.id}", reason, how)


def of_messages(definition: Definition) -> Iterator[Finding]:
    """Whether the texts for members are finished; an offer, which is sent as it is written, must have no placeholder."""
    texts = {f"the message {each.id}": each.message for each in definition.interactions}
    for about, text in texts.items():
        unfinished = _UNFINISHED.search(text)
        reason = f"its words are not finished: {unfinished[0]!r}" if unfinished else ""
        yield _finding("messages", about.rpartition(" ")[2], about, reason, _ANOTHER, by_revision=True)
    if definition.retention is not None:
        text = definition.retention.offer.message
        unfinished, place = _UNFINISHED.search(text), _PLACE.search(text)
        reason = f"nobody fills {place[0]!r}: the offer goes out as it is written" if place else ""
        reason = f"its words are not finished: {unfinished[0]!r}" if unfinished else reason
        yield _finding("messages", "offer", "the offer to silent members", reason, _ANOTHER, by_revision=True)


def of_notices(definition: Definition, routing: Routing) -> Iterator[Finding]:
    """Whether notices reach every role that a gate will wait for."""
    gates = {"launch": definition.gates.launch, "wind-down": definition.gates.wind_down}
    gates |= {f"wave {wave.id}": wave.gate for wave in definition.waves if wave.gate is not None}
    asking: dict[Role, list[str]] = {}
    for name, policy in gates.items():
        for role in dict.fromkeys(rule.role for rule in policy.rules):
            asking.setdefault(role, []).append(name)
    for role, names in asking.items():
        known = bool(routing.of((role,), definition.program))
        reason = "" if known else f"no notice reaches them, and they decide at {', '.join(names)}"
        how = f"Name somewhere to tell {role} in the notices file, and restart the workers."
        yield _finding("notices", role, f"notices for {role}", reason, how)


def of_partners(definition: Definition, at: datetime) -> Iterator[Finding]:
    """Whether each partner has an agreement in force at the instant."""
    for partner in definition.partners:
        reason, by_revision = _agreement(definition, partner, at)
        how = _ANOTHER if by_revision else "Wait until it is, or hand in a revision with another date."
        yield _finding("partners", partner.id, f"the agreement with {partner.name}", reason, how, by_revision=by_revision)


def of_signatures(definition: Definition, signatures: Mapping[str, Signature]) -> Iterator[Finding]:
    """Whether each item is signed by its owner."""
    for item in definition.readiness.items:
        signed = signatures.get(item.id)
        yield Finding(
            id=f"signatures/{item.id}",
            area="signatures",
            about=item.name,
            state="ready" if signed else "missing",
            owner=item.owner,
            why=f"signed by {signed.person}" + (f": {signed.note}" if signed.note else "") if signed else "not signed",
            how="" if signed else f"Sign it: `tenure readiness sign {definition.program} {item.id} --note …`.",
        )


def item_of(definition: Definition, item_id: str) -> ReadinessItem | None:
    """The item that people sign, by its id; None if the definition has none."""
    return next((item for item in definition.readiness.items if item.id == item_id), None)


def _agreement(definition: Definition, partner: Partner, at: datetime) -> tuple[str, bool]:
    zone = definition.zone
    if partner.agreement is None:
        return "none is named", True
    if partner.agreement_from is not None and at < partner.agreement_from.at(zone):
        return f"{partner.agreement} is in force from {partner.agreement_from} on", False
    if partner.agreement_until is not None and at >= partner.agreement_until.at(zone):
        return f"{partner.agreement} was in force until {partner.agreement_until}", True
    return "", False


def _finding(area: Area, part: str, about: str, reason: str, how: str, *, by_revision: bool = False) -> Finding:
    return Finding(
        id=f"{area}/{part}" if part else area,
        area=area,
        about=about,
        state="missing" if reason else "ready",
        owner=_OWNERS[area],
        why=reason,
        how=how if reason else "",
        by_revision=by_revision and bool(reason),
    )


_ANOTHER = "Hand in a revision in which it is corrected."
_ABOUT: Mapping[Area, str] = {
    "workers": "workers on the queues",
    "ledger": "the ledger",
    "stock": "codes for rewards",
    "messages": "the words for members",
    "notices": "notices for those who decide",
    "partners": "the partners' agreements",
    "signatures": "the signatures",
}
