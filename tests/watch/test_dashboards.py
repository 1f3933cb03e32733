"""What a dashboard may rely on: metrics that exist, commands and pages that exist, and files that are up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
import typer

from dev.watch.dashboards import BOARDS, dashboard_files
from dev.watch.grafana import TAG, dashboard_json
from dev.watch.panels import WIDTH, Board, Kind, Panel, Query, Row
from dev.watch.promql import named_in
from dev.watch.rules import alerts, recordings
from hadir.app.cli import application
from hadir.core.metrics import METRICS, PROCESS_METRICS, MetricName
from tests.source_tree import ROOT

FILES = "helm/hadir/files/dashboards"
BASE = "https://example.org/runbooks"
OF_PROMETHEUS = {"ALERTS": {"alertname", "alertstate", "severity", "namespace"}}
ON_EVERY_SERIES = {"job", "instance", "namespace"}
NEVER_A_SERIES = {"week"}
"""Set by `label_replace` in the query itself."""
RECORDED = {rule.name for rule in recordings()}
MADE = {board.name: json.loads(dashboard_json(board, BASE)) for board in BOARDS}
boards = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


def queries(board: Board) -> Iterator[tuple[Panel, Query]]:
    for panel in board.panels():
        for query in panel.queries:
            yield panel, query


def labels_of(name: str) -> set[str] | None:
    """Labels that a series of this name may have; None: there is no such metric."""
    if name in OF_PROMETHEUS:
        return OF_PROMETHEUS[name]
    if name in RECORDED:
        return {"namespace"}
    if name in PROCESS_METRICS:
        return ON_EVERY_SERIES
    for ending, more in (("", set[str]()), ("_bucket", {"le"}), ("_sum", set[str]()), ("_count", set[str]())):
        whole = name.removesuffix(ending)
        if whole in METRICS and (METRICS[MetricName(whole)].kind == "histogram") == bool(ending):
            return {*METRICS[MetricName(whole)].labels, *more} | ON_EVERY_SERIES
    return None


def test_what_is_committed_is_what_the_code_makes() -> None:
    """`make watch` writes them."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / FILES).iterdir()}
    assert committed == dashboard_files()


@boards
def test_every_query_asks_for_metrics_and_labels_that_exist(board: Board) -> None:
    for panel, query in queries(board):
        named = named_in(query.expr)
        assert named.metrics, f"{panel.title}: asks for nothing"
        known = set(NEVER_A_SERIES)
        for name, labels in named.metrics.items():
            found = labels_of(name)
            assert found is not None, f"{panel.title}: no metric {name}"
            assert labels <= found, f"{panel.title}: {name} has no {labels - found}"
            known |= found
        assert named.grouped <= known, f"{panel.title}: nothing has {named.grouped - known}"


@boards
def test_every_legend_names_a_label_that_its_query_keeps(board: Board) -> None:
    for panel, query in queries(board):
        kept = named_in(query.expr).grouped | ({"instance"} if "process_" in query.expr else set())
        assert set(re.findall(r"{{(\w+)}}", query.legend)) <= kept, panel.title


@boards
def test_every_edge_asked_for_is_an_edge_of_the_histogram(board: Board) -> None:
    for panel, query in queries(board):
        for name, edge in re.findall(r'(\w+)_bucket{[^}]*le="([^"]+)"', query.expr):
            edges = [str(one) for one in METRICS[MetricName(name)].edges]
            assert edge in edges, f"{panel.title}: {name} has no edge {edge}"


@boards
def test_every_panel_has_a_description_a_unit_and_a_query(board: Board) -> None:
    for panel in board.panels():
        assert panel.title and panel.unit and panel.queries, panel
        assert len(panel.description) > 40, panel.title
        assert panel.description.endswith((".", "?")), panel.title


def test_the_wall_speaks_both_languages() -> None:
    for panel in next(board for board in BOARDS if board.name == "surge").panels():
        assert panel.description.count("\n\n") == 1, panel.title


@boards
def test_titles_are_unique(board: Board) -> None:
    titles = [panel.title for panel in board.panels()]
    assert len(titles) == len(set(titles))


