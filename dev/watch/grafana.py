"""A board as Grafana's classic dashboard JSON (schemaVersion 39), which every Grafana since 10 imports as it is.

Field names and defaults: Grafana's dashboard schema, as grafana-foundation-sdk v0.0.18 checks it.
"""

from __future__ import annotations

import json
from typing import Final

from dev.watch.expressions import FIRING
from dev.watch.grafana_panel import SOURCE, Json, panel_json, runbook_link
from dev.watch.panels import WIDTH, Board, Row

__all__ = ["TAG", "dashboard_json"]

TAG: Final = "hadir"
_SCHEMA_VERSION: Final = 39
_ROW_HEIGHT: Final = 1
_HIDDEN: Final = 2
"""Of a variable: neither its label nor its value is shown."""


def dashboard_json(board: Board, runbooks: str) -> str:
    """The whole file. `runbooks` is the address under which `<Alert>.md` lies.

    Raises:
        ValueError: a panel is wider than the grid.
    """
    content = {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": [TAG],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": _SCHEMA_VERSION,
        "version": 1,
        "refresh": board.refresh,
        "time": {"from": board.since, "to": "now"},
        "timepicker": {},
        "annotations": {"list": [_firing_alerts()]},
        "templating": {"list": _variables(board, runbooks)},
        "links": [_links_between(), runbook_link("Runbooks", "README")],
        "panels": _laid_out(board.rows),
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _laid_out(rows: tuple[Row, ...]) -> list[Json]:
    """Left to right, and on the next line where a panel does not fit any more."""
    panels: list[Json] = []
    y = 0
    for row in rows:
        if row.title:
            place = {"h": _ROW_HEIGHT, "w": WIDTH, "x": 0, "y": y}
            head = {"id": len(panels) + 1, "type": "row", "title": row.title, "collapsed": False, "gridPos": place}
            panels.append({**head, "panels": []})
            y += _ROW_HEIGHT
        x = 0
        for panel in row.panels:
            if panel.width > WIDTH:
                raise ValueError(f"panel {panel.title!r} is {panel.width} columns wide, the grid has {WIDTH}")
            if x + panel.width > WIDTH:
                x, y = 0, y + row.height
            place = {"h": row.height, "w": panel.width, "x": x, "y": y}
            panels.append(panel_json(panel, len(panels) + 1, place))
            x += panel.width
        y += row.height
    return panels


def _variables(board: Board, runbooks: str) -> list[Json]:
    found: list[Json] = [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1},
        {
            **_values("job", "Job", "label_values(hadir_received_total, job)"),
            "current": {"text": TAG, "value": TAG, "selected": True},
        },
    ]
    found.append(_all_or_some("namespace", "Namespace", 'label_values(hadir_received_total{job="$job"}, namespace)'))
    if board.per_instance:
        of_these = 'job="$job", namespace=~"$namespace"'
        found.append(_all_or_some("instance", "Member", f"label_values(hadir_received_total{{{of_these}}}, instance)"))
    found.append({"name": "runbooks", "type": "constant", "query": runbooks, "hide": _HIDDEN})
    return found


def _values(name: str, label: str, query: str) -> Json:
    """A choice among a label's values, asked for when the dashboard is opened and when the time range changes."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
    }


def _all_or_some(name: str, label: str, query: str) -> Json:
    """`.*` for all, which also finds series without the label: outside Kubernetes there is no namespace."""
    everyone = {"text": ["All"], "value": ["$__all"], "selected": True}
    several = {"multi": True, "includeAll": True, "allValue": ".*", "current": everyone}
    return {**_values(name, label, query), **several}


def _firing_alerts() -> Json:
    """A red line wherever one of our alerts began to fire: the first question at any bend of a curve."""
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "red",
        "expr": FIRING,
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}}",
        "step": "30s",
    }


def _links_between() -> Json:
    """To every dashboard of our tag, with the same time range and choices."""
    shown = {"title": "Hadir", "type": "dashboards", "tags": [TAG], "icon": "dashboard", "tooltip": "", "url": ""}
    return {**shown, "asDropdown": False, "targetBlank": False, "includeVars": True, "keepTime": True}
