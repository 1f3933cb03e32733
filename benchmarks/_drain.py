"""Drain a backlog: warm workers, a full log, and a clock that stops when the last verdict is durable and published."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice

from benchmarks._backlog_watch import BacklogWatch, NotedSink
from benchmarks._bare_worker import face_jobs
from benchmarks._processes import Cost, cost_per_photo, costs
from benchmarks._selfies import Selfie
from benchmarks._workplace import Workplace
from hadir.app.log_ends import LogEnds, open_ends
from hadir.app.scenarios import SITE
from hadir.app.station import Station
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.clock import SystemClock
from hadir.core.message import Message
from hadir.core.settings import Settings
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.ports import Pool

__all__ = ["drain", "twice_each"]

_SEND_TOGETHER = 64
_PATIENCE_S = 30.0


def drain(settings: Settings, workplace: Workplace, check_ins: int) -> dict[str, float]:
    """Decide `check_ins` records of one photo each, which the log holds before the clock starts. From the main thread.

    When it starts the workers are warm, the group is joined, nothing has been fetched, and whoever sent is gone; it
    stops when every row is in the ledger and every verdict is acknowledged by its topic.

    Raises:
        HadirError: the station cannot start, ends by itself, or leaves a check-in without a row.
    """
    ends = open_ends(settings, from_now=True)
    watch = BacklogWatch(check_ins)
    after: dict[str, Cost] = {}
    noted = replace(ends, sink=NotedSink(ends.sink, watch))
    with Station(settings, noted, SystemClock(), [watch]) as station:

        def finished() -> bool:
            if watch.written:
                watch.wait_published(_PATIENCE_S)
                after.update(costs(station.pool))
            return watch.written

        station.start()
        ends.source.pause()
        _warm_up(station.pool, workplace.selfies, settings)
        _send(ends, workplace, check_ins)
        before = costs(station.pool)
        start_s = time.perf_counter()
        ends.source.resume()
        station.run(finished)
    watch.require_all()
    return {
        "photos_per_s": check_ins / (watch.done_s - start_s),
        "photos_per_batch": watch.mean_batch,
        "check_ins_per_transaction": watch.mean_transaction,
        "accepted_share": watch.outcomes["accepted"] / check_ins,
        **cost_per_photo(before, after, check_ins),
    }


def twice_each(check_ins: int, selfies: int) -> int:
    """How many people must share each selfie's face so that nobody signs more often than a morning's people do."""
    return max(1, -(-check_ins // (2 * selfies)))


def _warm_up(pool: Pool, selfies: Sequence[Selfie], settings: Settings) -> None:
    """A full batch for each worker, taken back before the loop begins: the first one costs twice as much."""
    waiting, pause = 0, threading.Event()
    (batch,) = face_jobs(list(islice(cycle(selfies), settings.pool.batch_photos)), settings.pool.batch_photos)
    for _ in range(pool.room().idle):
        pool.submit(batch)
        waiting += len(batch)
    while waiting:
        waiting -= len(pool.take())
        pause.wait(0.01)


def _send(ends: LogEnds, workplace: Workplace, count: int) -> None:
    """A sender that stays open would cost this process a thread that looks around all the time."""
    following = _messages(ends.topic, workplace, count, SystemClock().now_ms())
    while together := list(islice(following, _SEND_TOGETHER)):
        ends.sender.send(together)
    ends.sender.close()


def _messages(topic: str, workplace: Workplace, count: int, now_ms: int) -> Iterator[Message]:
    """Honest check-ins at the site: everybody comes, then everybody goes."""
    for number, selfie in enumerate(workplace.morning(count)):
        check_in = CheckIn(
            id=str(uuid.uuid4()),
            person=selfie.person,
            direction=(Direction.IN, Direction.OUT)[number // workplace.signers % 2],
            channel=Channel.FACE,
            captured_at_ms=now_ms,
            fix=Fix(*SITE, accuracy_m=8.0, mock=False),
            photos=(selfie.photo,),
        )
        yield Message(topic, selfie.person.encode(), encode_check_in(check_in))