@boards
def test_no_panel_names_a_data_source_of_its_own(board: Board) -> None:
    sources = [uid for uid in _values(MADE[board.name], "uid") if uid != board.uid]
    assert set(sources) == {"${datasource}"}


@boards
def test_queries_use_only_variables_that_the_dashboard_has(board: Board) -> None:
    has = {one["name"] for one in MADE[board.name]["templating"]["list"]} | {"__rate_interval", "__range"}
    for panel, query in queries(board):
        assert set(re.findall(r"\$(\w+)", query.expr)) <= has, panel.title
        selectors = query.expr.count("{")
        assert query.expr.count('namespace=~"$namespace"') == selectors, panel.title
        raw = [name for name in named_in(query.expr).metrics if name.startswith(("hadir_", "process_"))]
        assert not raw or query.expr.count('job="$job"') == selectors, panel.title
        assert not raw or query.expr.count('instance=~"$instance"') == selectors * board.per_instance, panel.title


@boards
def test_panels_lie_within_the_grid_and_not_on_one_another(board: Board) -> None:
    places = [panel["gridPos"] for panel in MADE[board.name]["panels"]]
    for one in places:
        assert one["x"] >= 0 and one["x"] + one["w"] <= WIDTH
    for one, other in combinations(places, 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart or below, (one, other)


@boards
def test_every_line_of_panels_fills_the_grid(board: Board) -> None:
    filled: dict[int, int] = {}
    for panel in MADE[board.name]["panels"]:
        filled[panel["gridPos"]["y"]] = filled.get(panel["gridPos"]["y"], 0) + panel["gridPos"]["w"]
    assert set(filled.values()) == {WIDTH}


def test_a_panel_wider_than_the_grid_is_refused() -> None:
    wide = Panel("Wide", "Too wide.", "none", (Query("up"),), width=WIDTH + 1)
    with pytest.raises(ValueError, match="Wide"):
        dashboard_json(Board("x", "hadir-x", "X", "X.", "now-1h", "1m", (Row("", 4, (wide,)),)), BASE)


@boards
def test_ids_are_unique_and_the_uid_is_as_links_hold_it(board: Board) -> None:
    ids = [panel["id"] for panel in MADE[board.name]["panels"]]
    assert len(ids) == len(set(ids))
    assert board.uid == f"hadir-{board.name}"
    assert MADE[board.name]["schemaVersion"] == 39


@boards
def test_nobody_has_to_read_a_pie(board: Board) -> None:
    assert {panel["type"] for panel in MADE[board.name]["panels"]} <= {kind.value for kind in Kind} | {"row"}


@boards
def test_each_dashboard_links_to_the_others_and_to_the_runbooks(board: Board) -> None:
    between, runbooks = MADE[board.name]["links"]
    assert between["tags"] == [TAG] == MADE[board.name]["tags"]
    (constant,) = [one for one in MADE[board.name]["templating"]["list"] if one["name"] == "runbooks"]
    assert constant["query"] == BASE
    assert runbooks["url"] == "${runbooks}/README.md"


@boards
def test_every_runbook_that_a_panel_opens_is_of_an_alert(board: Board) -> None:
    names = {alert.name for alert in alerts()}
    assert {panel.runbook for panel in board.panels()} - {""} <= names


def test_every_alert_points_to_one_of_the_dashboards() -> None:
    assert {alert.dashboard for alert in alerts()} <= {board.uid for board in BOARDS}


def test_every_command_that_a_description_names_exists() -> None:
    main = typer.main.get_command(application())
    named = {
        words
        for board in BOARDS
        for panel in board.panels()
        for words in re.findall(r"`hadir ([a-z -]+)`", panel.description)
    }
    assert named
    for words in named:
        found: Any = main
        for word in words.split():
            found = getattr(found, "commands", {}).get(word)
            assert found is not None, f"no command hadir {words}"


def _values(content: object, key: str) -> Iterator[object]:
    if isinstance(content, dict):
        for name, value in content.items():
            if name == key:
                yield value
            yield from _values(value, key)
    elif isinstance(content, list):
        for value in content:
            yield from _values(value, key)
