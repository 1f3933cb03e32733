"""A stream of check-ins during five promotions and two rollbacks, two of these switches across embedding spaces."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks._conditions import cores
from benchmarks._kafka import own_kafka
from benchmarks._open_loop import Arrival, OpenLoop, Stopwatch
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Spread, say
from benchmarks._selfies import Selfie
from benchmarks._three_snapshots import ThreeSnapshots, build_three
from benchmarks._workplace import Workplace, build_workplace
from dev.kafka.node import missing_part
from hadir.app.log_ends import open_ends
from hadir.app.logs import log_to
from hadir.app.station import Station
from hadir.app.wiring import policy_of, serving_of
from hadir.attendance.ledger import Ledger
from hadir.core.clock import SystemClock
from hadir.core.errors import SetupError
from hadir.core.settings import Settings
from hadir.core.verdict import Outcome
from hadir.index.manifest import read_manifest
from hadir.index.pointers import promote, rollback
from hadir.pipeline.observer import Served
from hadir.pipeline.ports import FaceJob

__all__ = ["StreamSize", "Switches", "measure"]

P99_RATIO = 1.25
WINDOW_S = 2.0
"""A promotion's window begins when the pointers change and has this length, or ends with the switch where that takes
longer. (A window that always ended some time after the switch would be long when the machine is slow, and be slow for
that.)"""
PATIENCE_S = 60.0
SAMPLE = 40
"""Verdicts per snapshot and run whose similarity is computed again from the photo."""
SAME = 2e-3
"""Cosine: batches of another size round differently, another space's vectors differ by tenths."""

Broker = Literal["memory", "kafka"]


@dataclass(frozen=True, slots=True)
class StreamSize:
    """`check_ins` per round and broker at `per_s` on average, by `selfies` people among `stand_ins` others.

    40 a second keep two cores a third busy with the open pack (7 ms a photo) and half with the other (12 ms): far from
    saturation, where every queue would only tell how long it is.
    """

    check_ins: int = 1_400
    per_s: float = 40.0
    selfies: int = 384
    stand_ins: int = 13_000
    brokers: tuple[Broker, ...] = ("memory", "kafka")


@dataclass(slots=True)
class Switches:
    """When each was asked for and when the last worker had taken it, on the clock of `time.perf_counter`."""

    windows_s: list[tuple[float, float]] = field(default_factory=list)
    serving: dict[str, threading.Event] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def on_serving(self, served: Served) -> None:
        self.serving.setdefault(served.snapshot, threading.Event()).set()

    def on_refused(self, snapshot: str | None, code: str) -> None:
        self.refused.append(f"{snapshot}: {code}")

    def switch(self, step: Callable[[], object], wanted: str) -> None:
        """Do it and wait until `wanted` serves. Raises SetupError where it does not."""
        taken = self.serving[wanted] = threading.Event()
        asked_s = time.perf_counter()
        step()
        if not taken.wait(PATIENCE_S) or self.refused:
            raise SetupError(f"snapshot {wanted} does not serve after {PATIENCE_S:.0f} s ({self.refused}): see the log")
        self.windows_s.append((asked_s, time.perf_counter()))

    def within(self, moment_s: float) -> bool:
        """Whether a promotion was going on then, or had just ended."""
        return any(asked_s <= moment_s <= max(taken_s, asked_s + WINDOW_S) for asked_s, taken_s in self.windows_s)


@dataclass(slots=True)
class _Pooled:
    """What all rounds of one broker say."""

    within_s: list[float] = field(default_factory=list)
    outside_s: list[float] = field(default_factory=list)
    switch_s: list[float] = field(default_factory=list)
    failed: int = 0
    wrong_space: int = 0
    checked: int = 0

    def figures(self, broker: str) -> dict[str, Spread]:
        """One value each, over all rounds."""
        within, outside = _p99(self.within_s), _p99(self.outside_s)
        values = {
            "check_ins": len(self.within_s) + len(self.outside_s),
            "check_ins_within": len(self.within_s),
            "p50_within_s": float(np.median(self.within_s)),
            "p50_outside_s": float(np.median(self.outside_s)),
            "p99_within_s": within,
            "p99_outside_s": outside,
            "p99_ratio": within / outside,
            "failed": self.failed,
            "wrong_space": self.wrong_space,
            "similarities_computed_again": self.checked,
        }
        figures = {f"{broker}_{name}": Spread((float(value),)) for name, value in values.items()}
        return {**figures, f"{broker}_switch_s": Spread(tuple(self.switch_s))}


