"""A station that runs on a real Kafka: what `hadir send` hears from it, and what its metrics page shows."""

from __future__ import annotations

import json
import signal
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dev.kafka.node import Node
from hadir.actors.staff import CAUSES
from hadir.app.demo_people import RealPerson
from hadir.core.errors import (
    LedgerConflict,
    LedgerUnavailable,
    PositionConflict,
    StoreUnavailable,
    StreamError,
    StreamUnavailable,
)
from hadir.core.message import Message
from hadir.core.metrics import LATENCY_EDGES_S, METRICS, MetricName
from hadir.core.thresholds import RATES
from hadir.core.timings import StageName
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.reconcile import FaultKind
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS
from tests.app.kafka_site import kafka_site
from tests.app.programs import Program, free_port, program, rows_in
from tests.app.site import HERE, Site

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


ERROR_CODES = {
    error.code
    for error in (LedgerUnavailable, LedgerConflict, PositionConflict, StoreUnavailable, StreamUnavailable, StreamError)
}


def now() -> str:
    return datetime.now(UTC).isoformat()


AT = f"--at={HERE['latitude_deg']},{HERE['longitude_deg']},{HERE['accuracy_m']}"


@dataclass(frozen=True, slots=True)
class Running:
    """A station in a process of its own."""

    site: Site
    program: Program
    port: int

    def page(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as page:
            return str(page.read().decode("utf-8"))

    def value(self, sample: str, **labels: str) -> float:
        """One sample's value, 0 where it has not been seen."""
        for family in text_string_to_metric_families(self.page()):
            for one in family.samples:
                if one.name == sample and labels.items() <= one.labels.items():
                    return float(one.value)
        return 0.0


@pytest.fixture(scope="module")
def running(kafka_node: Node, people: list[RealPerson], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    site = kafka_site(tmp_path_factory.mktemp("station"), people, kafka_node, "")
    port = free_port()
    arguments = ("run", "--pool", "inline", "--metrics-port", port, "--config", site.config)
    with program(*arguments, folder=site.folder / "said") as started:
        started.wait_until_it_serves()
        yield Running(site, started, port)
        assert started.signal(signal.SIGTERM) == 0
        assert "Traceback" not in started.err()


def test_one_selfie_is_sent_and_its_verdict_heard(running: Running) -> None:
    said = running.site("send", "--person", "P00001", "--photo", running.site.photo("P00001"), AT)
    assert said.code == 0
    assert said.out.startswith("accepted  P00001  ")
    assert "\n  ok · Presensi Anda diterima." in said.out
    assert not said.err


def test_a_file_of_check_ins_is_answered_in_its_order(running: Running) -> None:
    ids = [str(uuid.uuid4()) for _ in range(3)]
    photo = "P00001/first.jpg"
    listed = running.site.list_of(
        [
            {"id": ids[0], "person": "P00003", "channel": "fingerprint", "captured_at": now()},
            {"id": ids[1], "person": "P00004", "photos": photo, "captured_at": now(), **HERE},
            {"id": ids[2], "person": "P12345", "photos": photo, "captured_at": now(), **HERE},
        ]
    )
    said = running.site("send", listed, "--json")
    assert said.code == 0
    document = said.document()
    assert (document["sent"], document["answered"]) == (3, 3)
    assert [one["id"] for one in document["verdicts"]] == ids
    reasons = [one["verdict"]["reasons"][0] for one in document["verdicts"]]
    assert reasons == ["channel_fingerprint", "impostor_suspected", "unknown_person"]
    assert "P00001" not in said.out, "who else a face resembles is for reviewers only"


def test_without_waiting_what_was_sent_is_decided_all_the_same(running: Running) -> None:
    identity, before = str(uuid.uuid4()), rows_in(running.site.folder / "ledger.db")
    row = {"id": identity, "person": "P00003", "channel": "fingerprint", "captured_at": now()}
    said = running.site("send", running.site.list_of([row]), "--wait-s", 0)
    assert said.code == 0
    assert said.out == f"{identity}  P00003: sent\n"
    running.program.wait_until(lambda: rows_in(running.site.folder / "ledger.db") == before + 1)
    assert running.site("explain", identity).code == 0


def test_another_content_under_the_same_id_is_told_as_set_aside(running: Running) -> None:
    row = {"id": str(uuid.uuid4()), "person": "P00003", "channel": "fingerprint", "captured_at": now()}
    assert running.site("send", running.site.list_of([row])).code == 0
    assert running.site("send", running.site.list_of([row])).code == 0, "the same content is answered again"
    said = running.site("send", running.site.list_of([{**row, "direction": "out"}]), "--wait-s", 60)
    assert said.code == 3
    assert said.out == f"{row['id']}  P00003: set aside: id_conflict\n"
    assert "1 of 1 set aside (id_conflict)" in said.problem()
    assert "not decided" not in said.err


def test_a_dead_letter_is_listed_and_given_back(running: Running, kafka_node: Node) -> None:
    before = running.value("hadir_dead_letters_total", code="undecodable")
    sink = KafkaSink(kafka_node.cluster)
    sink.send([Message(CHECK_INS, b"P00001", b"\xc1 not a check-in")])
    sink.close()

    def listed() -> int:
        letters = running.site("dead-letters", "list", "--json").document()["dead_letters"]
        return sum(one["code"] == "undecodable" for one in letters)

    running.program.wait_until(lambda: running.value("hadir_dead_letters_total", code="undecodable") > before)
    running.program.wait_until(lambda: running.value("hadir_outbox_unpublished") == 0)
    there = listed()
    assert there >= 1
    replayed = running.site("dead-letters", "replay", "--code", "undecodable", "--json")
    assert replayed.document()["replayed"] == 1, "each content once"
    running.program.wait_until(lambda: running.value("hadir_dead_letters_total", code="undecodable") == before + 2)


def test_letters_of_a_demo_are_told_apart_and_never_replayed(running: Running, kafka_node: Node) -> None:
    sink = KafkaSink(kafka_node.cluster)
    headers = (("id", b""), ("code", b"undecodable"), ("source_topic", b"hadir.check-ins.v1.demo"))
    sink.send([Message(DEAD_LETTERS, b"P00001", b"\xc1 of a demo", headers)])
    sink.close()
    shown = running.site("dead-letters", "list", "--json").document()
    assert shown["of_other_topics"] >= 1
    assert {one["source_topic"] for one in shown["dead_letters"]} <= {CHECK_INS}
    every = running.site("dead-letters", "list", "--all", "--json").document()
    assert "hadir.check-ins.v1.demo" in {one["source_topic"] for one in every["dead_letters"]}
    replayed = running.site("dead-letters", "replay", "--code", "undecodable")
    assert "of other topics" in replayed.out


def test_the_page_holds_every_metric_with_its_type_and_sentence(running: Running) -> None:
    page = running.page()
    kinds = dict(line.split()[2:4] for line in page.splitlines() if line.startswith("# TYPE"))
    for name in MetricName:
        metric = METRICS[name]
        # The text format knows no info: it is a gauge that is always 1.
        assert kinds[name] == {"info": "gauge"}.get(metric.kind, metric.kind)
        assert f"# HELP {name} {metric.help}" in page


def test_probes_answer_beside_it(running: Running) -> None:
    for path in ("livez", "startupz", "readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/{path}", timeout=5) as page:
            said = page.read().decode()
        assert (page.status, said.splitlines()[-1]) == (200, "passed"), said
    assert "[+]group: joined, " in said


def test_every_stage_has_been_timed_and_the_lag_is_known(running: Running) -> None:
    running.site("send", "--person", "P00001", "--photo", running.site.photo("P00001"), AT)
    for stage in StageName:
        assert running.value("hadir_stage_duration_seconds_count", stage=stage) >= 1, stage
    assert running.value("hadir_photos_total") >= 1
    assert running.value("hadir_worker_busy_seconds_total") > 0
    assert running.value("hadir_partitions_assigned") > 0
    running.program.wait_until(lambda: running.value("hadir_consumer_lag_records") == 0)


def test_latency_is_counted_at_the_edges_that_were_agreed(running: Running) -> None:
    running.site("send", "--person", "P00001", "--photo", running.site.photo("P00001"), AT)
    (family,) = (f for f in text_string_to_metric_families(running.page()) if f.name == MetricName.VERDICT_LATENCY)
    edges = {
        float(s.labels["le"]) for s in family.samples if s.name.endswith("_bucket") and s.labels["channel"] == "face"
    }
    assert edges == {*LATENCY_EDGES_S, float("inf")}
    assert running.value("hadir_verdict_latency_seconds_count", channel="face") >= 1


def test_no_label_grows_with_people_or_requests(running: Running) -> None:
    allowed = {
        "outcome": {outcome.value for outcome in Outcome},
        "reason": {reason.value for reason in Reason},
        "channel": {"face", "fingerprint", "paper", "invalid"},
        "rate": {*RATES},
        "kind": {*FaultKind},
        "match": {"exact", "near"},
        "person": {"same", "other"},
        "code": {"undecodable", "id_conflict", "processing_failed", "photo_replayed", "repeated", *ERROR_CODES},
        "part": {"ledger", "position", "photos", "outbox"},
        "stage": {*StageName},
        "cause": {*CAUSES},
        "runtime": {"cpu", "cuda", "tensorrt"},
        "provider": {"cpu", "cuda", "tensorrt"},
        "precision": {"int8", "fp16", "fp32"},
        "version": {version("hadir")},
    }
    for family in text_string_to_metric_families(running.page()):
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label == "le" or sample.name == MetricName.SNAPSHOT_INFO:
                    continue
                assert value in allowed[label], (sample.name, label)


def test_the_page_agrees_with_the_ledger(running: Running) -> None:
    rows = [json.loads(line) for line in running.site("ledger", "export").out.splitlines()]
    accepted = sum(row["outcome"] == "accepted" for row in rows)
    counted = sum(
        sample.value
        for family in text_string_to_metric_families(running.page())
        for sample in family.samples
        if sample.name == MetricName.VERDICTS and sample.labels["outcome"] == "accepted"
    )
    assert counted == accepted > 0
