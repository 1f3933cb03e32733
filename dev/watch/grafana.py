"""A board as Grafana's classic dashboard JSON (schemaVersion 39), which every Grafana since 10 imports as it is.

Field names and defaults: Grafana's dashboard schema, as grafana-foundation-sdk v0.0.18 checks it.
"""

from __future__ import annotations

import json
from typing import Final

from dev.watch.expressions import FIRING
from dev.watch.grafana_panel import SOURCE, Json, panel_json, runbook_link
from dev.watch.layout import Place, laid_out
from dev.watch.panels import Board, Panel

__all__ = ["TAG", "dashboard_json"]

TAG: Final = "hadir"
_SCHEMA_VERSION: Final = 39
_HIDDEN: Final = 2
"""Of a variable: neither its label nor its value is shown."""


def dashboard_json(board: Board, runbooks: str) -> str:
    """The whole file. `runbooks` is the address under which `<Alert>.md` lies.

    Raises:
        ValueError: as `laid_out`.
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
        "panels": [_numbered(place, number) for number, place in enumerate(laid_out(board.rows), start=1)],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _numbered(place: Place, number: int) -> Json:
    grid = {"h": place.height, "w": place.width, "x": place.x, "y": place.y}
    if isinstance(place.what, Panel):
        return panel_json(place.what, number, grid)
    head = {"id": number, "type": "row", "title": place.what.title, "collapsed": False, "gridPos": grid}
    return {**head, "panels": []}


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
