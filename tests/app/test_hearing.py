"""Hearing a topic while its broker goes away and comes back."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest

from dev.kafka.node import missing_part, start, stop
from hadir.app.hearing import Ear
from hadir.core.errors import StreamError
from hadir.core.message import Message
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import VERDICTS, with_partitions

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(missing_part() is not None, reason=f"no real Kafka: {missing_part()}"),
]

PATIENCE_S = 60.0


def said(sink: KafkaSink, text: bytes) -> None:
    sink.send([Message(VERDICTS, b"P1", text)])


@pytest.mark.slow
def test_a_patient_ear_hears_each_record_once_across_a_restart_of_the_broker(tmp_path: Path) -> None:
    node = start(tmp_path / "kafka")
    heard: queue.Queue[Record] = queue.Queue()
    try:
        create_topics(node.cluster, with_partitions(2))
        ear = Ear(node.cluster, VERDICTS, heard.put, patient=True)
        sink = KafkaSink(node.cluster)
        said(sink, b"before anybody listens")
        ear.listen(lambda: None)
        said(sink, b"before the outage")
        assert heard.get(timeout=PATIENCE_S).value == b"before the outage"
        sink.close()
        stop(node)
        node = start(tmp_path / "kafka", node.port)
        sink = KafkaSink(node.cluster)
        said(sink, b"after the outage")
        assert heard.get(timeout=PATIENCE_S).value == b"after the outage"
        sink.close()
        ear.end()
        ear.raise_if_broken()
        assert heard.empty()
    finally:
        stop(node)


def test_nobody_listens_to_a_topic_that_is_not_there(tmp_path: Path) -> None:
    node = start(tmp_path / "kafka")
    try:
        with pytest.raises(StreamError, match="does not exist"):
            Ear(node.cluster, "hadir.nowhere.v1", lambda _: None, patient=True).listen(lambda: None)
    finally:
        stop(node)
