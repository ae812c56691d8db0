"""Checks of the rollout: waves with a cohort or rising shares, and guardrails whose counts fit."""

from collections.abc import Iterator
from decimal import Decimal

from domain.definition.reading.plain import Finding, Plain, twice


def waves(whole: Plain) -> Iterator[Finding]:
    """A wave is for a cohort or for a share; shares rise to the whole, and each cohort has one wave."""
    listed = whole["waves"].items()
    last: Decimal | None = None
    shares: list[Plain] = []
    for wave in listed:
        share, cohort = wave["share"], wave["cohort"]
        if isinstance(wave.value, dict) and not share.given and not cohort.given:
            yield wave.says("says not for whom it is", "add share with a percentage of all members, or cohort with a name")
        if share.given and cohort.given:
            yield cohort.says("the wave is for a share already", "take one of share and cohort away, or write two waves")
        if wave["invitations"].given and not cohort.given:
            yield wave["invitations"].says(
                "who is in a share is not known before they come", "take it away, or name a cohort in place of the share"
            )
        if last is not None and last >= 100 and cohort.given:
            yield cohort.says("everybody is in by the wave before it", "put the wave before the one with a share of 100")
        if share.given:
            shares.append(share)
        if share.number is not None:
            if last is not None and share.number <= last:
                yield share.says(f"{share.number} is not above the wave before it ({last})", "write a higher share")
            last = share.number
    yield from twice(listed, "cohort", "the cohort {} has a wave already", "take one of the two waves away")
    if shares and (final := shares[-1]).number is not None and final.number < 100:
        yield final.says(f"the last wave reaches only {final.number} percent of members", "write 100, or add a wave with 100")


def guardrails(whole: Plain) -> Iterator[Finding]:
    """A guardrail needs no more failures than checks, and a lifetime value has its terms."""
    judged = {rule["kpi"].text for rule in whole["evaluation"]["kpis"].items()}
    for guardrail in whole["guardrails"].items():
        count = Decimal(1) if guardrail["count"].value is None else guardrail["count"].number
        failures = guardrail["failures"].number
        if count is not None and failures is not None and failures > count:
            yield guardrail["failures"].says(
                f"of {count} looks, {failures} cannot fail", f"write {count} at most, or a higher count"
            )
        if guardrail["kpi"].text == "lifetime_value" and "lifetime_value" not in judged:
            yield guardrail["kpi"].says(
                "a lifetime value needs its terms", "add lifetime_value with its lifetime to evaluation.kpis"
            )
