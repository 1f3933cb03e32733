"""Following a topic on a thread of its own, from before the first check-in is sent, so that nothing is missed."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hadir.core.errors import HadirError, StreamUnavailable
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.ports import Record

__all__ = ["Ear"]

_AGAIN_S = 0.5


class Ear:
    """Hands every record that is written from `listen` on to `hear`, in order per partition.

    A patient ear outlives an outage of the brokers: it goes on after the last record that it heard.
    """

    def __init__(
        self, cluster: KafkaCluster, topic: str, hear: Callable[[Record], None], *, patient: bool = False
    ) -> None:
        self._tail, self._topic, self._hear, self._patient = KafkaTail(cluster), topic, hear, patient
        self._ready, self._end = threading.Event(), threading.Event()
        self._next: dict[int, int] = {}
        self._error: HadirError | None = None
        self._broken: Callable[[], None] = self._end.set
        self._thread = threading.Thread(target=self._listen, name=topic, daemon=True)

    def listen(self, broken: Callable[[], None]) -> None:
        """Returns once nothing that is written from now on can be missed; `broken` is called where hearing ends.

        Raises:
            StreamUnavailable: no broker answers. StreamError: the topic is missing.
        """
        self._broken = broken
        self._thread.start()
        self._ready.wait()
        self.raise_if_broken()

    def end(self) -> None:
        """Stop listening. Idempotent."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def raise_if_broken(self) -> None:
        """What ended it by itself."""
        if self._error is not None:
            raise self._error

    def _listen(self) -> None:
        try:
            self._next = self._tail.ends(self._topic)
            while not self._end.is_set():
                self._follow()
        except HadirError as error:
            self._error = error
        finally:
            self._ready.set()
            self._broken()

    def _follow(self) -> None:
        try:
            for record in self._tail.follow(self._topic, self._end.is_set, ready=self._ready.set, since=self._next):
                self._next[record.partition] = record.offset + 1
                self._hear(record)
        except StreamUnavailable:
            if not (self._patient and self._ready.is_set()):
                raise
            self._end.wait(_AGAIN_S)
