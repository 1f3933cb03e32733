"""Where panels lie on Grafana's grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dev.watch.panels import WIDTH, Panel, Row

__all__ = ["HEAD_HEIGHT", "Place", "laid_out"]

HEAD_HEIGHT = 1
"""Of the bar above a titled row."""


@dataclass(frozen=True, slots=True)
class Place:
    """A panel, or the bar above a row, and its rectangle in columns and grid lines from the upper left."""

    what: Panel | Row
    x: int
    y: int
    width: int
    height: int


def laid_out(rows: Sequence[Row]) -> Iterator[Place]:
    """Left to right, and on the next line where a panel does not fit any more.

    Raises:
        ValueError: a panel is wider than the grid.
    """
    y = 0
    for row in rows:
        if row.title:
            yield Place(row, 0, y, WIDTH, HEAD_HEIGHT)
            y += HEAD_HEIGHT
        x = 0
        for panel in row.panels:
            if panel.width > WIDTH:
                raise ValueError(f"panel {panel.title!r} is {panel.width} columns wide, the grid has {WIDTH}")
            if x + panel.width > WIDTH:
                x, y = 0, y + row.height
            yield Place(panel, x, y, panel.width, row.height)
            x += panel.width
        y += row.height
