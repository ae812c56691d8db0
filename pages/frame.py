"""Self-contained pages: one frame and one kind of table, without anything that a browser would have to fetch."""

from collections.abc import Iterable, Sequence
from html import escape

TIER_COLOURS = 8
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The content security policy of such a page: a browser loads nothing but the style inside it."""
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
_COLOURS = ("a", "b", "c", *(f"t{number}" for number in range(TIER_COLOURS)))


def whole(title: str, parts: Iterable[str]) -> str:
    """Compose the page; `parts` are HTML, the title is plain text."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}{_colours()}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


class Marked(str):
    """A verdict, in its colour."""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: set[int]) -> str:
    """Compose a table of plain texts; the columns whose indexes are in `numbers` are aligned as numbers."""

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}{_class(value, place in numbers)}>{escape(value)}</{tag}>" for place, value in enumerate(row))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{cells("th", columns)}</tr></thead><tbody>{body}</tbody></table></div>'


def _class(value: str, is_number: bool) -> str:
    if isinstance(value, Marked):
        return f' class="{value}"'
    return ' class="n"' if is_number else ""


def _colours() -> str:
    rules = (
        f".{name} {{ fill: var(--{name}); background: var(--{name}); }} .line.{name} {{ fill: none; stroke: var(--{name}); }}\n"
        for name in _COLOURS
    )
    return "".join(rules)
