"""The dashboards that ship, and their files."""

from __future__ import annotations

from typing import Final

from dev.watch.dashboard_index import INDEX
from dev.watch.dashboard_latency import LATENCY
from dev.watch.dashboard_surge import SURGE
from dev.watch.grafana import dashboard_json
from dev.watch.objectives import load_objectives
from dev.watch.panels import Board

__all__ = ["BOARDS", "dashboard_files"]

BOARDS: Final[tuple[Board, ...]] = (SURGE, LATENCY, INDEX)


def dashboard_files() -> dict[str, str]:
    """File name to text, for `helm/hadir/files/dashboards/`. Raises ConfigError as `load_objectives`."""
    runbooks = load_objectives().runbooks
    return {f"{board.name}.json": dashboard_json(board, runbooks) for board in BOARDS}
