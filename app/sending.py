"""Check-ins into Kafka, and what became of them back by id: a verdict, or that the record was set aside."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hadir.app.hearing import Ear
from hadir.core.check_in import CheckIn
from hadir.core.message import Message
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.dead_letters import read_dead_letters
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS

__all__ = ["Answer", "send_and_wait"]

_WITHOUT_A_VERDICT = ("id_conflict", "undecodable")
"""Codes of dead letters that no verdict comes beside."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`verdict` is the record of `hadir.verdicts.v1`, `set_aside` a dead letter's code; None where none has come."""

    id: str
    person: str
    verdict: dict[str, Any] | None
    set_aside: str | None


def send_and_wait(cluster: KafkaCluster, check_ins: Sequence[CheckIn], wait_s: float) -> list[Answer]:
    """Send all, then wait for what becomes of them; answers in the order of `check_ins`.

    Raises:
        StreamUnavailable: no broker answers. Sending the same file again is safe where it names ids.
        StreamError: a topic is missing.
    """
    heard = _Heard({check_in.id for check_in in check_ins})
    ears = [Ear(cluster, VERDICTS, heard.verdict_of), Ear(cluster, DEAD_LETTERS, heard.letter_of)] if wait_s else []
    for ear in ears:
        ear.listen(heard.all.set)
    sink = KafkaSink(cluster)
    try:
        for check_in in check_ins:
            sink.send([Message(CHECK_INS, check_in.person.encode(), encode_check_in(check_in))])
        heard.all.wait(wait_s)
    finally:
        sink.close()
        for ear in ears:
            ear.end()
    for ear in ears:
        ear.raise_if_broken()
    return [Answer(c.id, c.person, heard.verdict.get(c.id), heard.set_aside.get(c.id)) for c in check_ins]


class _Heard:
    """What became of the `ids` so far; `all` is set once that is known of each. One thread for each of the methods."""

    def __init__(self, ids: set[str]) -> None:
        self.verdict: dict[str, dict[str, Any]] = {}
        self.set_aside: dict[str, str] = {}
        self.all = threading.Event()
        self._ids = ids

    def verdict_of(self, record: Record) -> None:
        verdict = msgspec.json.decode(record.value)
        if verdict.get("id") in self._ids and verdict.get("revision") == 0:
            self.verdict[verdict["id"]] = verdict
            self._look()

    def letter_of(self, record: Record) -> None:
        for letter in read_dead_letters([record]):
            if letter.id in self._ids and letter.source_topic == CHECK_INS and letter.code in _WITHOUT_A_VERDICT:
                self.set_aside[letter.id] = letter.code
                self._look()

    def _look(self) -> None:
        if all(one in self.verdict or one in self.set_aside for one in self._ids):
            self.all.set()
