"""Reconciling beside a running pipeline: on a thread of its own, at a low priority, a little at a time.

Every round looks at what was decided since the last one and at every fault that still stands, and leaves its result in
the run's folder, as metrics and, where something is wrong, as an error in the log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import structlog

from hadir.app.reconcile_report import fault_document, summary
from hadir.attendance.ledger import Ledger
from hadir.attendance.roster import Roster
from hadir.attendance.units import Units
from hadir.core.clock import Clock
from hadir.core.errors import HadirError
from hadir.core.low_priority import lower_this_thread
from hadir.core.settings import Settings
from hadir.index.durable import write_whole
from hadir.pipeline.log_reads import LogReader
from hadir.pipeline.reconcile import MOST_NAMED, Fault, FaultKind, Reconciled, UnitOf
from hadir.pipeline.reconciler import Reconciler

__all__ = ["NOTES", "Reconciling", "Standing", "reconciler_of", "units_by_person"]

_log = structlog.get_logger(__name__)

NOTES = "reconcile.json"
"""In the run's folder."""
FIRST_S = 60.0
"""After a start, the backlog comes first."""
CLOSE_S = 5.0
NAMED_IN_LOG = 10

NO_UNIT = "-"


class _Stopped(Exception):
    """The station ends in the middle of a round, which is begun anew after the next start."""


class _Notes(msgspec.Struct, frozen=True):
    topic: str
    checked: dict[int, int]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """After a round: how many records it looked at, and how many faults stand by kind, old and new."""

    at_ms: int
    records: int
    faults: Mapping[FaultKind, int]

    def said(self) -> str:
        """Missing and doubled always, other faults where there are any."""
        always = (FaultKind.MISSING, FaultKind.DOUBLED)
        return ", ".join(f"{kind.value} {count}" for kind, count in self.faults.items() if count or kind in always)


def units_by_person(settings: Settings) -> UnitOf:
    """Who belonged where when, by the settings' roster and units. Raises ConfigError by name."""
    roster, units = Path(settings.attendance.roster), Path(settings.attendance.units)
    if not roster.exists() or not units.exists():
        return lambda _person, _at_ms: NO_UNIT
    known, places = Roster.load(roster), Units.load(units)

    def unit_of(person: str | None, at_ms: int) -> str:
        if person is None:
            return NO_UNIT
        memberships = (m for m in known.memberships(person) if m.unit in places)
        return next((m.unit for m in memberships if m.period.covers(places.local_day(m.unit, at_ms))), NO_UNIT)

    return unit_of


def reconciler_of(settings: Settings, reader: LogReader, ledger: Ledger, topic: str) -> Reconciler:
    """The reconciler of these settings' log and ledger."""
    return Reconciler(reader, ledger, topic, settings.kafka.group, units_by_person(settings))


class Reconciling:
    """A thread that reconciles again and again, and touches nothing that the loop uses but the ledger's database."""

    def __init__(
        self,
        reconciler: Reconciler,
        folder: Path,
        *,
        every_s: float,
        share: float,
        clock: Clock,
        told: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        """Args:
        folder: Where its notes are kept from run to run.
        share: The share of one core that a round may take, above 0, at most 1.
        told: Called after every round, on this thread.
        """
        self._reconciler, self._notes = reconciler, folder / NOTES
        self._every_s, self._share, self._clock, self._told = every_s, share, clock, told
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hadir-reconcile", daemon=True)
        self._one_round = threading.Lock()
        self._spent_s = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        # A round that waits for a broker that is down ends with the process: nothing of it counts.
        self._thread.join(CLOSE_S)

    def look(self, paced: bool = True) -> Standing:
        """One round, at its share of a core or (not `paced`) as fast as it goes; waits for another that is under way.

        Raises:
            LedgerUnavailable, StreamUnavailable, StreamError, SetupError: nothing was noted, the next looks again.
        """
        with self._one_round:
            return self._look(self._pace if paced else lambda _: None)

    def _look(self, told: Callable[[int], None]) -> Standing:
        self._spent_s = time.thread_time()
        notes = self._read()
        still = self._reconciler.again(notes.faults)
        found, checked = self._reconciler.onward(notes.checked, told)
        faults = tuple(dict.fromkeys((*still, *found.faults)))[:MOST_NAMED]
        standing = Standing(self._clock.now_ms(), found.total.records, _by_kind(faults, found))
        self._write(found, checked, faults, standing)
        self._say(faults, standing)
        self._told(standing)
        return standing

    def _run(self) -> None:
        lower_this_thread()
        wait_s = min(FIRST_S, self._every_s)
        while not self._end.wait(wait_s):
            wait_s = self._every_s
            try:
                self.look()
            except _Stopped:
                return
            except HadirError as err:
                wait_s = min(FIRST_S, self._every_s)
                _log.warning("reconcile_failed", code=err.code, error=str(err))
            except Exception as err:  # noqa: BLE001 - a round that fails must not be the last one
                _log.error("reconcile_failed", error=type(err).__name__)

    def _pace(self, _records: int) -> None:
        """Rest in proportion to the processor time that was taken since the last rest."""
        worked_s = time.thread_time() - self._spent_s
        if self._end.wait(worked_s * (1 / self._share - 1)):
            raise _Stopped
        self._spent_s = time.thread_time()

    def _read(self) -> _Notes:
        """The notes of earlier rounds over this topic; where there are none, all that the log holds is looked at."""
        topic = self._reconciler.topic
        try:
            notes = msgspec.json.decode(self._notes.read_bytes(), type=_Notes)
        except (OSError, msgspec.MsgspecError):
            return _Notes(topic, {}, ())
        return notes if notes.topic == topic else _Notes(topic, {}, ())

    def _write(
        self, found: Reconciled, checked: Mapping[int, int], faults: tuple[Fault, ...], standing: Standing
    ) -> None:
        notes = {
            "at_ms": standing.at_ms,
            "topic": self._reconciler.topic,
            "standing": {kind.value: count for kind, count in standing.faults.items()},
            "last_round": summary(found),
            "checked": {str(partition): offset for partition, offset in sorted(checked.items())},
            "faults": [fault_document(fault) for fault in faults],
        }
        self._notes.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._notes, msgspec.json.format(msgspec.json.encode(notes), indent=2))

    def _say(self, faults: tuple[Fault, ...], standing: Standing) -> None:
        counts = {kind.value: count for kind, count in standing.faults.items() if count}
        if not counts:
            _log.info("reconciled", records=standing.records)
            return
        named = [fault.id or f"{fault.partition}@{fault.offset}" for fault in faults[:NAMED_IN_LOG]]
        _log.error("received_and_decided_differ", **counts, first=named, note=f"all of them: {self._notes.name}")


def _by_kind(faults: tuple[Fault, ...], found: Reconciled) -> dict[FaultKind, int]:
    """How many stand; beyond MOST_NAMED the round's own counts say more than the list."""
    listed = {kind: sum(fault.kind is kind for fault in faults) for kind in FaultKind}
    return {kind: max(listed[kind], found.fault_counts[kind]) for kind in FaultKind}
