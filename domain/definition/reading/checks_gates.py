"""Checks of gates: roles that can vote, steps without gaps, times in their order."""

from collections.abc import Iterator
from itertools import pairwise

from domain.definition.gates import GatePolicy
from domain.definition.reading.plain import Finding, Plain, gates, twice

_OTHERS = "ask another role: finance, legal, marketing, operations, member_service, analyst or operator"


def asked(whole: Plain) -> Iterator[Finding]:
    """Each role is in one rule only, and none is the owner's, who is always excluded."""
    for gate in gates(whole):
        rules = gate["rules"].items()
        yield from twice(rules, "role", "{} is asked twice", "write one rule with the sum as its count")
        for role in [*(rule["role"] for rule in rules), gate["escalation"]["to"]]:
            if role.text == "product_owner":
                yield role.says("the program's owner is always left out of its gates, so this could never be met", _OTHERS)


def signed(whole: Plain) -> Iterator[Finding]:
    """No item of readiness is the owner's, who would sign their own work."""
    for item in whole["readiness"]["items"].items():
        if item["owner"].text == "product_owner":
            yield item["owner"].says("the program's owner signs nothing of their own program", _OTHERS)


def steps(whole: Plain) -> Iterator[Finding]:
    """The steps of a gate are 1, 2, 3 and so on."""
    for gate in gates(whole):
        rules = [(rule, 1 if rule["step"].value is None else rule["step"].number) for rule in gate["rules"].items()]
        known = {step for _, step in rules if step is not None}
        for rule, step in rules:
            if step is not None and step > 1 and step - 1 not in known:
                yield rule["step"].says(
                    f"no rule is of step {step - 1}, so step {step} would follow on nothing",
                    "number the steps 1, 2, 3 and so on",
                )


def times(whole: Plain) -> Iterator[Finding]:
    """Reminders rise, and they and the escalation come before the deadline."""
    for gate in gates(whole):
        deadline = gate["deadline"].period if gate["deadline"].given else GatePolicy.model_fields["deadline"].default
        escalation = gate["escalation"]["after"]
        reminders = gate["reminders"].items()
        for part, what in [*((reminder, "a reminder") for reminder in reminders), (escalation, "an escalation")]:
            after = part.period
            if after and deadline and after.approximate() >= deadline.approximate():
                yield part.says(
                    f"{what} after {after} comes when the gate has ended already, after {deadline}",
                    f"write a time shorter than {deadline}, or a longer deadline",
                )
        for before, reminder in pairwise(reminders):
            first, second = before.period, reminder.period
            if first and second and second.approximate() <= first.approximate():
                yield reminder.says(
                    f"{second} is not after the reminder before it ({first})", "write the reminders in rising order, each once"
                )


def automatic(whole: Plain) -> Iterator[Finding]:
    """Only the launch gate has figures for an automatic approval."""
    for gate in gates(whole):
        if gate["automatic"].given and gate.path != ("gates", "launch"):
            yield gate["automatic"].says(
                "the prototype's figures are known at the launch gate alone, so nothing could be approved by them here",
                "take it away, or write it under gates.launch",
            )