def measure(rounds: int, size: StreamSize = StreamSize()) -> Report:
    """Stream, promote and roll back, in turns through memory and Kafka; latencies are pooled over all rounds."""
    missing = missing_part() if "kafka" in size.brokers else None
    brokers = [broker for broker in size.brokers if broker == "memory" or missing is None]
    pooled = {broker: _Pooled() for broker in brokers}
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name:
        folder = Path(name)
        log_to(folder / "log.jsonl")
        workplace = build_workplace(folder, size.selfies, size.stand_ins)
        plan = _with_store(workplace.settings("plan", "memory"), folder)
        snapshots = build_three(workplace, plan, size.stand_ins)
        selfies = _honest(plan, workplace, snapshots)
        with own_kafka(folder / "kafka", brokers) as bootstrap:
            numbers = count(1)
            for number in range(1, rounds + 1):
                for broker in brokers:
                    say(f"round {number} of {rounds}: {broker}")
                    settings = workplace.settings(f"{broker}-{next(numbers)}", broker, bootstrap)
                    _stream(_with_store(settings, folder), snapshots, selfies, size, pooled[broker])
    figures = {name: spread for broker in brokers for name, spread in pooled[broker].figures(broker).items()}
    conditions = {
        **workplace.conditions(),
        "other_pack": snapshots.other_pack,
        "selfies_that_pass_everywhere": len(selfies),
        "check_ins_per_round": size.check_ins,
        "check_ins_per_s": size.per_s,
        "arrivals": "Poisson",
        "latency": "from the intended send to the durable row",
        "switches_per_round": "5 promotions, 2 rollbacks; 2 of them across embedding spaces",
        "window": f"{WINDOW_S:g} s from the pointers' change on, or until the last worker has taken it",
        "face_actors": cores(),
        "rounds": rounds,
    }
    return Report("promote", conditions, figures, _bars(brokers), [f"kafka: {missing}"] if missing else [])


def _bars(brokers: Sequence[Broker]) -> list[Bar]:
    return [
        bar
        for broker in brokers
        for bar in (
            Bar(f"{broker}_failed", "at most", 0),
            Bar(f"{broker}_wrong_space", "at most", 0),
            Bar(f"{broker}_p99_ratio", "at most", P99_RATIO),
        )
    ]


def _with_store(settings: Settings, folder: Path) -> Settings:
    stores = settings.stores.model_copy(update={"models": str(folder / "models"), "watch_s": 0.1})
    return settings.model_copy(update={"stores": stores})


def _honest(settings: Settings, workplace: Workplace, snapshots: ThreeSnapshots) -> list[Selfie]:
    """The selfies that every one of the snapshots accepts, so that what is expected of each check-in is known."""
    kept, accept_fmr = list(workplace.selfies), policy_of(settings).accept_fmr
    for snapshot in (snapshots.first, snapshots.second, snapshots.elsewhere):
        served = serving_of(settings, workplace.folder / "snapshots" / snapshot)
        findings = served.stage().process([FaceJob(n, one.person, (one.photo,)) for n, one in enumerate(kept)])
        accept = served.thresholds.at(accept_fmr, 1, 1).similarity
        if accept is None:
            raise SetupError(f"snapshot {snapshot} supports no threshold at {accept_fmr:g}: enrol more people")
        kept = [
            one
            for one, found in zip(kept, findings, strict=True)
            if found.claimed is not None and found.claimed.similarity >= accept
        ]
    if not kept:
        raise SetupError("no selfie is accepted by all three snapshots: use another pack")
    return kept


