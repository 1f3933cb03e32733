"""What Prometheus sees."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hadir.core.clock import ManualClock
from hadir.core.errors import SetupError
from hadir.core.evidence import Candidate, FaceFinding
from hadir.core.message import Message
from hadir.core.metrics import METRICS
from hadir.core.timings import BatchTimes, StageName
from hadir.faces.model_facts import ModelFacts
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.observer import InHand, Served, Written
from hadir.pipeline.ports import FaceJob
from hadir.pipeline.prometheus import StreamMetrics
from hadir.pipeline.prometheus_page import MetricsPage
from hadir.pipeline.topics import CHECK_INS
from tests.pipeline.world import START_MS, PhotoStage, World, a_check_in, check_in_message


class CrowdedStage:
    """Everybody resembles a synthetic person more than a real one."""

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        others = (Candidate("nobody", 0.6, 1, synthetic=True), Candidate("p-2", 0.35, 2))
        return [replace(finding, others=others) for finding in PhotoStage().process(jobs)]


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


def test_what_workers_took_is_counted_by_stage(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    metrics.on_worked(BatchTimes(5, 0.5, {StageName.DECODE: 0.01, StageName.EMBED: 0.25}))
    metrics.on_worked(BatchTimes(3, 0.25, {StageName.DECODE: 0.02}))
    assert value(metrics, "hadir_photos_total") == 8
    assert value(metrics, "hadir_worker_busy_seconds_total") == 0.75
    assert value(metrics, "hadir_stage_duration_seconds_count", stage="decode") == 2
    assert value(metrics, "hadir_stage_duration_seconds_sum", stage="decode") == pytest.approx(0.03)
    assert value(metrics, "hadir_stage_duration_seconds_bucket", stage="decode", le="0.01") == 1, "an edge is inclusive"
    assert value(metrics, "hadir_stage_duration_seconds_bucket", stage="embed", le="0.1") == 0
    assert value(metrics, "hadir_stage_duration_seconds_count", stage="search") == 0, "there, at zero"


def test_deciding_writing_and_publishing_are_timed(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    world.send(check_in_message(a_check_in()))
    world.intake(observer=metrics).run_until_idle()
    metrics.on_published(0.004)
    for stage in ("decide", "ledger", "publish"):
        assert value(metrics, "hadir_stage_duration_seconds_count", stage=stage) == 1, stage
    assert value(metrics, "hadir_stage_duration_seconds_bucket", stage="publish", le="0.005") == 1


def test_similarities_of_new_verdicts_are_counted_once_and_nobody_synthetic(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    message = check_in_message(a_check_in())
    world.send(message, message)
    world.intake(pool=InlinePool(CrowdedStage), observer=metrics).run_until_idle()
    assert value(metrics, "hadir_duplicates_total") == 1
    assert value(metrics, "hadir_claimed_cosine_similarity_count") == 1
    assert value(metrics, "hadir_claimed_cosine_similarity_bucket", le="0.9") == 1
    assert value(metrics, "hadir_claimed_cosine_similarity_bucket", le="0.88") == 0
    assert value(metrics, "hadir_other_cosine_similarity_count") == 1
    assert value(metrics, "hadir_other_cosine_similarity_bucket", le="0.4") == 1, "the best who is real"
    assert value(metrics, "hadir_other_cosine_similarity_sum") is None, "a sum that may sink is no counter"


def test_a_cosine_a_hair_above_one_is_one(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    metrics.on_written(Written(START_MS, (), (), 0, (), claimed=(1.0000001,), others=(1.0000001,)))
    for name in ("hadir_claimed_cosine_similarity", "hadir_other_cosine_similarity"):
        assert value(metrics, f"{name}_bucket", le="1.0") == 1


def test_a_part_that_fails_is_counted_by_its_code(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    assert value(metrics, "hadir_part_failures_total", part="ledger", code="ledger_unavailable") == 0
    metrics.on_retry("ledger", "ledger_unavailable")
    assert value(metrics, "hadir_part_failures_total", part="ledger", code="ledger_unavailable") == 1


def test_a_fallback_of_one_worker_is_seen(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    facts = [ModelFacts("cuda", "cuda", "fp16")]
    metrics.watch_models(lambda: facts)
    assert value(metrics, "hadir_model_fallback") == 0
    facts.append(ModelFacts("cuda", "cpu", "fp16"))
    assert value(metrics, "hadir_model_fallback") == 1
    for provider in ("cpu", "cuda"):
        assert value(metrics, "hadir_model_info", runtime="cuda", provider=provider, precision="fp16") == 1


def test_the_index_that_serves_has_an_age_and_a_size(world: World) -> None:
    metrics = StreamMetrics(world.clock)
    metrics.on_serving(Served("s", "e", "open", "Apache-2.0", built_at_ms=START_MS, people=13_000))
    assert value(metrics, "hadir_snapshot_built_timestamp_seconds") == START_MS / 1000
    assert value(metrics, "hadir_snapshot_people") == 13_000


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
