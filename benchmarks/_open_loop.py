"""Check-ins that come when they come, whatever the house is doing: sent by a clock, timed from the intended moment."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks._selfies import SEED, Selfie
from hadir.app.log_ends import LogEnds
from hadir.app.scenarios import SITE
from hadir.app.surge_cast import stamped
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.clock import SystemClock
from hadir.core.message import Message
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.observer import InHand, Written

__all__ = ["Arrival", "OpenLoop", "Stopwatch"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One check-in. `due_s` is the moment at which it was meant to be sent, on the clock of `time.perf_counter`."""

    id: str
    selfie: int
    due_s: float


@dataclass(slots=True)
class Stopwatch:
    """An Observer of the stream: when each check-in became durable, on the same clock, and how often it did."""

    written_s: dict[str, float] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    def on_written(self, written: Written) -> None:
        now_s = time.perf_counter()
        for row in written.rows:
            self.written_s.setdefault(row.id, now_s)
            self.times[row.id] += 1

    def on_received(self, records: int) -> None: ...

    def on_batch(self, photos: int, limit: int) -> None: ...

    def on_in_hand(self, in_hand: InHand) -> None: ...

    def on_retry(self, part: str, code: str) -> None: ...


class OpenLoop:
    """Sends on a thread of its own. Whoever is late is sent at once, and its lateness counts as latency."""

    def __init__(self, ends: LogEnds, selfies: Sequence[Selfie], count: int, per_s: float) -> None:
        """`count` check-ins at `per_s` on average, at independent moments (a Poisson process, fixed seed)."""
        self._ends, self._selfies = ends, selfies
        self._pauses_s = np.random.default_rng(SEED).exponential(1 / per_s, count)
        self._thread = threading.Thread(target=self._send, name="arrivals")
        self._error: BaseException | None = None
        self.arrivals: list[Arrival] = []
        """Those that were sent, in order."""

    @property
    def span_s(self) -> float:
        """From the first to the last."""
        return float(self._pauses_s.sum())

    def start(self) -> None:
        """Begin now."""
        self._thread.start()

    def join(self) -> None:
        """Until the last is sent. Raises what sending raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _send(self) -> None:
        try:
            due_s = time.perf_counter()
            for number, pause_s in enumerate(self._pauses_s):
                due_s += pause_s
                time.sleep(max(0.0, due_s - time.perf_counter()))
                self.arrivals.append(self._send_one(number, due_s))
        except BaseException as err:  # noqa: BLE001 - handed to `join`, which raises it
            self._error = err

    def _send_one(self, number: int, due_s: float) -> Arrival:
        at = number % len(self._selfies)
        selfie = self._selfies[at]
        identity = str(uuid.uuid4())
        check_in = CheckIn(
            id=identity,
            person=selfie.person,
            direction=(Direction.IN, Direction.OUT)[number // len(self._selfies) % 2],
            channel=Channel.FACE,
            captured_at_ms=SystemClock().now_ms(),
            fix=Fix(*SITE, accuracy_m=8.0, mock=False),
            photos=(stamped(selfie.photo, identity.encode()),),
        )
        self._ends.sender.send([Message(self._ends.topic, selfie.person.encode(), encode_check_in(check_in))])
        return Arrival(check_in.id, at, due_s)
