"""What watching costs: processor time of the deciding process for each check-in, with and without those who watch."""

from __future__ import annotations

import gc
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, Spread, alternate
from benchmarks._unhindered import AtOncePool, InMemory, TakesAll
from hadir.attendance.policy import Policy
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.clock import ManualClock
from hadir.core.message import Message
from hadir.core.timings import StageClock, StageName
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.judge import Judge, Stamp
from hadir.pipeline.limits import IntakeLimits
from hadir.pipeline.memory import MemoryLog, MemorySource
from hadir.pipeline.prometheus import StreamMetrics
from hadir.pipeline.run import Intake
from hadir.pipeline.topics import CHECK_INS
from hadir.pipeline.watermarks import Watermarks

__all__ = ["WatchingSize", "measure"]

BARS = (Bar("watching_in_batches_us", "at most", 5.0),)
"""Issue 6: a hundredth of what a check-in costs the driver (370 us of processor time with SQLite and Ray)."""

_NOW_MS = 1_790_000_000_000
_STAMP = Stamp("snapshot", "space")
_LAPS = (StageName.DECODE, StageName.DETECT, StageName.ALIGN)


@dataclass(frozen=True, slots=True)
class WatchingSize:
    """`check_ins` in each round of each side, `together` of them in a batch where there are batches."""

    check_ins: int = 6_000
    together: int = 32


def measure(rounds: int, size: WatchingSize = WatchingSize()) -> Report:
    """The loop itself with a pool and a ledger that cost nothing, so that the difference stands out: in full batches,
    as in a surge, and one by one, as in a quiet hour, when every check-in is a batch and a transaction of its own."""
    messages = [_message(number) for number in range(size.check_ins)]
    sides: dict[str, Side] = {}
    for name, together in (("in_batches", size.together), ("one_by_one", 1)):
        sides[f"bare_{name}"] = partial(_loop, messages, together, watched=False)
        sides[f"watched_{name}"] = partial(_loop, messages, together, watched=True)
    sides["worker_laps"] = partial(_laps, size.check_ins)
    figures = alternate(sides, rounds)
    for name in ("in_batches", "one_by_one"):
        pairs = zip(figures[f"watched_{name}_us"].rounds, figures[f"bare_{name}_us"].rounds, strict=True)
        figures[f"watching_{name}_us"] = Spread(tuple(watched - bare for watched, bare in pairs))
    conditions = {
        "check_ins": size.check_ins,
        "photos_together": size.together,
        "unit": "microseconds of processor time for each check-in; worker_laps: for each photo, in its worker",
        "pool_and_ledger": "answer at once and keep nothing",
        "rounds": rounds,
    }
    left_out = [
        "the look at log and ledger every five seconds: it costs the same at any load (docs/metrics.md)",
        "scrapes: some milliseconds each, however many check in",
    ]
    return Report("watching", conditions, figures, BARS, left_out)


def _message(number: int) -> Message:
    """One person each, as in a morning."""
    fix = Fix(-8.17, 113.7, 10.0, False)
    identity = str(uuid.UUID(int=number + 1, version=4))
    photos = (number.to_bytes(8, "big") * 512,)
    check_in = CheckIn(identity, f"p-{number}", Direction.IN, Channel.FACE, _NOW_MS, fix, photos)
    return Message(CHECK_INS, check_in.person.encode(), encode_check_in(check_in))


def _loop(messages: Sequence[Message], together: int, *, watched: bool) -> dict[str, float]:
    """From log to ledger, all of them."""
    clock = ManualClock(_NOW_MS)
    log, ledger = MemoryLog(clock), InMemory()
    for message in messages:
        log.append(message)
    metrics = StreamMetrics(clock) if watched else None
    intake = Intake(
        MemorySource(log, CHECK_INS),
        AtOncePool(_STAMP, metrics.on_worked if metrics is not None else None),
        ledger,
        _judge(ledger, clock),
        topic=CHECK_INS,
        clock=clock,
        observer=metrics,
        limits=IntakeLimits(watermarks=Watermarks(take_records=together)),
    )
    spent_s = _spent_s(intake.run_until_idle)
    if ledger.rows != len(messages):
        raise RuntimeError(f"{ledger.rows} of {len(messages)} check-ins were decided")
    return {"us": 1e6 * spent_s / len(messages)}


def _judge(ledger: InMemory, clock: ManualClock) -> Judge:
    policy = Policy("benchmark", "1", date(2026, 1, 1))
    everywhere = TakesAll()
    return Judge(ledger, everywhere, everywhere, policy=policy, stamp=_STAMP, topic=CHECK_INS, clock=clock)


def _laps(photos: int) -> dict[str, float]:
    """What a pack does to say what a photo took."""
    clock = StageClock()

    def work() -> None:
        clock.start()
        for _ in range(photos):
            for stage in _LAPS:
                clock.lap(stage)

    return {"us": 1e6 * _spent_s(work) / photos}


def _spent_s(work: Callable[[], object]) -> float:
    """As after a start of `hadir run`: what is there already need not be walked for cyclic garbage."""
    gc.collect()
    gc.freeze()
    began_s = time.process_time()
    work()
    spent_s = time.process_time() - began_s
    gc.unfreeze()
    return spent_s


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.watching", measure, sys.argv[1:]))
