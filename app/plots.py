"""Plots as SVG text for self-contained pages: no script, no font and no picture from elsewhere."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["arrivals_svg", "bars_svg", "det_svg", "latency_svg", "scores_svg", "slices_svg", "thresholds_svg"]

_COLOURS = {"accepted": "#2e7d32", "review": "#f9a825", "rejected": "#c62828"}
_INK = "#37474f"
_BACKGROUND = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1.0}
"""Behind words that curves run through."""
_BELOW_LABELS = 0.72
"""The share of a plot's height that scores take where words stand above them."""
_CURVES = ("#1565c0", "#2e7d32", "#ef6c00", "#8e24aa")


def arrivals_svg(
    received_at_s: Sequence[float], closed_at_s: Sequence[float], moments: Sequence[tuple[float, str]]
) -> str:
    """Received and closed so far, over time; the gap between the lines is what is open."""
    figure, axes = _frame("seconds", "check-ins")
    for times, name, style in ((received_at_s, "received", "--"), (closed_at_s, "closed", "-")):
        axes.step(sorted(times), range(1, len(times) + 1), style, where="post", label=name, color=_INK)
    for at_s, text in moments:
        axes.axvline(at_s, color="#8e24aa", linewidth=1)
        axes.annotate(
            text.partition(" (")[0],
            (at_s, 0.04),
            (4, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            rotation=90,
            fontsize=7,
            color="#8e24aa",
            bbox=_BACKGROUND,
        )
    axes.legend(frameon=False, loc="upper left")
    return _svg(figure)


def latency_svg(latencies_s: Sequence[float], counted: str = "from received to durable verdict") -> str:
    """How many check-ins waited how long, with p50 and p99 marked."""
    figure, axes = _frame(f"seconds {counted}", "check-ins")
    if latencies_s:
        values = np.asarray(latencies_s)
        axes.hist(values, bins=40, color="#90a4ae")
        for quantile, height in ((50, 0.92), (99, 0.82)):
            at = float(np.percentile(values, quantile))
            axes.axvline(at, color=_INK, linewidth=1)
            left = at > (values.min() + values.max()) / 2
            axes.annotate(
                f"p{quantile} {at:.2f} s",
                (at, height),
                (-5 if left else 5, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="right" if left else "left",
                fontsize=8,
                bbox=_BACKGROUND,
            )
    return _svg(figure)


def slices_svg(
    slices: Sequence[tuple[float, float, float | None, float | None]], moments: Sequence[tuple[float, str]]
) -> str:
    """Over time: arrivals a second as steps, p50 and p99 as lines. A slice is (seconds, arrivals a second, p50, p99),
    None where nothing was answered."""
    figure, axes = _frame("seconds", "seconds waited")
    came = axes.twinx()
    came.fill_between(
        [at_s for at_s, *_ in slices], [rate for _, rate, *_ in slices], step="post", color="#b0bec5", alpha=0.4
    )
    came.set_ylabel("arrivals a second")
    came.set_ylim(bottom=0)
    came.spines["top"].set_visible(False)
    for place, name, colour in ((2, "p50", _CURVES[0]), (3, "p99", _COLOURS["rejected"])):
        known = [(one[0], wait) for one in slices if (wait := one[place]) is not None]
        axes.plot([at_s for at_s, _ in known], [wait for _, wait in known], ".-", label=name, color=colour, linewidth=1)
    for at_s, _ in moments:
        axes.axvline(at_s, color="#8e24aa", linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_zorder(came.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    return _svg(figure)


def bars_svg(counts: Mapping[tuple[str, str], int]) -> str:
    """One bar per reason from counts of (outcome, reason), in the colours of the outcomes it stood beside."""
    totals: Counter[str] = Counter()
    for (_, reason), count in counts.items():
        totals[reason] += count
    names = sorted(totals, key=lambda name: (totals[name], name))
    figure, axes = _frame("verdicts", "", height=0.9 + 0.24 * max(1, len(names)))
    before = np.zeros(len(names))
    for outcome, colour in _COLOURS.items():
        widths = np.array([counts.get((outcome, name), 0) for name in names], dtype=float)
        bars = axes.barh(names, widths, left=before, color=colour, label=outcome)
        before += widths
    axes.bar_label(bars, labels=[str(totals[name]) for name in names], fontsize=8, padding=3)
    axes.tick_params(axis="y", labelsize=8)
    axes.margins(y=0.01)
    axes.legend(frameon=False, loc="lower right")
    return _svg(figure)


def det_svg(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], marks: Mapping[str, Mapping[str, float | None]]
) -> str:
    """Detection error trade-off: FNMR over FMR, both logarithmic (ISO/IEC 19795-1).

    `marks`: for a curve's name, FNMR at named FMRs: dots, with a number beside those of the first curve alone, so that
    numbers of curves that run close together do not lie on one another.
    """
    figure, axes = _frame("false match rate (FMR)", "false non-match rate (FNMR)", height=4.4)
    lowest = 1.0
    for number, (name, (fmr, fnmr)) in enumerate(curves.items()):
        at = [(x, y) for x, y in zip(fmr, fnmr, strict=True) if x > 0 and y > 0]
        lowest = min([lowest, *(y for _, y in at)])
        colour = _CURVES[number % len(_CURVES)]
        axes.plot([x for x, _ in at], [y for _, y in at], label=name, color=colour, linewidth=1.6)
        for rate, y in marks.get(name, {}).items():
            if not y:
                continue
            axes.plot([float(rate)], [y], "o", color=colour, markersize=4)
            if number == 0:
                axes.annotate(
                    f"{y:.2%}",
                    (float(rate), y),
                    (8, 7),
                    textcoords="offset points",
                    fontsize=8,
                    color=colour,
                    bbox=_BACKGROUND,
                    zorder=5,
                )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1e-5, 1)
    bottom = max(1e-4, 10 ** np.floor(np.log10(lowest)))
    axes.set_ylim(bottom, 1)
    axes.plot([bottom, 1], [bottom, 1], ":", color="#b0bec5", label="equal errors")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(frameon=False, loc="lower left", fontsize=8)
    return _svg(figure)


def scores_svg(
    edges: Sequence[float],
    genuine: Sequence[int],
    impostor: Sequence[int],
    thresholds: Mapping[str, float | None],
    unit: str,
) -> str:
    """How similar one person's photos are, and how similar two people's; a line where each rate's threshold lies."""
    figure, axes = _frame(unit, "share of the comparisons")
    for counts, name, colour in ((impostor, "two people", "#c62828"), (genuine, "one person", "#2e7d32")):
        shares = np.asarray(counts, dtype=float) / max(1, sum(counts))
        axes.stairs(shares, edges, fill=True, alpha=0.35, color=colour, label=name)
        axes.stairs(shares, edges, color=colour, linewidth=1)
    axes.set_ylim(0, axes.get_ylim()[1] / _BELOW_LABELS)
    known = sorted((similarity, rate) for rate, similarity in thresholds.items() if similarity is not None)
    for number, (similarity, rate) in enumerate(known):
        # Each line ends at its words, which so stand above the lines to their right, and all of them above the scores.
        top = 0.98 - (0.98 - _BELOW_LABELS) * number / len(known)
        axes.axvline(similarity, ymax=top, color=_INK, linewidth=1, linestyle="--")
        axes.annotate(f" FMR {rate}", (similarity, top), xycoords=("data", "axes fraction"), fontsize=8, va="top")
    axes.legend(frameon=False, loc="upper left")
    return _svg(figure)


def thresholds_svg(
    curves: Mapping[str, Sequence[tuple[float, float, tuple[float, float] | None]]],
    scale: str,
    dotted: Mapping[str, Sequence[tuple[float, float]]] = MappingProxyType({}),
) -> str:
    """Thresholds over rates, which are logarithmic: (rate, threshold, 95 % interval) per curve.

    `dotted` are somebody else's of the same names, in the same colours: (rate, threshold). What only they have is named
    as well.
    """
    figure, axes = _frame("false match rate (FMR)", scale, height=4.6)
    names = sorted({*curves, *dotted})
    colours = dict(zip(names, colormaps["tab20"](np.arange(len(names)) % 20), strict=True))
    for name in names:
        points = curves.get(name, ())
        known = [(rate, interval) for rate, _, interval in points if interval is not None]
        lows, highs = [low for _, (low, _) in known], [high for _, (_, high) in known]
        axes.vlines([rate for rate, _ in known], lows, highs, color=colours[name], linewidth=2, alpha=0.4)
        if points:
            rates, values = [rate for rate, _, _ in points], [value for _, value, _ in points]
            axes.plot(rates, values, "-", color=colours[name], linewidth=1.4, label=name)
        if theirs := dotted.get(name, ()):
            label = None if points else f"{name} (pack alone)"
            rates, values = [rate for rate, _ in theirs], [value for _, value in theirs]
            axes.plot(rates, values, ":", color=colours[name], linewidth=1.4, label=label)
    axes.set_xscale("log")
    axes.grid(visible=True, which="both", alpha=0.25)
    if names:
        figure.legend(frameon=False, loc="outside right upper", fontsize=8, title="probe/template\nphotos")
    return _svg(figure)


def _frame(x: str, y: str, height: float = 2.8) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.2, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