def _stream(
    settings: Settings, snapshots: ThreeSnapshots, selfies: Sequence[Selfie], size: StreamSize, pooled: _Pooled
) -> None:
    """One round on one broker, added to `pooled`."""
    root = Path(settings.stores.snapshots)
    promote(root, snapshots.first)
    watch, switches, ends = Stopwatch(), Switches(), open_ends(settings, from_now=True)
    with Station(settings, ends, SystemClock(), [watch], [switches]) as station:
        station.start()
        thread = threading.Thread(target=station.run, name="station")
        thread.start()
        try:
            loop = OpenLoop(ends, selfies, size.check_ins, size.per_s)
            loop.start()
            _switch(switches, root, snapshots, loop.span_s)
            loop.join()
            _await(watch, loop.arrivals)
        finally:
            station.stop()
            thread.join()
        ends.sender.close()
        _count(pooled, station.ledger, loop.arrivals, watch, switches)
        _check_spaces(pooled, settings, station.ledger, loop.arrivals, selfies)


def _switch(switches: Switches, root: Path, snapshots: ThreeSnapshots, span_s: float) -> None:
    """Seven switches, evenly over the stream; the last ends well before it."""
    steps: list[tuple[Callable[[], object], str]] = [
        (partial(promote, root, snapshots.second), snapshots.second),
        (partial(promote, root, snapshots.elsewhere), snapshots.elsewhere),
        (partial(rollback, root), snapshots.second),
        (partial(promote, root, snapshots.first), snapshots.first),
        (partial(promote, root, snapshots.second), snapshots.second),
        (partial(rollback, root), snapshots.first),
        (partial(promote, root, snapshots.second), snapshots.second),
    ]
    start_s, pause = time.perf_counter(), threading.Event()
    for number, (step, wanted) in enumerate(steps, start=1):
        pause.wait(max(0.0, start_s + number * span_s / (len(steps) + 1) - time.perf_counter()))
        switches.switch(step, wanted)


def _await(watch: Stopwatch, arrivals: Sequence[Arrival]) -> None:
    until_s, pause = time.perf_counter() + PATIENCE_S, threading.Event()
    while len(watch.written_s) < len(arrivals) and time.perf_counter() < until_s:
        pause.wait(0.05)


def _count(pooled: _Pooled, ledger: Ledger, arrivals: Sequence[Arrival], watch: Stopwatch, switches: Switches) -> None:
    """Failed is whoever has not exactly one row, or another outcome than the honest one."""
    rows = ledger.known([one.id for one in arrivals])
    for one in arrivals:
        row = rows.get(one.id)
        if row is None or watch.times[one.id] != 1 or row.outcome is not Outcome.ACCEPTED:
            pooled.failed += 1
            continue
        latency_s = watch.written_s[one.id] - one.due_s
        within = switches.within(one.due_s) or switches.within(watch.written_s[one.id])
        (pooled.within_s if within else pooled.outside_s).append(latency_s)
    pooled.switch_s += [taken_s - asked_s for asked_s, taken_s in switches.windows_s]


def _check_spaces(
    pooled: _Pooled,
    settings: Settings,
    ledger: Ledger,
    arrivals: Sequence[Arrival],
    selfies: Sequence[Selfie],
) -> None:
    """Every row's space is its snapshot's; of a sample the similarity is computed again with that snapshot."""
    rows, root = ledger.known([one.id for one in arrivals]), Path(settings.stores.snapshots)
    by_snapshot: dict[str, list[Arrival]] = {}
    for one in arrivals:
        by_snapshot.setdefault(rows[one.id].snapshot if one.id in rows else "", []).append(one)
    by_snapshot.pop("", None)
    for snapshot, theirs in by_snapshot.items():
        space = read_manifest(root / snapshot).space.name
        pooled.wrong_space += sum(rows[one.id].embedding_space != space for one in theirs)
        sample = theirs[:: max(1, len(theirs) // SAMPLE)]
        jobs = [FaceJob(n, selfies[one.selfie].person, (selfies[one.selfie].photo,)) for n, one in enumerate(sample)]
        findings = serving_of(settings, root / snapshot).stage().process(jobs)
        for one, found in zip(sample, findings, strict=True):
            evidence = ledger.evidence(one.id)
            face = evidence["face"] if evidence is not None else None
            claimed = face["claimed"] if isinstance(face, dict) else None
            pooled.checked += 1
            again = found.claimed.similarity if found.claimed is not None else float("nan")
            pooled.wrong_space += claimed is None or not abs(claimed["similarity"] - again) < SAME


def _p99(latencies_s: Sequence[float]) -> float:
    return float(np.percentile(latencies_s, 99))


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.promote", measure, sys.argv[1:]))
