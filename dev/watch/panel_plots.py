"""One panel drawn from its queries' answers, near enough to Grafana's that a reader knows what to expect."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullFormatter
from numpy.typing import NDArray

from dev.prometheus import Series
from dev.watch.panels import Kind, Look, Panel
from dev.watch.unit_words import in_words

__all__ = ["COLOURS", "INK", "PALE", "Answered", "background_of", "draw"]

INK: Final = "#24292e"
PALE: Final = "#8a919a"
_GRID: Final = "#e9ecef"
COLOURS: Final = {
    "green": "#56a64b",
    "light-green": "#96d98d",
    "yellow": "#e0b400",
    "orange": "#ff780a",
    "red": "#e02f44",
    "light-red": "#ff7383",
    "blue": "#3274d9",
    "purple": "#8f3bb8",
    "light-purple": "#ca95e5",
}
"""Grafana's names of colours, in the shades that its light theme gives them."""
_CLASSIC: Final = ("#3274d9", "#ff780a", "#56a64b", "#8f3bb8", "#e02f44", "#37872d", "#e0b400", "#8ab8ff")
_CLOCK_S: Final = 60
_LETTER_IN: Final = 0.063
_HANDLE_IN: Final = 0.33
"""Of a legend's name at its size of letters, and of the line and the gaps beside it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A series with the name that the panel gives it, before looks are applied."""

    legend: str
    series: Series


def draw(axes: Axes, panel: Panel, answers: Sequence[Answered], start_s: float, end_s: float) -> None:
    """Into `axes`, whose place is the panel's less its title. Times are seconds since 1970."""
    if panel.kind is not Kind.STAT and not _said(answers):
        _nothing(axes, panel.nothing or "no data")
        return
    if panel.kind in {Kind.LINES, Kind.HEATMAP}:
        axes.set_xlim(0, end_s - start_s)
    _DRAWN[panel.kind](axes, panel, answers, start_s)


def background_of(panel: Panel, answers: Sequence[Answered]) -> str:
    """Of the whole panel: a colour where words stand for numbers, else none."""
    value = _last(answers)
    if not panel.words or math.isnan(value):
        return ""
    return _hex(panel.words[round(value)].colour)


def _stat(axes: Axes, panel: Panel, answers: Sequence[Answered], start_s: float) -> None:
    value = _last(answers)
    axes.axis("off")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    if math.isnan(value):
        axes.text(0.5, 0.5, panel.nothing or "no data", ha="center", va="center", fontsize=13, color=PALE)
        return
    if panel.words:
        word = panel.words[round(value)].text
        axes.text(
            0.5,
            0.55,
            word,
            ha="center",
            va="center",
            fontsize=min(20, panel.width * 45 / len(word)),
            color="white",
            fontweight="bold",
        )
        return
    colour = _colour_at(panel, value)
    words = in_words(value, panel.unit, panel.decimals)
    size = min(22.0, panel.width * 50 / len(words))
    axes.text(0.5, 0.62, words, ha="center", va="center", fontsize=size, color=colour, fontweight="bold")
    if not panel.still:
        _small_curve(axes, answers[0].series, colour, start_s)


def _small_curve(axes: Axes, series: Series, colour: str, start_s: float) -> None:
    at, values = _course(series, start_s)
    if len(at) < 2:
        return
    lowest, highest = min(0.0, float(np.nanmin(values))), float(np.nanmax(values))
    heights = 0.26 * (values - lowest) / (highest - lowest or 1)
    along = (at - at[0]) / (at[-1] - at[0])
    axes.fill_between(along, 0, heights, color=colour, alpha=0.18, linewidth=0)
    axes.plot(along, heights, color=colour, linewidth=1, alpha=0.7, clip_on=False)


