"""Checks of rewards and of joining: what is offered at some time, and a fee that can be paid."""

from collections.abc import Iterator

from domain.definition_plain import Finding, Plain, decimals_of, finer


def rewards(whole: Plain) -> Iterator[Finding]:
    """Every reward is offered at some time."""
    for reward in whole["rewards"].items():
        begins, ends = reward["from"].moment, reward["until"].moment
        if begins and ends and begins.is_day and ends.is_day and ends.value <= begins.value:
            yield reward["until"].says(
                f"the reward ends on {ends}, and begins on {begins}: it is never offered", "write a later day"
            )


def joining(whole: Plain) -> Iterator[Finding]:
    """The fee is one that somebody can pay."""
    fee, decimals = whole["joining"]["fee"].number, decimals_of(whole)
    if fee is not None and decimals is not None and finer(fee, decimals):
        yield whole["joining"]["fee"].says(
            f"{fee} is finer than the money's smallest unit", f"write at most {decimals} decimals"
        )
