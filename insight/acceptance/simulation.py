"""The prototype: a definition simulated over a log of events, by the rules of the live program, and its cost.

Nothing is random: the same log always gives the same figures. `insight/acceptance/member_by_member.py` defines how members are
played, and how they redeem; `insight/acceptance/by_columns.py` gives the same result faster, for most definitions.
"""

from collections.abc import Iterable
from decimal import Decimal
from itertools import accumulate

from domain.acceptance.prototype import (
    ASSUMPTIONS,
    SWING,
    MemberOutcomes,
    Month,
    PrototypeResult,
    PrototypeRun,
    Sensitivity,
    TierOfRun,
    Totals,
    assumed,
    assuming,
    figures,
    judged,
    month,
    sensitivity,
    swung,
)
from domain.definition.document import Definition, digest
from domain.money import exponent
from insight.acceptance import by_columns, member_by_member
from insight.acceptance.column_plan import NotVectorizable
from insight.acceptance.event_log import EventLog, Purchase, of_purchases
from insight.acceptance.outcome import Outcome


def simulate(definition: Definition, purchases: Iterable[Purchase]) -> PrototypeResult:
    """Play the definition over the purchases, given in any order.

    A purchase is an event of the type that the definition's first rule with a rate names.
    Raises UnusableLog for an empty log, an instant without a zone, or an amount that is negative or finer than a smallest unit.
    """
    return run_on(definition, of_purchases(definition, purchases, definition.prototype.transactions))[0]


def run(definition: Definition, log: EventLog) -> PrototypeRun:
    """Play the definition over the log; return the result with its definition, log and members. Raises UnusableLog."""
    result, members = run_on(definition, log)
    return PrototypeRun(
        program=definition.program,
        name=definition.name,
        definition_digest=digest(definition),
        log=log.name,
        log_digest=log.digest,
        money=definition.money,
        tiers=tuple(TierOfRun(id=tier.id, name=tier.name, replaces=tier.replaces) for tier in definition.tiers),
        reading=log.reading,
        result=result,
        members=members,
    )


def run_on(definition: Definition, log: EventLog) -> tuple[PrototypeResult, MemberOutcomes]:
    """Play the definition over the log; return the figures and each member's outcome. Raises UnusableLog."""
    outcome = play(definition, log)
    total = _total(definition, outcome)
    found = figures(definition, total)
    criteria = judged(definition.prototype.criteria, found)
    result = PrototypeResult(
        figures=found,
        members_by_tier=_by_tier(definition, outcome, len(outcome.months) - 1),
        criteria=criteria,
        passed=all(each.passed for each in criteria),
        transactions=sum(outcome.transactions),
        period_start=outcome.start,
        period_end=outcome.end,
        assumptions={each: assumed(definition, each) for each in ASSUMPTIONS},
        months=_months(definition, outcome),
    )
    return result.model_copy(update={"sensitivity": _sensitivity(definition, log, result, total)}), outcome.members(definition)


def play(definition: Definition, log: EventLog) -> Outcome:
    """Play the log, by columns if the definition permits it, else member by member. Raises UnusableLog."""
    try:
        return by_columns.play(definition, log)
    except NotVectorizable:
        return member_by_member.play(definition, log)


def _sensitivity(definition: Definition, log: EventLog, base: PrototypeResult, total: Totals) -> tuple[Sensitivity, ...]:
    """Return the figures with each assumption moved down and up; only another `burn_share` needs another simulation."""
    found = []
    for assumption in ASSUMPTIONS:
        for change in (-SWING, SWING):
            totals = total
            if assumption == "burn_share" and (value := swung(definition, assumption, change)) != assumed(
                definition, assumption
            ):
                otherwise = assuming(definition, assumption, value)
                totals = _total(otherwise, play(otherwise, log))
            found.append(sensitivity(definition, assumption, change, base, totals))
    return tuple(found)


def _total(definition: Definition, outcome: Outcome) -> Totals:
    return Totals(
        members=len(outcome.customers),
        above_first_tier=sum(outcome.tiers_at_end[-1][1:]),
        issued=sum(outcome.issued),
        burned=sum(outcome.burned),
        expired=sum(outcome.expired),
        revenue=_units(definition, sum(outcome.money)),
    )


def _months(definition: Definition, outcome: Outcome) -> tuple[Month, ...]:
    sums = [
        accumulate(column, initial=0) for column in (outcome.issued_in, outcome.burned_in, outcome.expired_in, outcome.money)
    ]
    members = [0, *(sum(tiers) for tiers in outcome.tiers_at_end)]
    totals = [
        Totals(
            members=many,
            above_first_tier=0,
            issued=issued,
            burned=burned,
            expired=expired,
            revenue=_units(definition, money),
        )
        for many, issued, burned, expired, money in zip(members, *sums, strict=True)
    ]
    return tuple(
        month(
            definition,
            name,
            totals[number],
            totals[number + 1],
            transactions=outcome.transactions[number],
            members_by_tier=_by_tier(definition, outcome, number),
        )
        for number, name in enumerate(outcome.months.names)
    )


def _by_tier(definition: Definition, outcome: Outcome, number: int) -> dict[str, int]:
    return {tier.id: outcome.tiers_at_end[number][rank] for rank, tier in enumerate(definition.tiers)}


def _units(definition: Definition, money: int) -> Decimal:
    return Decimal(money).scaleb(-exponent(definition.money))
