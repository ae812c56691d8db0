"""A prototype's run, or two runs side by side, as one self-contained page: tables, and plots as SVG."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape

from domain.acceptance.comparison import Comparison, FigureDifference, MemberDifference
from domain.acceptance.prototype import CriterionResult, PrototypeRun
from pages.frame import TIER_COLOURS, Marked, table, whole
from pages.plots import Series, lines, stacked

_TILES = ("members", "points_issued", "points_outstanding", "liability", "cost", "cost_per_member", "cost_share_of_revenue")


def page(run: PrototypeRun, other: PrototypeRun | None = None, found: Comparison | None = None) -> str:
    """Compose the page of a run; with another run, their comparison comes before the plots, and the other run at the end."""
    title = f"{run.name}: what would it cost?"
    parts = [_head(run), _tiles(run), _criteria(run)]
    if other is not None and found is not None:
        parts += [_comparison(found, run, other)]
    parts += [_plots(run), _months(run), _sensitivity(run), _reading(run)]
    if other is not None:
        parts += [_head(other, 2), _tiles(other), _criteria(other), _plots(other), _months(other), _sensitivity(other)]
    return whole(title, parts)


def _head(run: PrototypeRun, level: int = 1) -> str:
    result = run.result
    assumed = ", ".join(f"{_words(name)} {_number(value)}" for name, value in result.assumptions.items())
    return (
        f"<h{level}>{escape(run.name)}: what would it cost?</h{level}>"
        f'<p class="quiet">{result.transactions:,} events of the log {escape(run.log)}, {result.period_start:%-d %B %Y} to '
        f"{result.period_end:%-d %B %Y}. Definition <code>{run.definition_digest[:16]}</code>. Money in {run.money}.</p>"
        f'<p class="quiet">{escape(result.burn_model)} Assumed: {escape(assumed)}.</p>'
    )


def _tiles(run: PrototypeRun) -> str:
    tiles = "".join(
        f'<div class="tile"><b>{_figure(name, run.result.figures.get(name))}</b><span>{escape(_words(name))}</span></div>'
        for name in _TILES
    )
    return f'<div class="tiles">{tiles}</div>'


def _criteria(run: PrototypeRun) -> str:
    rows = [
        [_words(each.figure), _figure(each.figure, each.value), _asked(each), Marked("passed" if each.passed else "failed")]
        for each in run.result.criteria
    ]
    verdict = "Every criterion is met" if run.result.passed else "Not every criterion is met"
    return f"<h2>{verdict}</h2>" + table(("Figure", "Value", "Asked for", "Result"), rows, numbers={1})


def _asked(each: CriterionResult) -> str:
    sides = (("at least", each.at_least), ("at most", each.at_most))
    return ", ".join(f"{side} {_figure(each.figure, bound)}" for side, bound in sides if bound is not None)


def _plots(run: PrototypeRun) -> str:
    months = run.result.months
    labels = [month.month for month in months]
    colours = [f"t{min(rank, TIER_COLOURS - 1)}" for rank in range(len(run.tiers))]
    tiers = [
        Series(tier.name, colour, [month.members_by_tier[tier.id] for month in months])
        for tier, colour in zip(run.tiers, colours, strict=True)
    ]
    shares = [float(month.cost_share_of_revenue or 0) * 100 for month in months]
    plots = [
        stacked("Members by tier at the end of the month", labels, tiers),
        stacked("Members above the first tier", labels, tiers[1:]) if len(tiers) > 1 else "",
        lines(
            "Points in the month",
            labels,
            [
                Series("issued", "a", [month.points_issued for month in months]),
                Series("burned", "b", [month.points_burned for month in months]),
                Series("expired", "c", [month.points_expired for month in months]),
            ],
        ),
        lines("Points outstanding", labels, [Series("outstanding", "a", [month.points_outstanding for month in months])]),
        lines(
            f"Owed at the end of the month, {run.money}",
            labels,
            [
                Series("liability (value to members)", "a", [float(month.liability) for month in months]),
                Series("management liability (cost)", "b", [float(month.management_liability) for month in months]),
            ],
        ),
        lines("Cost as share of the month's revenue", labels, [Series("cost / revenue", "a", shares)], unit="%"),
    ]
    return f'<h2>Month by month</h2><div class="plots">{"".join(plots)}</div>'


def _months(run: PrototypeRun) -> str:
    columns = ("Month", "Events", "Revenue", "Members", *(tier.name for tier in run.tiers[1:]))
    columns += ("Issued", "Burned", "Expired", "Outstanding", "Liability", "Cost", "Per member", "Of revenue")
    rows = [
        [
            month.month,
            _number(month.transactions),
            _number(round(month.revenue)),
            _number(month.members),
            *(_number(month.members_by_tier[tier.id]) for tier in run.tiers[1:]),
            *map(_number, (month.points_issued, month.points_burned, month.points_expired, month.points_outstanding)),
            *map(_number, (round(month.liability), round(month.cost))),
            _figure("cost_per_member", month.cost_per_member),
            _figure("cost_share_of_revenue", month.cost_share_of_revenue),
        ]
        for month in run.result.months
    ]
    return "<h2>The figures of each month</h2>" + table(columns, rows, numbers=set(range(1, len(columns))))


def _sensitivity(run: PrototypeRun) -> str:
    names = ("points_burned", "points_outstanding", "liability", "cost", "cost_per_member", "cost_share_of_revenue")
    base = run.result.figures
    rows: list[list[str]] = [["as written", "", *(_figure(name, base.get(name)) for name in names), ""]]
    for each in run.result.sensitivity:
        then = [_figure(name, each.figures[name]) if name in each.figures else "=" for name in names]
        flips = [f"{_words(name)} now fails" for name in each.now_failing]
        flips += [f"{_words(name)} now passes" for name in each.now_passing]
        change = f"{_words(each.assumption)} {each.change * 100:+.0f} %"
        rows.append([change, _number(each.value), *then, ", ".join(flips) or "as before"])
    columns = ("If …", "is", *map(_words, names), "Criteria")
    return "<h2>If an assumption is wrong</h2>" + table(columns, rows, numbers=set(range(1, len(names) + 2)))


def _reading(run: PrototypeRun) -> str:
    reading = run.reading
    if reading is None:
        return ""
    columns = ", ".join(f"{what} = {column}" for what, column in reading.columns.items())
    notes = "".join(f"<p>{escape(note)}</p>" for note in reading.notes)
    rows = [[each.kind, _number(each.rows), ", ".join(map(str, each.lines)), each.example] for each in reading.faults]
    faults = table(("Left out", "Rows", "First lines", "The first"), rows, numbers={1}) if rows else ""
    return (
        f"<h2>How the log was read</h2><p>{reading.used:,} of {reading.rows:,} rows used; columns: {escape(columns)}.</p>"
        f"{notes}{faults}"
    )


def _comparison(found: Comparison, run: PrototypeRun, other: PrototypeRun) -> str:
    notes = "".join(f"<p>{escape(note)}</p>" for note in found.notes)
    rows = [_difference(each, _words(each.figure)) for each in found.figures]
    rows += [_difference(each, f"members: {each.figure}") for each in found.members_by_tier]
    parts = [
        f"<h2>Against {escape(other.name)} <code>{other.definition_digest[:12]}</code></h2>{notes}",
        '<div class="plots">',
        _side_by_side("Points outstanding", found, "outstanding"),
        _side_by_side(f"Liability, {run.money}", found, "liability"),
        "</div><br>",
        table(("Figure", "Before", "After", "Difference"), rows, numbers={1, 2, 3}),
    ]
    if found.tiers:
        changes = [[each.before, each.after, _number(each.members), each.direction] for each in found.tiers]
        parts += ["<h2>Members by change of tier</h2>", table(("Before", "After", "Members", ""), changes, numbers={2})]
    if found.points is not None:
        points = found.points
        quantiles = ", ".join(f"{percent} %: {value:,}" for percent, value in points.quantiles.items())
        parts += [
            "<h2>Who gains and who loses points</h2>",
            f"<p>{points.gaining:,} members gain {points.points_gained:,} points, {points.losing:,} lose "
            f"{points.points_lost:,}, {points.same:,} get as many. "
            f"On average {points.mean:+,.2f}; quantiles of the difference: {quantiles}.</p>",
            _largest("The largest gains", points.largest_gains),
            _largest("The largest losses", points.largest_losses),
        ]
    return "".join(parts)


def _side_by_side(title: str, found: Comparison, what: str) -> str:
    before, after = ([float(getattr(month, f"{what}_{side}")) for month in found.months] for side in ("before", "after"))
    return lines(title, [month.month for month in found.months], [Series("before", "a", before), Series("after", "b", after)])


def _difference(each: FigureDifference, name: str) -> list[str]:
    before, after = _figure(each.figure, each.before), _figure(each.figure, each.after)
    if each.difference is None:
        return [name, before, after, "-"]
    if "share" in each.figure:
        return [name, before, after, f"{each.difference * 100:+.1f} points of %"]
    return [name, before, after, f"{each.difference:+,.2f}".removesuffix(".00") if each.difference else "="]


def _largest(title: str, members: Sequence[MemberDifference]) -> str:
    rows = [
        [
            each.customer,
            _number(each.points_before),
            _number(each.points_after),
            f"{each.difference:+,}",
            each.tier_before,
            each.tier_after,
        ]
        for each in members
    ]
    if not rows:
        return ""
    columns = ("Customer", "Before", "After", "Difference", "Tier before", "Tier after")
    return f"<h2>{title}</h2>" + table(columns, rows, numbers={1, 2, 3})


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(value: Decimal | int) -> str:
    text = f"{Decimal(value):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _figure(name: str, value: Decimal | None) -> str:
    if value is None:
        return "-"
    return f"{value * 100:.1f} %" if "share" in name else _number(round(value, 2))
