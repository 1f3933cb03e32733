"""One panel as Grafana's JSON."""

from __future__ import annotations

import string
from typing import Any, Final

from dev.watch.panels import WIDTH, Kind, Look, Panel, Query

__all__ = ["RUNBOOKS", "SOURCE", "Json", "panel_json", "runbook_link"]

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
RUNBOOKS: Final = "${runbooks}"
"""Where the runbooks lie: a hidden constant of each dashboard, so that a fork changes one line."""
_GREEN: Final = ((None, "green"),)
_CELLS: Final = 120
"""Side by side in a heatmap: more are too narrow to be told apart."""

Json = dict[str, Any]


def panel_json(panel: Panel, number: int, place: Json) -> Json:
    """`number` is its id, unique in the dashboard; `place` its gridPos."""
    content: Json = {
        "id": number,
        "type": panel.kind.value,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [
            _target(panel, query, ref) for query, ref in zip(panel.queries, string.ascii_uppercase, strict=False)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _OPTIONS[panel.kind](panel),
    }
    if panel.kind is Kind.HEATMAP:
        content["maxDataPoints"] = _CELLS
    if panel.runbook:
        content["links"] = [runbook_link(f"Runbook: {panel.runbook}", panel.runbook)]
    if panel.columns:
        content["transformations"] = [_chosen_columns(panel)]
    return content


def _target(panel: Panel, query: Query, ref: str) -> Json:
    """A moment's answer for tables, bars and still numbers; a course for everything else."""
    moment = panel.still or panel.kind in {Kind.TABLE, Kind.BARS}
    shape = {Kind.TABLE: "table", Kind.HEATMAP: "heatmap"}.get(panel.kind, "time_series")
    return {
        "refId": ref,
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "format": shape,
        "instant": moment,
        "range": not moment,
    }


def _defaults(panel: Panel) -> Json:
    found: Json = {"unit": panel.unit, "color": {"mode": _colour_mode(panel)}, "mappings": _words(panel)}
    found["thresholds"] = {
        "mode": "absolute",
        "steps": [{"value": value, "color": colour} for value, colour in panel.steps or _GREEN],
    }
    optional = {"min": panel.least, "max": panel.most, "decimals": panel.decimals, "noValue": panel.nothing or None}
    found |= {key: value for key, value in optional.items() if value is not None}
    if panel.kind is Kind.LINES:
        found["custom"] = _lines(panel)
    return found


def _colour_mode(panel: Panel) -> str:
    return "palette-classic" if panel.kind is Kind.LINES else "thresholds"


def _words(panel: Panel) -> list[Json]:
    if not panel.words:
        return []
    options = {
        str(value): {"text": word.text, "color": word.colour, "index": number}
        for number, (value, word) in enumerate(panel.words.items())
    }
    return [{"type": "value", "options": options}]


def _lines(panel: Panel) -> Json:
    return {
        "drawStyle": "line",
        "lineWidth": 1 if panel.stacked else 2,
        "fillOpacity": 60 if panel.stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if panel.marks else "off"},
        "scaleDistribution": {"type": "log", "log": 10} if panel.log else {"type": "linear"},
    }


def _overrides(panel: Panel) -> list[Json]:
    found = [
        {"matcher": {"id": "byName", "options": key}, "properties": _look(look)} for key, look in panel.looks.items()
    ]
    if panel.linked:
        link = {"title": "Runbook", "url": f"{RUNBOOKS}/${{__value.raw}}.md", "targetBlank": True}
        header = panel.columns[panel.linked]
        found.append({"matcher": {"id": "byName", "options": header}, "properties": [{"id": "links", "value": [link]}]})
    return found


def _look(look: Look) -> list[Json]:
    properties: list[Json] = []
    if look.name:
        properties.append({"id": "displayName", "value": look.name})
    if look.colour:
        properties.append({"id": "color", "value": {"mode": "fixed", "fixedColor": look.colour}})
    if look.dashed:
        properties.append({"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}})
        properties.append({"id": "custom.fillOpacity", "value": 0})
    return properties


def _stat_options(panel: Panel) -> Json:
    return {
        "graphMode": "none" if panel.still else "area",
        "colorMode": "background" if panel.words else "value",
        "justifyMode": "center",
        "textMode": "value",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
        "orientation": "auto",
        "reduceOptions": _last(),
    }


def _bars_options(panel: Panel) -> Json:
    del panel
    return {
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "left",
        "showUnfilled": False,
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 40,
        "orientation": "horizontal",
        "legend": _legend(shown=False),
        "reduceOptions": _last(),
    }


def _lines_options(panel: Panel) -> Json:
    return {"legend": _legend(shown=True, table=panel.width > WIDTH // 3), "tooltip": {"mode": "multi", "sort": "desc"}}


def _heatmap_options(panel: Panel) -> Json:
    colour = {"mode": "scheme", "scheme": "Blues", "fill": "dark-blue", "scale": "exponential", "exponent": 0.5}
    return {
        "calculate": False,
        "color": {**colour, "steps": 64, "reverse": False},
        "cellGap": 1,
        "cellValues": {"unit": "short", "decimals": 1},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "filterValues": {"le": 1e-9},
        "yAxis": {"unit": panel.unit, "axisPlacement": "left"},
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
        "legend": {"show": True},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
    }


def _table_options(panel: Panel) -> Json:
    del panel
    return {"frameIndex": 0, "showHeader": True, "cellHeight": "sm"}


_OPTIONS: Final = {
    Kind.BARS: _bars_options,
    Kind.HEATMAP: _heatmap_options,
    Kind.LINES: _lines_options,
    Kind.STAT: _stat_options,
    Kind.TABLE: _table_options,
}


def _last() -> Json:
    return {"values": False, "calcs": ["lastNotNull"], "fields": ""}


def _legend(*, shown: bool, table: bool = False) -> Json:
    calcs = ["lastNotNull", "max"] if table else []
    return {"displayMode": "table" if table else "list", "placement": "bottom", "showLegend": shown, "calcs": calcs}


def _chosen_columns(panel: Panel) -> Json:
    options = {
        "excludeByName": {"Time": True} | ({} if "Value" in panel.columns else {"Value": True}),
        "indexByName": {label: place for place, label in enumerate(panel.columns)},
        "renameByName": dict(panel.columns),
    }
    return {"id": "organize", "options": options}


def runbook_link(title: str, page: str) -> Json:
    """A link to `<page>.md` among the runbooks, in a window of its own."""
    link = {"title": title, "type": "link", "url": f"{RUNBOOKS}/{page}.md", "icon": "doc", "tooltip": "", "tags": []}
    return {**link, "asDropdown": False, "targetBlank": True, "includeVars": False, "keepTime": False}
