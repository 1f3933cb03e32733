"""Any order of arrivals, results, crashes and rebalances: one row for every id, exact positions, nothing lost."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hadir.app.commit_watch import CommitWatch
from hadir.core.clock import ManualClock
from hadir.core.errors import PoolBusy
from hadir.core.message import Message
from hadir.pipeline.docket import Docket
from hadir.pipeline.judge import Taken
from hadir.pipeline.limits import IntakeLimits
from hadir.pipeline.memory import MemoryLog, MemorySource
from hadir.pipeline.offsets import Entry
from hadir.pipeline.ports import Exchange, FaceJob, JobResult, PoolRoom, Record, StageFactory, Wake
from hadir.pipeline.run import Intake
from hadir.pipeline.topics import CHECK_INS
from tests.pipeline.test_run import Failing
from tests.pipeline.world import PhotoStage, World, a_check_in, check_in_message

SETTINGS = settings(stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


class ShufflePool:
    """Two workers whose results come back when, and in the order that, the test says."""

    def __init__(self) -> None:
        self.waiting: list[JobResult] = []
        self._results: list[JobResult] = []
        self._batches = 0

    def start(self, wake: Wake) -> None:
        del wake

    def room(self) -> PoolRoom:
        return PoolRoom(idle=max(0, 2 - self._batches), queueable=min(2, 4 - self._batches))

    def submit(self, jobs: Sequence[FaceJob]) -> None:
        if self._batches >= 4:
            raise PoolBusy("full")
        self._batches += 1
        for job in jobs:
            crash = job.photos[0].startswith(b"crash")
            finding = None if crash else PhotoStage().process([job])[0]
            self.waiting.append(JobResult(job.ticket, finding, 3 if crash else 1))

    def finish(self, at: int) -> None:
        self._results.append(self.waiting.pop(at % len(self.waiting)))
        if not self.waiting:
            self._batches = 0

    def take(self) -> list[JobResult]:
        results, self._results = self._results, []
        return results

    def exchange(self, stage_factory: StageFactory) -> None:
        raise AssertionError(f"nobody exchanges stages here: {stage_factory}")

    def exchanged(self) -> Exchange:
        return Exchange()

    def close(self) -> None:
        pass


class WithGaps(MemorySource):
    """The memory log as a compacted topic would number it: of `stride` offsets one holds a record."""

    def __init__(self, log: MemoryLog, stride: int) -> None:
        super().__init__(log, CHECK_INS)
        self._stride = stride

    def start(self, wake: Wake, positions: Callable[[Collection[int]], Mapping[int, int]]) -> None:
        super().start(wake, lambda asked: self._narrow(positions(asked)))

    def take(self, limit: int) -> list[Record]:
        return [replace(one, offset=wide(one.offset, self._stride)) for one in super().take(limit)]

    def seek(self, offsets: Mapping[int, int]) -> None:
        super().seek(self._narrow(offsets))

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        super().commit(self._narrow(next_offsets))

    def _narrow(self, offsets: Mapping[int, int]) -> dict[int, int]:
        return {p: -((self._stride - 1 - offset) // self._stride) for p, offset in offsets.items()}


def wide(offset: int, stride: int) -> int:
    return offset * stride + stride - 1


class CrashAnywhere(RuleBasedStateMachine):
    """A process, sometimes two, over one log and one ledger that outlive them. Every commit is watched."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(self.folder)
        self.ids: set[str] = set()
        self.sent: list[Message] = []
        self.processes: list[tuple[Intake, ShufflePool]] = []

    @initialize(stride=st.sampled_from([1, 3]))
    def begin(self, stride: int) -> None:
        self.stride = stride
        self.launch()

    def launch(self, before: int = 0, after: int = 0) -> None:
        pool = ShufflePool()
        source = CommitWatch(WithGaps(self.world.log, self.stride), self.world.ledger, CHECK_INS, complain)
        ledger = Failing(self.world.ledger, before=before, after=after)
        intake = self.world.intake(ledger=ledger, source=source, pool=pool, limits=IntakeLimits())
        intake.start()
        self.processes.append((intake, pool))

    @rule(person=st.integers(0, 5), photo=st.sampled_from([b"good", b"bad", b"crash"]))
    def send(self, person: int, photo: bytes) -> None:
        check_in = a_check_in(f"p-{person}", (photo,))
        self.ids.add(check_in.id)
        self.put(check_in_message(check_in))

    @precondition(lambda self: self.sent)
    @rule(at=st.integers(0, 999))
    def send_the_same_again(self, at: int) -> None:
        self.put(self.sent[at % len(self.sent)])

    @rule(person=st.integers(0, 5))
    def send_what_cannot_be_decoded(self, person: int) -> None:
        self.put(Message(CHECK_INS, f"p-{person}".encode(), b"?"))

    def put(self, message: Message) -> None:
        self.sent.append(message)
        self.world.send(message)

    @precondition(lambda self: self.processes)
    @rule(at=st.integers(0, 1))
    def step(self, at: int) -> None:
        self.advance()
        self.processes[at % len(self.processes)][0].step()

    @precondition(lambda self: any(pool.waiting for _, pool in self.processes))
    @rule(at=st.integers(0, 999))
    def a_result_comes_back(self, at: int) -> None:
        pools = [pool for _, pool in self.processes if pool.waiting]
        pools[at % len(pools)].finish(at)

    @precondition(lambda self: self.processes)
    @rule(at=st.integers(0, 1))
    def crash(self, at: int) -> None:
        intake, _ = self.processes.pop(at % len(self.processes))
        # What a broker does when a member's session ends; nothing is committed, nothing drained.
        intake._source.close()

    @precondition(lambda self: len(self.processes) < 2)
    @rule(before=st.integers(0, 1), after=st.integers(0, 1))
    def start_a_process(self, before: int, after: int) -> None:
        self.launch(before, after)

    def advance(self) -> None:
        clock = self.world.clock
        assert isinstance(clock, ManualClock)
        clock.advance(6.0)

    @invariant()
    def positions_are_exact(self) -> None:
        """Everything below a position has its row or its dead letter; nothing at or above it has one."""
        positions = self.world.ledger.positions(CHECK_INS)
        decided = {record_id for record_id in self.ids if self.world.ledger.row(record_id)}
        below = {
            record.value
            for record in self.world.log.read(CHECK_INS)
            if wide(record.offset, self.stride) < positions.get(record.partition, 0)
        }
        by_value = {message.value: message for message in self.sent}
        assert below <= by_value.keys()
        expected = {one for one in self.ids if any(one.encode() in value for value in below)}
        assert decided == expected

    def teardown(self) -> None:
        while self.processes:
            self.crash(0)
        self.launch()
        intake, pool = self.processes[0]
        idle = 0
        while idle < 3:
            self.advance()
            moved = intake.step()
            while pool.waiting:
                pool.finish(0)
                moved = True
            idle = 0 if moved else idle + 1
        self.check_the_end()
        intake._source.close()
        self.world.ledger.close()
        shutil.rmtree(self.folder)

    def check_the_end(self) -> None:
        ledger, log = self.world.ledger, self.world.log
        assert ledger.counts().rows == len(self.ids)
        assert all(ledger.row(one) for one in self.ids)
        ends = {p: log.end(CHECK_INS, p) for p in log.partitions(CHECK_INS) if log.end(CHECK_INS, p)}
        assert ledger.positions(CHECK_INS) == {p: wide(end - 1, self.stride) + 1 for p, end in ends.items()}
        assert log.committed(CHECK_INS, "hadir") == ends
        rows = {row.message.value for row in ledger.unpublished(100_000) if row.message.topic == "hadir.verdicts.v1"}
        assert len(rows) == len(self.ids), "a verdict was published with two different contents"
        undecodable = Counter(m.key for m in self.sent if m.value == b"?")
        letters = Counter(row.message.key for row in ledger.unpublished(100_000) if row.message.value == b"?")
        assert letters == undecodable, "dead letters are exactly once"