def _lines(axes: Axes, panel: Panel, answers: Sequence[Answered], start_s: float) -> None:
    _frame(axes)
    drawn = [one for one in answers if _said([one])]
    if panel.stacked:
        _stack(axes, panel, drawn, start_s)
    for number, one in enumerate(drawn if not panel.stacked else ()):
        at, values = _course(one.series, start_s)
        look, colour, name = _look(panel, one.legend, number)
        style = (0, (5, 4)) if look.dashed else "-"
        axes.plot(at, values, color=colour, linewidth=1.2 if look.dashed else 1.6, linestyle=style, label=name)
        if not look.dashed and panel.least == 0 and len(drawn) <= 2:
            axes.fill_between(at, 0, values, color=colour, alpha=0.07, linewidth=0)
    _scale(axes, panel, drawn)
    if panel.marks:
        _marks(axes, panel)
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Below the clock, in as many columns as the longest name lets stand side by side."""
    box, figure = axes.get_window_extent(), axes.get_figure()
    assert figure is not None
    names = [str(name) for name in axes.get_legend_handles_labels()[1]]
    across = max(map(len, names), default=1) * _LETTER_IN + _HANDLE_IN
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, -0.24 / (box.height / figure.dpi)),
        ncols=max(1, min(len(names), int(box.width / figure.dpi / across))),
        frameon=False,
        fontsize=7.5,
        handlelength=1.2,
        columnspacing=1.1,
        handletextpad=0.5,
        labelcolor=INK,
        borderaxespad=0,
    )


def _stack(axes: Axes, panel: Panel, answers: Sequence[Answered], start_s: float) -> None:
    moments = sorted({at_s for one in answers for at_s, _ in one.series.points})
    below: NDArray[np.float64] = np.zeros(len(moments))
    for number, one in enumerate(answers):
        known = dict(one.series.points)
        values = np.nan_to_num(np.array([known.get(at_s, 0.0) for at_s in moments]))
        _, colour, name = _look(panel, one.legend, number)
        axes.fill_between(
            np.array(moments) - start_s, below, below + values, color=colour, alpha=0.75, linewidth=0, label=name
        )
        below = below + values


def _scale(axes: Axes, panel: Panel, answers: Sequence[Answered]) -> None:
    unit = "none" if panel.unit.startswith("suffix:") else panel.unit
    if panel.log:
        axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: in_words(value, unit)))
    if panel.log:
        axes.yaxis.set_major_locator(LogLocator(numticks=5))
        axes.yaxis.set_minor_formatter(NullFormatter())
        return
    axes.yaxis.set_major_locator(MaxNLocator(4))
    low, high = axes.get_ylim()
    if panel.least is not None:
        low, most = panel.least, max(_values(answers), default=0.0)
        high = low + 1 if most <= low else max(high, most * 1.08)
    axes.set_ylim(low, min(high, panel.most * 1.02) if panel.most is not None else high)


def _marks(axes: Axes, panel: Panel) -> None:
    """Lines at the steps that the shown range reaches, so that one far above does not flatten the curves."""
    low, high = axes.get_ylim()
    for value, colour in panel.steps:
        if value is None or value > 1.6 * high:
            continue
        axes.axhline(value, color=_hex(colour), linewidth=1, alpha=0.8)
        high = max(high, value * 1.08)
    axes.set_ylim(low, high)


def _heatmap(axes: Axes, panel: Panel, answers: Sequence[Answered], start_s: float) -> None:
    """Buckets of equal height, as Grafana draws edges that are not evenly apart; its rows are named by upper edges."""
    _frame(axes)
    edges = sorted(answers, key=lambda one: float(one.legend))
    moments = sorted({at_s for one in edges for at_s, _ in one.series.points})
    cumulative = np.array([[dict(one.series.points).get(at_s, np.nan) for at_s in moments] for one in edges])
    counts = np.clip(np.diff(np.nan_to_num(cumulative), axis=0, prepend=0.0), 0, None)
    used = np.flatnonzero(counts.sum(axis=1) > 0)
    first, last = (int(used[0]), int(used[-1])) if len(used) else (0, len(edges) - 1)
    shown = np.sqrt(np.ma.masked_less_equal(counts[first : last + 1], 1e-9))
    across = np.append(np.array(moments), moments[-1] + 1) - start_s
    axes.pcolormesh(across, np.arange(shown.shape[0] + 1), shown, cmap="Blues", vmin=0, edgecolors="none")
    labels = [f"≤ {in_words(float(one.legend), panel.unit)}" for one in edges[first : last + 1]]
    every = max(1, math.ceil(len(labels) / 9))
    axes.set_yticks(np.arange(len(labels))[::every] + 0.5, labels[::every])
    axes.grid(visible=False)


def _bars(axes: Axes, panel: Panel, answers: Sequence[Answered], start_s: float) -> None:
    del start_s
    axes.axis("off")
    rows = [(one.legend, _last([one])) for one in answers]
    most = max(value for _, value in rows)
    axes.set_xlim(0, 1)
    axes.set_ylim(max(len(rows), 5), 0)
    for number, (name, value) in enumerate(rows):
        axes.text(0, number + 0.5, name, va="center", fontsize=9, color=INK)
        axes.barh(number + 0.5, 0.4 * value / most, 0.62, left=0.45, color=_colour_at(panel, value))
        words = in_words(value, panel.unit, panel.decimals)
        axes.text(0.46 + 0.4 * value / most, number + 0.5, words, va="center", fontsize=9, color=INK)


def _table(axes: Axes, panel: Panel, answers: Sequence[Answered], start_s: float) -> None:
    del start_s
    axes.axis("off")
    rows = [[one.series.labels.get(label, "") for label in panel.columns] for one in answers]
    heads = list(panel.columns.values())
    widest = [max(len(head), *(len(row[at]) for row in rows)) + 3 for at, head in enumerate(heads)]
    most = max(26, math.floor(panel.width * 7.2) - sum(sorted(widest)[:-1]))
    widest = [min(width, most) for width in widest]
    lefts = np.concatenate(([0.0], np.cumsum(widest)[:-1])) / max(sum(widest), panel.width * 7)
    axes.set_xlim(0, 1)
    axes.set_ylim(4, 0)
    for left, head, width, at in zip(lefts, heads, widest, range(len(heads)), strict=True):
        axes.text(left, 0.5, head, va="center", fontsize=8.5, color=PALE, fontweight="bold")
        for number, row in enumerate(sorted(rows)[:3]):
            text = row[at] if len(row[at]) < width else row[at][: width - 4] + "…"
            axes.text(left, number + 1.5, text, va="center", fontsize=9, color=INK)


_DRAWN: Final[Mapping[Kind, Callable[[Axes, Panel, Sequence[Answered], float], None]]] = {
    Kind.BARS: _bars,
    Kind.HEATMAP: _heatmap,
    Kind.LINES: _lines,
    Kind.STAT: _stat,
    Kind.TABLE: _table,
}


def _nothing(axes: Axes, words: str) -> None:
    axes.axis("off")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=11, color=PALE)


def _frame(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.spines[:].set_visible(False)
    axes.tick_params(which="both", length=0, labelsize=7.5, labelcolor=PALE, pad=3)
    axes.xaxis.set_major_locator(MultipleLocator(_CLOCK_S / 2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{int(at) // _CLOCK_S}:{int(at) % _CLOCK_S:02d}"))


def _look(panel: Panel, legend: str, number: int) -> tuple[Look, str, str]:
    look = panel.looks.get(legend, Look())
    colour = _hex(look.colour) if look.colour else _CLASSIC[number % len(_CLASSIC)]
    return look, colour, look.name or legend


def _hex(colour: str) -> str:
    return COLOURS.get(colour, colour)


def _colour_at(panel: Panel, value: float) -> str:
    found = "green"
    for since, colour in panel.steps:
        if since is None or value >= since:
            found = colour
    return _hex(found)


def _course(series: Series, start_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    points = np.array(series.points, dtype=np.float64)
    return points[:, 0] - start_s, np.where(np.isinf(points[:, 1]), np.nan, points[:, 1])


def _values(answers: Sequence[Answered]) -> list[float]:
    return [value for one in answers for _, value in one.series.points if math.isfinite(value)]


def _said(answers: Sequence[Answered]) -> bool:
    return bool(_values(answers))


def _last(answers: Sequence[Answered]) -> float:
    """The last number of the first series, as Grafana's `lastNotNull`."""
    values = _values(answers[:1])
    return values[-1] if values else math.nan
