"""What a real Prometheus says to the dashboards: it takes every query, and faults answer what a good day hides."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import pytest

from dev.prometheus import Prometheus, Series, missing_part, running_prometheus, scrape_config
from dev.watch.answers import Asking, answer
from dev.watch.dashboards import BOARDS
from dev.watch.panels import Board, Panel, Query
from dev.watch.pictures import draw_board
from dev.watch.watched_surge import openmetrics

WEEK_S = 604_800
FAULTS = (
    'ALERTS{alertname="HadirDeadLetters", alertstate="firing", severity="ticket"}',
    'hadir_pool_replacements_total{cause="died"}',
    'hadir_part_failures_total{part="ledger", code="ledger_unavailable"}',
    'hadir_reconcile_faults{kind="missing"}',
    'hadir_snapshot_refusals_total{code="snapshot_damaged"}',
    'hadir_verdict_reasons_total{outcome="rejected", reason="too_dark"}',
    'hadir_verdict_reasons_total{outcome="rejected", reason="face_mismatch"}',
    'hadir_verdicts_total{outcome="rejected", channel="face"}',
    'hadir_verdicts_total{outcome="review", channel="face"}',
    "hadir_received_total{}",
    "hadir:verdict_latency:usual_p99{}",
)
"""Each grows by one a second: a fault, or the check-ins that it is a share of, now and in earlier weeks."""
MINUTES = 70


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, float]]:
    """A Prometheus that remembers an hour of faults, and the same hour of the week before."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    end_s = float(round(time.time()) - 60)
    past = [_growing(selector, end_s) for selector in FAULTS]
    folder = tmp_path_factory.mktemp("faulty")
    with running_prometheus(folder, scrape_config({}), past=openmetrics(past)) as server:
        yield server, end_s


def _growing(selector: str, end_s: float) -> Series:
    name, _, rest = selector.partition("{")
    labels = dict(one.split("=") for one in rest.strip("}").replace('"', "").replace(" ", "").split(",") if one)
    first = [(end_s - weeks * WEEK_S - 15 * n, 1000.0 - 15 * n) for weeks in (1, 0) for n in range(4 * MINUTES)]
    return Series({"__name__": name, "job": "hadir", "instance": "a:1", **labels}, tuple(sorted(first)))


def _quiet() -> list[tuple[Panel, Query]]:
    return [(panel, one) for board in BOARDS for panel in board.panels() for one in panel.queries if one.quiet]


def test_prometheus_takes_every_query(faulty: tuple[Prometheus, float]) -> None:
    server, end_s = faulty
    asking = Asking(end_s - 60, end_s, step_s=15, course_s=60)
    for board in BOARDS:
        for panel in board.panels():
            for query in panel.queries:
                answer(server, panel, query, asking)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_every_dashboard_can_be_drawn(faulty: tuple[Prometheus, float], board: Board) -> None:
    """Also where most panels have nothing to say; warnings are errors."""
    server, end_s = faulty
    figure = draw_board(board, server, Asking(end_s - 60, end_s, step_s=15, course_s=60))
    figure.savefig(io.BytesIO(), format="png")
    written = {text.get_text() for text in figure.texts}
    assert {panel.title for panel in board.panels()} <= written


@pytest.mark.parametrize(("panel", "query"), _quiet(), ids=lambda one: getattr(one, "title", ""))
def test_what_is_empty_on_a_good_day_is_not_under_its_fault(
    faulty: tuple[Prometheus, float], panel: Panel, query: Query
) -> None:
    server, end_s = faulty
    found = answer(server, panel, query, Asking(end_s - 60, end_s, step_s=15, course_s=60))
    assert found, query.expr
    assert any(value == value and value != 0 for one in found for _, value in one.points), query.expr  # noqa: PLR0124 - not a number
