"""`python -m dev.watch.pictures`: play a surge, watch it with Prometheus, and draw every dashboard from the answers.

No Grafana is needed: the panels are drawn from what their own queries answer. Takes some minutes and two cores.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from dev.prometheus import Prometheus
from dev.watch.answers import Asking, answer
from dev.watch.dashboards import BOARDS
from dev.watch.layout import Place, laid_out
from dev.watch.panel_plots import INK, PALE, Answered, background_of, draw
from dev.watch.panels import WIDTH, Board, Kind, Panel
from dev.watch.watched_surge import Watched, watched_surge
from hadir.core.errors import HadirError

__all__ = ["draw_board", "main"]

IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
_COLUMN_IN, _LINE_IN, _GAP_IN = 0.62, 0.36, 0.05
"""Of the grid, and between panels, inches."""
_TITLE_IN, _TOP_IN = 0.3, 0.55
_AROUND: Final = {Kind.LINES: (0.6, 0.14, 0.55), Kind.HEATMAP: (0.6, 0.14, 0.28)}
"""Left, right and below: room for the values, and for the clock and the legend, inches."""
_DPI: Final = 100
_PEOPLE: Final = 300
_SPEED: Final = 30.0
_ERROR: Final = 1


def draw_board(board: Board, server: Prometheus, asking: Asking) -> Figure:
    """The whole dashboard. Raises InputError where Prometheus refuses a query."""
    places = list(laid_out(board.rows))
    lines = max(place.y + place.height for place in places)
    figure = Figure(figsize=(WIDTH * _COLUMN_IN, lines * _LINE_IN + _TOP_IN), facecolor="#f4f5f5")
    wide, high = figure.get_size_inches()
    figure.text(0.1 / wide, 1 - 0.28 / high, board.title, fontsize=14, color=INK, fontweight="bold", va="center")
    for place in places:
        left, top = place.x * _COLUMN_IN + _GAP_IN, _TOP_IN + place.y * _LINE_IN + _GAP_IN
        size = (place.width * _COLUMN_IN - 2 * _GAP_IN, place.height * _LINE_IN - 2 * _GAP_IN)
        if isinstance(place.what, Panel):
            _draw_panel(figure, place.what, (left, high - top - size[1], *size), server, asking)
        else:
            _head(figure, place, left / wide, 1 - (top + size[1] / 2) / high)
    return figure


def _head(figure: Figure, place: Place, x: float, y: float) -> None:
    figure.text(x, y, place.what.title, fontsize=10.5, color=INK, fontweight="bold", va="center")


def _draw_panel(
    figure: Figure, panel: Panel, box: tuple[float, float, float, float], server: Prometheus, asking: Asking
) -> None:
    """`box` is left, bottom, width and height in inches."""
    wide, high = figure.get_size_inches()
    answers = [
        Answered(_legend(query.legend, series.labels), series)
        for query in panel.queries
        for series in answer(server, panel, query, asking)
    ]
    left, bottom, width, height = box
    behind = background_of(panel, answers)
    card = FancyBboxPatch(
        (left / wide, bottom / high),
        width / wide,
        height / high,
        boxstyle="square,pad=0",
        facecolor=behind or "white",
        edgecolor="#dfe1e5",
        linewidth=0.8,
        zorder=-1,
        transform=figure.transFigure,
    )
    figure.add_artist(card)
    at = ((left + 0.1) / wide, (bottom + height - 0.16) / high)
    figure.text(*at, panel.title, fontsize=9, color="white" if behind else INK, fontweight="bold", va="center")
    if panel.kind is Kind.LINES and panel.unit.startswith("suffix:"):
        words = panel.unit.removeprefix("suffix:").strip()
        figure.text((left + width - 0.1) / wide, at[1], words, fontsize=8, color=PALE, ha="right", va="center")
    around = _AROUND.get(panel.kind, (0.1, 0.1, 0.0))
    axes = figure.add_axes(
        (
            (left + around[0]) / wide,
            (bottom + around[2]) / high,
            (width - around[0] - around[1]) / wide,
            (height - _TITLE_IN - around[2]) / high,
        ),
        facecolor="none",
    )
    draw(axes, panel, answers, asking.start_s, asking.end_s)


def _legend(pattern: str, labels: object) -> str:
    known = dict(labels) if isinstance(labels, dict) else {}
    return re.sub(r"{{(\w+)}}", lambda found: str(known.get(found[1], "")), pattern)


def _draw_all(watched: Watched, folder: Path) -> None:
    for board in BOARDS:
        figure = draw_board(board, watched.server, watched.asking())
        note = f"a morning of 90 minutes sent in {90 / watched.speed:g}; minutes and seconds from its start"
        figure.text(
            0.995, 1 - 0.28 / figure.get_size_inches()[1], note, fontsize=8.5, color=PALE, ha="right", va="center"
        )
        figure.savefig(folder / f"dashboard-{board.name}.png", dpi=_DPI, metadata={"Software": None})


def main(arguments: Sequence[str]) -> int:
    """0 drawn, 1 a part is missing or the surge failed."""
    parser = argparse.ArgumentParser(prog="python -m dev.watch.pictures", description=__doc__)
    parser.add_argument("--people", type=int, default=_PEOPLE, help=f"check-ins of the morning, {_PEOPLE}")
    parser.add_argument("--speed", type=float, default=_SPEED, help=f"so many times faster than life, {_SPEED:g}")
    parser.add_argument("--folder", type=Path, default=IMAGES, help="where the pictures go, docs/images")
    options = parser.parse_args(arguments)
    try:
        with (
            tempfile.TemporaryDirectory() as work,
            watched_surge(Path(work), options.people, options.speed) as watched,
        ):
            _draw_all(watched, options.folder)
    except HadirError as err:
        print(f"pictures: {err}", file=sys.stderr)
        return _ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
