"""The drain runs, at a tiny size, through real Ray and where it is there through real Kafka."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks._against_insightface import pack_folder
from benchmarks._backlog_watch import BacklogWatch
from dev.kafka.node import missing_part
from hadir.core.errors import SetupError
from hadir.core.message import Message
from hadir.pipeline.observer import Written
from hadir.pipeline.topics import DEAD_LETTERS, VERDICTS

ROOT = Path(__file__).parents[2]


def drained(broker: str) -> dict[str, Any]:
    return measured(f"check_ins=40, selfies=4, stand_ins=20, brokers=({broker!r},), contest=None")


def measured(size: str) -> dict[str, Any]:
    """In a process of its own, as logging and Ray are set up for a whole process."""
    program = (
        "import json; from benchmarks.end_to_end import ContestSize, DrainSize, measure; "
        f"print(json.dumps(measure(1, DrainSize({size})).document()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def require_full_account(document: dict[str, Any], broker: str) -> None:
    medians = {name: figure["median"] for name, figure in document["figures"].items()}
    assert medians[f"{broker}_accepted_share"] > 0.9
    assert medians[f"{broker}_of_ceiling"] == pytest.approx(
        medians[f"{broker}_photos_per_s"] / medians["ceiling_photos_per_s"]
    )
    for process in ("driver", "face_actor", "raylet", "gcs_server"):
        assert medians[f"{broker}_{process}_rss_mb"] > 5
        assert medians[f"{broker}_{process}_cpu_ms_per_photo"] >= 0
    assert [bar["figure"] for bar in document["bars"]] == [f"{broker}_of_ceiling", f"{broker}_face_actor_rss_mb"]


@pytest.mark.ray
@pytest.mark.slow
def test_a_backlog_in_memory_is_drained_and_every_process_accounted_for() -> None:
    require_full_account(drained("memory"), "memory")


@pytest.mark.ray
@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.skipif(missing_part() is not None, reason=f"no real Kafka: {missing_part()}")
def test_a_backlog_in_kafka_is_drained_and_every_process_accounted_for() -> None:
    require_full_account(drained("kafka"), "kafka")


@pytest.mark.ray
@pytest.mark.models
@pytest.mark.long
@pytest.mark.skipif(pack_folder() is None, reason="no ArcFace pack: set HADIR_TEST_DATA or HADIR_BENCH_PACK")
def test_the_contest_prints_every_ratio_and_both_error_rates() -> None:
    document = measured(
        "check_ins=40, selfies=4, stand_ins=20, brokers=('memory',), "
        "contest=ContestSize(check_ins=16, selfies=4, stand_ins=600, people=20)"
    )
    medians = {name: figure["median"] for name, figure in document["figures"].items()}
    for front in ("open_front", "same_models"):
        assert medians[f"{front}_over_insightface_loop"] == pytest.approx(
            medians[f"{front}_photos_per_s"] / medians["insightface_loop_photos_per_s"]
        )
        assert medians[f"{front}_over_insightface_processes"] > 0
        assert medians[f"{front}_without_a_face"] == 0
    headline = [
        "photos_per_s",
        "ceiling_photos_per_s",
        "ratio_to_ceiling",
        "insightface_loop_photos_per_s",
        "ratio_to_insightface_loop",
    ]
    assert all(document[name] > 0 for name in headline)
    assert (document["broker"], document["pack"]) == ("memory", "open, int8")
    assert document["cores"] >= 1
    assert document["commit"]["revision"]


def test_a_backlog_is_through_when_the_last_verdict_is_acknowledged() -> None:
    watch = BacklogWatch(expected=2)
    watch.on_written(Written(at_ms=0, rows=(), dead_letters=("undecodable",), duplicates=1, security_events=()))
    assert watch.written
    watch.published([Message(VERDICTS, b"p", b"1"), Message(DEAD_LETTERS, b"p", b"x")])
    with pytest.raises(SetupError, match="1 of 2 verdicts"):
        watch.wait_published(patience_s=0.0)
    watch.published([Message(VERDICTS, b"p", b"2")])
    watch.wait_published(patience_s=0.0)


def test_a_check_in_without_a_row_of_its_own_spoils_the_figure() -> None:
    watch = BacklogWatch(expected=1)
    watch.on_written(Written(at_ms=0, rows=(), dead_letters=(), duplicates=1, security_events=()))
    with pytest.raises(SetupError, match="0 rows for 1 check-ins"):
        watch.require_all()
