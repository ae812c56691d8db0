"""Prints a prototype's run, and the comparison of two."""

from decimal import Decimal
from typing import TYPE_CHECKING

from rich.text import Text

from cli.core.output import cell, console, facts, heading, table
from cli.core.text import clean, count, figure_value, number, percent, words

if TYPE_CHECKING:
    from domain.acceptance.comparison import Comparison, FigureDifference, MemberDifference
    from domain.acceptance.prototype import CriterionResult, LogReading, PrototypeResult, PrototypeRun


def print_run(run: "PrototypeRun") -> None:
    """Print a run: the reading of its log, the figures, the months, the criteria, and the sensitivity."""
    if run.reading is not None:
        print_reading(run.reading)
    out, result = console(), run.result
    text = f"{result.period_start:%Y-%m-%d} to {result.period_end:%Y-%m-%d}"
    out.print(heading(f"{run.name} on {run.log}: {count(result.transactions, 'event')}, {text}"))
    out.print(facts({"digest": run.definition_digest, "redemption": result.burn_model, **_assumptions(result)}))
    _print_figures(run)
    _print_months(run)
    _print_sensitivity(run)
    passed = sum(each.passed for each in result.criteria)
    out.print(_verdict(result.passed), cell(f"{passed} of {count(len(result.criteria), 'criterion', 'criteria')} met."))


def print_reading(reading: "LogReading") -> None:
    """Print the reading of a log: columns, assumptions, and rows that cannot be used."""
    out = console()
    columns = ", ".join(f"{what} = {column}" for what, column in reading.columns.items())
    out.print(facts({"rows": f"{reading.used:,} of {reading.rows:,} used", "columns": columns}))
    for note in reading.notes:
        out.print(cell(note, "yellow"))
    rows = [
        [fault.kind, number(fault.rows), ", ".join(map(str, fault.lines)), fault.example, fault.remedy]
        for fault in reading.faults
    ]
    if rows:
        out.print(
            table("Rows that cannot be used", ("What", "Rows", "First lines", "The first", "What to do"), rows, right=("Rows",))
        )


def print_comparison(found: "Comparison") -> None:
    """Print the comparison of two runs, and the members who gain and lose."""
    out = console()
    out.print(heading(f"{found.before}  →  {found.after}"))
    for note in found.notes:
        out.print(cell(note, "yellow"))
    rows = [_difference(each) for each in found.figures]
    rows += [_difference(each, f"members: {each.figure}") for each in found.members_by_tier]
    out.print(table("", ("Figure", "Before", "After", "Difference"), rows, right=("Before", "After", "Difference")))
    if found.tiers:
        changes = [[each.before, each.after, number(each.members), each.direction] for each in found.tiers]
        out.print(table("Members by change of tier", ("Before", "After", "Members", ""), changes, right=("Members",)))
    if found.points is not None:
        points = found.points
        details = {
            "gain points": f"{count(points.gaining, 'member')}, {number(points.points_gained)} points in all",
            "lose points": f"{count(points.losing, 'member')}, {number(points.points_lost)} points in all",
            "as many": count(points.same, "member"),
            "on average": f"{_signed(round(points.mean, 2))} points",
            "quantiles": ", ".join(f"{percent} %: {_signed(Decimal(value))}" for percent, value in points.quantiles.items()),
        }
        out.print(heading("Points issued to each member"))
        out.print(facts(details))
        _print_largest("The largest gains", points.largest_gains)
        _print_largest("The largest losses", points.largest_losses)


def _assumptions(result: "PrototypeResult") -> dict[str, object]:
    return {words(name): number(value) for name, value in result.assumptions.items()}


def _verdict(passed: bool) -> Text:
    return Text("passed", style="green") if passed else Text("failed", style="bold red")


def _print_figures(run: "PrototypeRun") -> None:
    result = run.result
    bounds = {criterion.figure: criterion for criterion in result.criteria}
    rows: list[list[object]] = [
        [words(name), figure_value(name, str(value)), *_bound(bounds.get(name))] for name, value in result.figures.items()
    ]
    rows += [[words(name), "-", *_bound(bounds[name])] for name in bounds if name not in result.figures]
    rows += [[f"members: {tier}", number(many), "", ""] for tier, many in result.members_by_tier.items()]
    console().print(
        table(f"In total, money in {run.money}", ("Figure", "Value", "Asked for", "Result"), rows, right=("Value",))
    )


def _bound(criterion: "CriterionResult | None") -> list[object]:
    if criterion is None:
        return ["", ""]
    sides = [("at least", criterion.at_least), ("at most", criterion.at_most)]
    asked = ", ".join(f"{side} {figure_value(criterion.figure, str(bound))}" for side, bound in sides if bound is not None)
    return [asked, _verdict(criterion.passed)]


def _print_months(run: "PrototypeRun") -> None:
    above = [tier.id for tier in run.tiers[1:]]
    tiers = (words(tier) for tier in above)
    columns = (
        "Month",
        "Members",
        *tiers,
        "Revenue",
        "Issued",
        "Burned",
        "Expired",
        "Outstanding",
        "Liability",
        "Cost",
        "of revenue",
    )
    rows = [
        [
            month.month,
            number(month.members),
            *(number(month.members_by_tier[tier]) for tier in above),
            number(round(month.revenue)),
            number(month.points_issued),
            number(month.points_burned),
            number(month.points_expired),
            number(month.points_outstanding),
            number(round(month.liability)),
            number(round(month.cost)),
            "-" if month.cost_share_of_revenue is None else percent(month.cost_share_of_revenue),
        ]
        for month in run.result.months
    ]
    console().print(table("Month by month", columns, rows, right=columns[1:]))


def _print_sensitivity(run: "PrototypeRun") -> None:
    rows = [
        [
            f"{words(each.assumption)} {each.change * 100:+.0f} %",
            number(each.value),
            ", ".join(
                f"{words(name)} {figure_value(name, str(value))}" for name, value in each.figures.items() if name in _TOLD
            )
            or "nothing changes",
            ", ".join(
                [f"{words(name)} now fails" for name in each.now_failing]
                + [f"{words(name)} now passes" for name in each.now_passing]
            ),
        ]
        for each in run.result.sensitivity
    ]
    if rows:
        console().print(table("If an assumption is wrong", ("Assumption", "Value", "Then", "Criteria"), rows, right=("Value",)))


_TOLD = frozenset({"points_burned", "points_outstanding", "cost", "cost_share_of_revenue", "liability"})


def _difference(each: "FigureDifference", name: str | None = None) -> list[object]:
    before, after = (figure_value(each.figure, None if value is None else str(value)) for value in (each.before, each.after))
    if each.difference is None:
        return [name or words(each.figure), before, after, "-"]
    share = "share" in each.figure
    text = f"{each.difference * 100:+.1f} points of %" if share else _signed(round(each.difference, 2))
    if not share and each.before and each.difference:
        text += f" ({each.difference / each.before * 100:+.1f} %)"
    return [name or words(each.figure), before, after, text if each.difference else "="]


def _signed(value: Decimal) -> str:
    return f"+{number(value)}" if value > 0 else number(value)


def _print_largest(title: str, members: "tuple[MemberDifference, ...]") -> None:
    rows = [
        [
            clean(each.customer),
            number(each.points_before),
            number(each.points_after),
            _signed(Decimal(each.difference)),
            each.tier_before if each.tier_before == each.tier_after else f"{each.tier_before} → {each.tier_after}",
        ]
        for each in members
    ]
    if rows:
        columns = ("Customer", "Before", "After", "Difference", "Tier")
        console().print(table(title, columns, rows, right=columns[1:4]))
