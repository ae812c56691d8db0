"""Plots of series over months, as SVG inside a page: the colours are the page's, so that they follow its theme."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 600, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 26, 12, 26
_PLOT_WIDTH, _PLOT_HEIGHT = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_LABELS_AT_MOST = 9
_STEPS = (1, 2, 2.5, 5, 10)


class Series(NamedTuple):
    """A named row of values; `colour` is a class of the page."""

    name: str
    colour: str
    values: Sequence[float]


def stacked(title: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Plot columns, one for each label, with the series stacked."""
    tops = [sum(values) for values in zip(*(each.values for each in series), strict=True)]
    scale = _Scale(0, max(tops, default=0))
    slot = _PLOT_WIDTH / max(len(labels), 1)
    gap = min(slot * 0.25, 4)
    drawn = []
    for place, label in enumerate(labels):
        base = 0.0
        for each in series:
            value = each.values[place]
            y, bottom = scale.y(base + value), scale.y(base)
            if value > 0:
                x, width, height = _LEFT + place * slot + gap / 2, slot - gap, max(bottom - y - 0.6, 0.4)
                text = escape(f"{label}, {each.name}: {value:,.0f}")
                drawn.append(
                    f'<rect class="{each.colour}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
                    f"<title>{text}</title></rect>"
                )
            base += value
    return _figure(title, labels, series, scale, drawn, slot / 2, slot)


def lines(title: str, labels: Sequence[str], series: Sequence[Series], *, unit: str = "") -> str:
    """Plot a line for each series, with a point for each value."""
    values = [value for each in series for value in each.values]
    scale = _Scale(min([0, *values]), max([0, *values]), unit)
    slot = _PLOT_WIDTH / max(len(labels) - 1, 1)
    drawn = []
    for each in series:
        spots = [(_LEFT + place * slot, scale.y(value), value) for place, value in enumerate(each.values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in spots)
        drawn.append(f'<polyline class="line {each.colour}" points="{path}"/>')
        drawn += [
            f'<circle class="{each.colour}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
            f"<title>{escape(f'{label}, {each.name}: {_describe(value, unit)}')}</title></circle>"
            for label, (x, y, value) in zip(labels, spots, strict=True)
        ]
    return _figure(title, labels, series, scale, drawn, 0, slot)


class _Scale:
    """The mapping of values to positions in the plot, with round steps."""

    def __init__(self, least: float, most: float, unit: str = "") -> None:
        step = _step((most - least) / 4)
        self.unit = unit
        self.ticks: list[float] = []
        number = int(least // step)
        while not self.ticks or self.ticks[-1] < most:
            self.ticks.append(number * step)
            number += 1

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return _TOP + _PLOT_HEIGHT * (1 - (value - low) / ((high - low) or 1))


def _step(rough: float) -> float:
    if rough <= 0:
        return 1
    magnitude = 10.0 ** len(str(int(rough))) / 10 if rough >= 1 else 1.0
    while magnitude > rough:
        magnitude /= 10
    return next(step * magnitude for step in _STEPS if step * magnitude >= rough)


def _describe(value: float, unit: str = "") -> str:
    if unit == "%":
        return f"{value:.1f} %"
    size, letter = next(
        ((size, letter) for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")) if abs(value) >= size), (1.0, "")
    )
    size = 1e3 if letter == "k" else size
    return f"{value / size:,.2f}".rstrip("0").rstrip(".") + (f" {letter}" if letter else "")


def _figure(
    title: str, labels: Sequence[str], series: Sequence[Series], scale: _Scale, drawn: list[str], offset: float, slot: float
) -> str:
    grid = []
    for tick in scale.ticks:
        y, kind = scale.y(tick), "grid zero" if tick == 0 else "grid"
        grid.append(f'<line class="{kind}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        text = _describe(tick, scale.unit)
        grid.append(f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    every = -(-len(labels) // _LABELS_AT_MOST) or 1
    below = []
    for place in range(0, len(labels), every):
        x = _LEFT + offset + place * slot
        below.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(labels[place])}</text>')
    legend = "".join(f'<span><i class="{each.colour}"></i>{escape(each.name)}</span>' for each in series)
    drawing = "".join([*grid, *below, *drawn])
    named = escape(title)
    return (
        f'<figure><figcaption>{named}</figcaption><div class="legend">{legend}</div>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{named}">{drawing}</svg></figure>'
    )