def test_every_id_gets_exactly_one_row_whatever_happens() -> None:
    run_state_machine_as_test(
        CrashAnywhere,
        settings=settings(SETTINGS, max_examples=40),
    )


def complain(undecided: str) -> None:
    raise AssertionError(undecided)


class HighestCompleted(Docket):
    """A negative control: writes whatever is resolved and moves the position past it."""

    def ready(self, most: int) -> dict[int, list[Entry[Taken]]]:
        found: dict[int, list[Entry[Taken]]] = {}
        for partition, track in self._tracks.items():
            resolved = [entry for entry in track._entries if entry.resolved]
            if resolved:
                found[partition] = resolved[:most]
        return found


class WhateverWasTaken(Docket):
    """A negative control, as auto-commit does: the position moves past all that was taken."""

    def ready(self, most: int) -> dict[int, list[Entry[Taken]]]:
        found = super().ready(most)
        for partition, entries in found.items():
            last = self._tracks[partition]._entries[-1].offset
            found[partition] = [*entries[:-1], replace(entries[-1], offset=last)]
        return found


@pytest.mark.parametrize("control", [HighestCompleted, WhateverWasTaken])
def test_a_control_that_commits_too_much_is_caught(monkeypatch: pytest.MonkeyPatch, control: type[Docket]) -> None:
    monkeypatch.setattr("hadir.pipeline.run.Docket", control)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            CrashAnywhere,
            settings=settings(SETTINGS, max_examples=200, phases=[Phase.generate], database=None),
        )
