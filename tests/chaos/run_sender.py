"""The client of a run: sends at its own pace, whatever happens, and the same again until the log has it for sure."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from hadir.app.invariants import Sent
from hadir.core.errors import StreamUnavailable
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.kafka_sink import KafkaSink
from tests.chaos.run_history import History
from tests.chaos.run_mix import Parcel

__all__ = ["Sender"]

MOST_TOGETHER = 200
TURN_S = 0.05


class Sender:
    """A thread of its own. What it has an answer for stands in `sent`, to be read once it has ended."""

    def __init__(
        self, cluster: KafkaCluster, parcels: Iterator[Parcel], per_s: float, most: int | None, history: History
    ) -> None:
        """`most` records, or until `end`."""
        self._cluster, self._parcels, self._per_s, self._history = cluster, parcels, per_s, history
        self._left = most
        self._ending = threading.Event()
        self._received: dict[str, tuple[str, ...]] = {}
        self._undecodable: set[str] = set()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="sender", daemon=True)
        self.kinds: Counter[str] = Counter()
        self.retries = 0
        """Batches that were sent again because no answer came."""

    @property
    def records(self) -> int:
        """Records that the log has acknowledged, repetitions too."""
        return self.kinds.total()

    def start(self) -> None:
        self._thread.start()

    def end(self) -> Sent:
        """Send nothing new, wait for what is on its way, and give the account."""
        self._ending.set()
        return self.wait()

    def wait(self) -> Sent:
        """Until all is sent."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return Sent(self._received, undecodable=self._undecodable)

    def going_on(self) -> bool:
        """Whether more will be sent."""
        return self._thread.is_alive()

    def _serve(self) -> None:
        sink, start_s, taken = KafkaSink(self._cluster), time.monotonic(), 0
        try:
            while not self._ending.is_set() and self._left != 0:
                due = min(MOST_TOGETHER, int((time.monotonic() - start_s) * self._per_s) - taken)
                if due <= 0:
                    self._ending.wait(TURN_S)
                    continue
                due = due if self._left is None else min(due, self._left)
                self._deliver(sink, list(islice(self._parcels, due)))
                taken += due
                self._left = None if self._left is None else self._left - due
        except BaseException as err:  # noqa: BLE001 - raised by `wait`
            self._error = err
        finally:
            sink.close()

    def _deliver(self, sink: KafkaSink, parcels: Sequence[Parcel]) -> None:
        """Again and again, as a phone does: it cannot know what of it has arrived."""
        while True:
            try:
                sink.send([parcel.message for parcel in parcels])
                break
            except StreamUnavailable:
                self.retries += 1
                self._history.note("sent_without_an_answer", records=len(parcels))
        for parcel in parcels:
            self.kinds[parcel.kind] += 1
            if parcel.id is None:
                self._undecodable.add(parcel.digest)
            elif parcel.digest not in (before := self._received.get(parcel.id, ())):
                self._received[parcel.id] = (*before, parcel.digest)
