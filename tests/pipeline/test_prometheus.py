"""What Prometheus sees."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from hadir.core.clock import ManualClock
from hadir.core.errors import SetupError
from hadir.core.message import Message
from hadir.core.metrics import METRICS
from hadir.pipeline.observer import InHand, Served
from hadir.pipeline.prometheus import ModelFacts, StreamMetrics
from hadir.pipeline.prometheus_page import MetricsPage
from hadir.pipeline.topics import CHECK_INS
from tests.pipeline.world import START_MS, World, a_check_in, check_in_message


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


def value(metrics: StreamMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_morning_is_counted(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    message = check_in_message(a_check_in())
    world.send(message, message, Message(CHECK_INS, b"p", b"?"), check_in_message(a_check_in(photos=(b"bad",))))
    world.intake(observer=metrics).run_until_idle()
    assert value(metrics, "hadir_received_total") == 4
    assert value(metrics, "hadir_verdicts_total", outcome="accepted", channel="face") == 1
    assert value(metrics, "hadir_verdict_reasons_total", outcome="rejected", reason="face_mismatch") == 1
    assert value(metrics, "hadir_duplicates_total") == 1
    assert value(metrics, "hadir_dead_letters_total", code="undecodable") == 1
    assert value(metrics, "hadir_verdict_latency_seconds_count", channel="face") == 2
    assert value(metrics, "hadir_oldest_undecided_age_seconds") == 0
    assert value(metrics, "hadir_impostor_comparisons_total") == 200, "the repeated one was compared before"
    assert value(metrics, "hadir_impostor_matches_total", rate="1e-3") == 3


def test_what_an_alert_counts_is_there_at_zero_before_the_first(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    for code in ("undecodable", "id_conflict", "processing_failed"):
        assert value(metrics, "hadir_dead_letters_total", code=code) == 0
    assert value(metrics, "hadir_security_events_total", code="id_conflict") == 0


def test_the_oldest_undecided_one_has_an_age(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    metrics.on_in_hand(InHand(3, 2, START_MS - 1500))
    assert value(metrics, "hadir_oldest_undecided_age_seconds") == 1.5
    assert value(metrics, "hadir_in_flight_check_ins") == 2


def test_outbox_and_retries_are_asked_at_the_scrape(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    metrics.watch(outbox=lambda: 7, retries=lambda: 3)
    assert value(metrics, "hadir_outbox_unpublished") == 7
    assert value(metrics, "hadir_pool_retries_total") == 3


def test_workers_and_their_replacements_are_asked_at_the_scrape(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    metrics.watch_workers(lambda: 2, lambda: {"died": 3, "slow": 0}, 4)
    assert value(metrics, "hadir_pool_workers_wanted") == 4
    assert value(metrics, "hadir_pool_workers") == 2
    assert value(metrics, "hadir_pool_replacements_total", cause="died") == 3
    assert value(metrics, "hadir_pool_replacements_total", cause="slow") == 0


def test_the_page_has_every_metric_with_its_kind_and_answers_on_loopback_alone(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    metrics.watch(outbox=lambda: 0, retries=lambda: 0)
    metrics.watch_workers(lambda: 0, lambda: {"died": 0}, 1)
    metrics.watch_models(lambda: [ModelFacts("cpu", "cpu", "int8")])
    metrics.on_serving(Served("s", "e", "open", "Apache-2.0"))
    with (
        MetricsPage(metrics, 0) as page,
        urllib.request.urlopen(f"http://127.0.0.1:{page.port}/metrics") as answer,
    ):
        text = answer.read().decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    for name, metric in METRICS.items():
        assert kinds[name] == {"info": "gauge"}.get(metric.kind, metric.kind), name


def test_switches_refusals_and_the_time_since_are_counted(world: World) -> None:
    metrics, clock = StreamMetrics(world.clock), world.clock
    assert isinstance(clock, ManualClock)
    metrics.on_serving(Served("first", "e", "open", "Apache-2.0"))
    clock.advance(5)
    assert value(metrics, "hadir_snapshot_serving_seconds") == 5
    assert value(metrics, "hadir_snapshot_switches_total") == 0
    metrics.on_serving(Served("second", "f", "open", "Apache-2.0"))
    metrics.on_refused("third", "snapshot")
    metrics.on_refused(None, "snapshot")
    assert value(metrics, "hadir_snapshot_serving_seconds") == 0
    assert value(metrics, "hadir_snapshot_switches_total") == 1
    assert value(metrics, "hadir_snapshot_refusals_total", code="snapshot") == 2
    names = {"snapshot": "second", "embedding_space": "f"}
    assert value(metrics, "hadir_snapshot_info", **names, pack="open", licence="Apache-2.0") == 1
    assert value(metrics, "hadir_snapshot_info", snapshot="first") is None, "one serves"


def test_a_port_that_is_taken_is_named(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    with MetricsPage(metrics, 0) as page, pytest.raises(SetupError, match=str(page.port)):
        MetricsPage(metrics, page.port)
