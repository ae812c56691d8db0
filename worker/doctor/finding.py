"""The findings of probes: one line on one thing, its severity, and its remedy."""

from collections.abc import Sequence
from enum import StrEnum

from domain.model import Value


class Status(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    OFF = "off"
    """It does not run, or is not needed here: a state, not a fault."""
    WARNING = "warning"
    """It works, and something about it may cause trouble later."""
    WRONG = "wrong"
    """It does not work."""


class Topic(StrEnum):
    """The headings under which findings are shown, in this order."""

    INSTALLED = "installed"
    MACHINE = "machine"
    STACK = "stack"
    SERVERS = "servers"


class Finding(Value):
    """The result for one examined thing; warnings and faults have a `remedy` in one sentence."""

    topic: Topic
    name: str
    status: Status
    detail: str
    remedy: str | None = None


class Examination(Value):
    """All findings, in the order in which they are shown."""

    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """The worst of the findings: `wrong`, `warning`, or `ok`."""
        found = {finding.status for finding in self.findings}
        return next((status for status in (Status.WRONG, Status.WARNING) if status in found), Status.OK)

    def of(self, topic: Topic) -> Sequence[Finding]:
        """Return the findings under one heading."""
        return [finding for finding in self.findings if finding.topic is topic]


class Reporter:
    """Makes the findings of one probe."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    def ok(self, name: str, detail: str) -> Finding:
        return Finding(topic=self._topic, name=name, status=Status.OK, detail=detail)

    def off(self, name: str, detail: str) -> Finding:
        return Finding(topic=self._topic, name=name, status=Status.OFF, detail=detail)

    def warning(self, name: str, detail: str, remedy: str) -> Finding:
        return Finding(topic=self._topic, name=name, status=Status.WARNING, detail=detail, remedy=remedy)

    def wrong(self, name: str, detail: str, remedy: str) -> Finding:
        return Finding(topic=self._topic, name=name, status=Status.WRONG, detail=detail, remedy=remedy)
