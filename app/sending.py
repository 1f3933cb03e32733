"""Check-ins into Kafka, their verdicts back by id."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hadir.core.check_in import CheckIn
from hadir.core.errors import HadirError
from hadir.core.message import Message
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.topics import CHECK_INS, VERDICTS

__all__ = ["Answer", "send_and_wait"]


@dataclass(frozen=True, slots=True)
class Answer:
    """`verdict` is the record of `hadir.verdicts.v1`, None where it has not come."""

    id: str
    person: str
    verdict: dict[str, Any] | None


def send_and_wait(cluster: KafkaCluster, check_ins: Sequence[CheckIn], wait_s: float) -> list[Answer]:
    """Send all, then wait for their verdicts; answers in the order of `check_ins`.

    Raises:
        StreamUnavailable: no broker answers. Sending the same file again is safe where it names ids.
        StreamError: a topic is missing.
    """
    verdicts = _Verdicts(cluster, {check_in.id for check_in in check_ins})
    if wait_s:
        verdicts.listen()
    sink = KafkaSink(cluster)
    try:
        for check_in in check_ins:
            sink.send([Message(CHECK_INS, check_in.person.encode(), encode_check_in(check_in))])
    finally:
        sink.close()
    found = verdicts.wait(wait_s) if wait_s else {}
    return [Answer(check_in.id, check_in.person, found.get(check_in.id)) for check_in in check_ins]


class _Verdicts:
    """Listens on a thread of its own from before the first check-in is sent, so that no verdict can be missed."""

    def __init__(self, cluster: KafkaCluster, ids: set[str]) -> None:
        self._tail = KafkaTail(cluster)
        self._ids = ids
        self._found: dict[str, dict[str, Any]] = {}
        self._ready, self._end = threading.Event(), threading.Event()
        self._error: HadirError | None = None
        self._thread = threading.Thread(target=self._follow, name="verdicts", daemon=True)

    def listen(self) -> None:
        """Returns once nothing that is written from now on can be missed."""
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            raise self._error

    def wait(self, wait_s: float) -> dict[str, dict[str, Any]]:
        """Verdicts by id, all of them or those that came in time."""
        self._thread.join(wait_s)
        self._end.set()
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found

    def _follow(self) -> None:
        try:
            for record in self._tail.follow(VERDICTS, self._complete, ready=self._ready.set):
                verdict = msgspec.json.decode(record.value)
                if verdict.get("id") in self._ids and verdict.get("revision") == 0:
                    self._found[verdict["id"]] = verdict
        except HadirError as error:
            self._error = error
        finally:
            self._ready.set()

    def _complete(self) -> bool:
        return self._end.is_set() or len(self._found) == len(self._ids)
