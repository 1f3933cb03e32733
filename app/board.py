"""What the live view and the reports count: arrivals, verdicts, latencies, workers, notable moments."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Board", "Latency", "Sheet", "percentiles"]

_BESIDE_A_VERDICT = "processing_failed"


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the log's receipt to the durable verdict."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """One moment of the board, copied out under its lock. Times are seconds since the board was made; `closed_at_s` are
    those of every record that `closed` counts; `reasons` counts (outcome, reason). Times and latencies are the latest
    that the board keeps, counts are of everything."""

    received: int
    decided: int
    outcomes: Counter[str]
    reasons: Counter[tuple[str, str]]
    latencies_s: tuple[float, ...]
    decided_at_s: tuple[float, ...]
    closed_at_s: tuple[float, ...]
    received_at_s: tuple[float, ...]
    duplicates: int
    dead_letters: Counter[str]
    sentences: tuple[tuple[str, str], ...]
    moments: tuple[tuple[float, str], ...]
    snapshot: str = ""
    snapshot_since_s: float = 0.0
    switches: int = 0

    @property
    def failed(self) -> int:
        """Check-ins that no worker could look at: their crash budget is spent."""
        return self.dead_letters[_BESIDE_A_VERDICT]

    @property
    def without_row(self) -> int:
        """Dead letters that have no ledger row; what spent its crash budget has one."""
        return self.dead_letters.total() - self.dead_letters[_BESIDE_A_VERDICT]

    @property
    def closed(self) -> int:
        """Records that have become a row, an answer to a repetition, or a dead letter without a row."""
        return self.decided + self.duplicates + self.without_row


@dataclass(slots=True)
class Board:
    """Counters that any thread may add to; `sheet()` is a consistent copy.

    Of times, latencies and moments it keeps the latest `keep`, None: all of them. A run that has no end needs a bound:
    without one it grew by 100 bytes a check-in (measured), 90 MB in an hour at 250 a second.
    """

    keep: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _received: int = 0
    _decided: int = 0
    _received_at_s: deque[float] = field(init=False)
    _decided_at_s: deque[float] = field(init=False)
    _closed_at_s: deque[float] = field(init=False)
    _latencies_s: deque[float] = field(init=False)
    _moments: deque[tuple[float, str]] = field(init=False)
    _outcomes: Counter[str] = field(default_factory=Counter)
    _reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    _duplicates: int = 0
    _dead_letters: Counter[str] = field(default_factory=Counter)
    _sentences: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=8))
    _snapshot: str = ""
    _snapshot_since_s: float = 0.0
    _switches: int = 0

    def __post_init__(self) -> None:
        self._received_at_s, self._decided_at_s = deque(maxlen=self.keep), deque(maxlen=self.keep)
        self._closed_at_s, self._latencies_s = deque(maxlen=self.keep), deque(maxlen=self.keep)
        self._moments = deque(maxlen=self.keep)

    def received(self, count: int, at_s: float) -> None:
        """Records taken from the log."""
        with self._lock:
            self._received += count
            self._received_at_s += [at_s] * count

    def decided(self, outcome: str, reasons: Sequence[str], sentence: str, latency_s: float, at_s: float) -> None:
        """One verdict written."""
        with self._lock:
            self._decided += 1
            self._outcomes[outcome] += 1
            self._reasons.update((outcome, reason) for reason in reasons)
            self._latencies_s.append(latency_s)
            self._decided_at_s.append(at_s)
            self._closed_at_s.append(at_s)
            self._sentences.append((outcome, sentence))

    def duplicate(self, at_s: float) -> None:
        """The same check-in again."""
        with self._lock:
            self._duplicates += 1
            self._closed_at_s.append(at_s)

    def dead_letter(self, code: str, at_s: float) -> None:
        """A record set aside; what spent its crash budget has a verdict beside it, which closes it."""
        with self._lock:
            self._dead_letters[code] += 1
            if code != _BESIDE_A_VERDICT:
                self._closed_at_s.append(at_s)

    def moment(self, text: str, at_s: float) -> None:
        """Something to remember: a worker killed, a worker back."""
        with self._lock:
            self._moments.append((at_s, text))

    def serves(self, snapshot: str, at_s: float) -> None:
        """This snapshot serves from now on."""
        with self._lock:
            self._switches += bool(self._snapshot)
            self._snapshot, self._snapshot_since_s = snapshot, at_s

    def sheet(self) -> Sheet:
        """A copy of everything, consistent in itself."""
        with self._lock:
            return Sheet(
                received=self._received,
                decided=self._decided,
                outcomes=Counter(self._outcomes),
                reasons=Counter(self._reasons),
                latencies_s=tuple(self._latencies_s),
                decided_at_s=tuple(self._decided_at_s),
                closed_at_s=tuple(self._closed_at_s),
                received_at_s=tuple(self._received_at_s),
                duplicates=self._duplicates,
                dead_letters=Counter(self._dead_letters),
                sentences=tuple(self._sentences),
                moments=tuple(self._moments),
                snapshot=self._snapshot,
                snapshot_since_s=self._snapshot_since_s,
                switches=self._switches,
            )


def percentiles(latencies_s: Sequence[float]) -> Latency | None:
    """p50, p95 and p99, None where nothing was measured."""
    if not latencies_s:
        return None
    p50, p95, p99 = np.percentile(np.asarray(latencies_s), [50, 95, 99])
    return Latency(float(p50), float(p95), float(p99))
