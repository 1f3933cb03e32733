"""What a dashboard is made of, as data: boards of rows of panels of queries. Nothing here knows Grafana's JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["WIDTH", "Board", "Kind", "Look", "Panel", "Query", "Row", "Steps", "Word"]

WIDTH = 24
"""Columns of Grafana's grid."""

Steps = tuple[tuple[float | None, str], ...]
"""From which value on which colour; the first begins at None, the lowest."""


class Kind(StrEnum):
    """Grafana's panel types that we use."""

    BARS = "bargauge"
    HEATMAP = "heatmap"
    LINES = "timeseries"
    STAT = "stat"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL with Grafana's variables. `legend` is Grafana's pattern, `{{label}}`.

    `quiet` says why this has no answer on a good day; "" means that it must have one whenever check-ins come in.
    """

    expr: str
    legend: str = ""
    quiet: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """How a series is drawn, by its legend. `name` is what is shown in its place; "" keeps legend or colour."""

    colour: str = ""
    name: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """What stands for a number, and its colour."""

    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` is one of Grafana's unit ids, or `suffix:...`. `width` is in columns.

    `nothing` is what stands there without an answer. `words` are shown instead of numbers. `runbook` is the alert whose
    page helps. `columns` of a table: label to header, in this order; other labels are left out. `linked` is the label
    that names an alert. `steps` of lines are drawn where `marks` is set. `log` is a logarithmic axis. `still`: a number
    for now alone, without the small curve that would ask for every moment.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = Kind.LINES
    width: int = 8
    steps: Steps = ()
    marks: bool = False
    still: bool = False
    words: Mapping[int, Word] = field(default_factory=dict)
    nothing: str = ""
    looks: Mapping[str, Look] = field(default_factory=dict)
    stacked: bool = False
    log: bool = False
    least: float | None = 0
    most: float | None = None
    decimals: int | None = None
    runbook: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    linked: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, in lines of WIDTH columns; all of one height. Without a title: no bar above them."""

    title: str
    height: int
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard. `uid` never changes: links hold it. `since` is Grafana's start of the time range, `refresh` how
    often it asks. `per_instance` lets the reader choose members of the consumer group."""

    name: str
    uid: str
    title: str
    description: str
    since: str
    refresh: str
    rows: tuple[Row, ...]
    per_instance: bool = True

    def panels(self) -> Iterator[Panel]:
        """All of them, in reading order."""
        for row in self.rows:
            yield from row.panels
