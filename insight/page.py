"""A prototype's run, or two side by side, as one page that stands by itself: tables, and plots as SVG."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from domain.prototype import CriterionResult, PrototypeRun
from domain.prototype_comparison import Comparison, FigureDifference, MemberDifference
from insight.plots import Series, lines, stacked

_TILES = ("members", "points_issued", "points_outstanding", "liability", "cost", "cost_per_member", "cost_share_of_revenue")
_TIER_COLOURS = 8
_STYLE = """
:root { color-scheme: light dark;
  --page: #f6f6f3; --card: #fff; --ink: #1b1c1a; --quiet: #62645f; --rule: #dcddd6; --good: #1c6e43; --bad: #b3261e;
  --a: #2a6fb0; --b: #c65d1e; --c: #7b7d76; --t0: #b9c4ce; --t1: #7fa6c6; --t2: #3f7fb5; --t3: #1f5488; --t4: #0f2f55;
  --t5: #7a4f9a; --t6: #a8477f; --t7: #c65d1e; }
@media (prefers-color-scheme: dark) { :root {
  --page: #151614; --card: #1f201e; --ink: #ecece6; --quiet: #a3a59d; --rule: #393b37; --good: #6cc796; --bad: #f2938b;
  --a: #6aaee6; --b: #ee9a5f; --c: #9a9c94; --t0: #56616b; --t1: #4d7ea6; --t2: #5fa3d8; --t3: #97c8ee; --t4: #d3e8fa;
  --t5: #b793d3; --t6: #dd8fbb; --t7: #ee9a5f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 28px 24px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 12px; }
p { margin: 4px 0; max-width: 90ch; } .quiet { color: var(--quiet); } code { font-size: 13px; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
.tile, figure, .table { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.tile { padding: 12px 14px; } .tile b { display: block; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--quiet); font-size: 13px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(520px, 100%), 1fr)); gap: 16px; }
figure { margin: 0; padding: 14px 16px 8px; } figcaption { font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; color: var(--quiet); font-size: 13px; min-height: 20px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--rule); stroke-width: 1; } .zero { stroke: var(--quiet); }
.tick { fill: var(--quiet); font-size: 11.5px; font-variant-numeric: tabular-nums; } .line { fill: none; stroke-width: 2; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 6px 10px; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: top; }
td:first-child { white-space: nowrap; }
tr:last-child td { border-bottom: 0; } th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.passed { color: var(--good); font-weight: 600; } .failed { color: var(--bad); font-weight: 600; }
"""
_COLOURS = ("a", "b", "c", *(f"t{number}" for number in range(_TIER_COLOURS)))


def page(run: PrototypeRun, other: PrototypeRun | None = None, found: Comparison | None = None) -> str:
    """The page of a run; with another run and their comparison, who gains and loses by that one comes first."""
    title = f"{run.name}: what would it cost?"
    parts = [_head(run), _tiles(run), _criteria(run)]
    if other is not None and found is not None:
        parts += [_comparison(found, run, other)]
    parts += [_plots(run), _months(run), _sensitivity(run), _reading(run)]
    if other is not None:
        parts += [_head(other, 2), _tiles(other), _criteria(other), _plots(other), _months(other), _sensitivity(other)]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}{_colours()}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _colours() -> str:
    rules = (
        f".{name} {{ fill: var(--{name}); background: var(--{name}); }} .line.{name} {{ fill: none; stroke: var(--{name}); }}\n"
        for name in _COLOURS
    )
    return "".join(rules)


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
        [_words(each.figure), _figure(each.figure, each.value), _asked(each), _Marked("passed" if each.passed else "failed")]
        for each in run.result.criteria
    ]
    verdict = "Every criterion is met" if run.result.passed else "Not every criterion is met"
    return f"<h2>{verdict}</h2>" + _table(("Figure", "Value", "Asked for", "Result"), rows, numbers={1})


def _asked(each: CriterionResult) -> str:
    sides = (("at least", each.at_least), ("at most", each.at_most))
    return ", ".join(f"{side} {_figure(each.figure, bound)}" for side, bound in sides if bound is not None)


def _plots(run: PrototypeRun) -> str:
    months = run.result.months
    labels = [month.month for month in months]
    colours = [f"t{min(rank, _TIER_COLOURS - 1)}" for rank in range(len(run.tiers))]
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
    return "<h2>The figures of each month</h2>" + _table(columns, rows, numbers=set(range(1, len(columns))))


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
    return "<h2>If an assumption is wrong</h2>" + _table(columns, rows, numbers=set(range(1, len(names) + 2)))


def _reading(run: PrototypeRun) -> str:
    reading = run.reading
    if reading is None:
        return ""
    columns = ", ".join(f"{what} = {column}" for what, column in reading.columns.items())
    notes = "".join(f"<p>{escape(note)}</p>" for note in reading.notes)
    rows = [[each.kind, _number(each.rows), ", ".join(map(str, each.lines)), each.example] for each in reading.faults]
    faults = _table(("Left out", "Rows", "First lines", "The first"), rows, numbers={1}) if rows else ""
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
        _table(("Figure", "Before", "After", "Difference"), rows, numbers={1, 2, 3}),
    ]
    if found.tiers:
        changes = [[each.before, each.after, _number(each.members), each.direction] for each in found.tiers]
        parts += ["<h2>Members by change of tier</h2>", _table(("Before", "After", "Members", ""), changes, numbers={2})]
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
    return f"<h2>{title}</h2>" + _table(columns, rows, numbers={1, 2, 3})


class _Marked(str):
    """A verdict, in its colour."""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: set[int]) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}{_class(value, place in numbers)}>{escape(value)}</{tag}>" for place, value in enumerate(row))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{cells("th", columns)}</tr></thead><tbody>{body}</tbody></table></div>'


def _class(value: str, is_number: bool) -> str:
    if isinstance(value, _Marked):
        return f' class="{value}"'
    return ' class="n"' if is_number else ""


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(value: Decimal | int) -> str:
    text = f"{Decimal(value):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _figure(name: str, value: Decimal | None) -> str:
    if value is None:
        return "-"
    return f"{value * 100:.1f} %" if "share" in name else _number(round(value, 2))
