"""A real surge, a real Prometheus: every query of every dashboard has an answer on a good morning."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from dev.kafka.node import missing_part as missing_kafka
from dev.prometheus import Series, missing_part
from dev.watch.answers import answer
from dev.watch.dashboards import BOARDS
from dev.watch.panels import Board
from dev.watch.rules import recordings
from dev.watch.watched_surge import Watched, watched_surge

pytestmark = [pytest.mark.long, pytest.mark.kafka, pytest.mark.timeout(900)]

PEOPLE, SPEED = 500, 45.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    for missing in (missing_part(), missing_kafka()):
        if missing is not None:
            pytest.skip(missing)
    with watched_surge(tmp_path_factory.mktemp("watched"), PEOPLE, SPEED) as found:
        yield found


def says_something(series: list[Series]) -> bool:
    return any(not math.isnan(value) for one in series for _, value in one.points)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_every_query_has_an_answer_on_a_good_morning(watched: Watched, board: Board) -> None:
    """Those that a good day leaves empty say why, and are tried under their fault (test_dashboards_prometheus.py)."""
    silent = [
        f"{panel.title}: {query.expr}"
        for panel in board.panels()
        for query in panel.queries
        if not query.quiet and not says_something(answer(watched.server, panel, query, watched.asking()))
    ]
    assert silent == []


def test_what_is_compared_with_earlier_mornings_is_there_once_there_were_some(watched: Watched) -> None:
    compared = [
        (panel, query)
        for board in BOARDS
        for panel in board.panels()
        for query in panel.queries
        if query.quiet and ("offset" in query.expr or "usual" in query.expr)
    ]
    assert compared
    for panel, query in compared:
        assert says_something(answer(watched.server, panel, query, watched.asking())), query.expr


def test_every_recording_rule_records_something(watched: Watched) -> None:
    silent = [
        rule.name
        for rule in recordings()
        if not says_something(watched.server.range(rule.name, watched.start_s, watched.end_s, 1.0))
    ]
    assert silent == []
