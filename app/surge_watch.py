"""What has come back of a surge: each verdict by its id, and how long it took from the intended moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from hadir.app.board import Board
from hadir.app.surge_plan import Due
from hadir.pipeline.dead_letters import read_dead_letters
from hadir.pipeline.ports import Record

__all__ = ["Answered", "SurgeWatch"]

_WITHOUT_A_VERDICT = ("id_conflict", "undecodable")
"""Codes of dead letters that no verdict comes beside."""


class _Sentence(msgspec.Struct, frozen=True):
    id: str = ""


class _Verdict(msgspec.Struct, frozen=True):
    """What is read of a record of the verdict topic."""

    id: str
    revision: int
    outcome: str
    reasons: list[str]
    sentence: _Sentence


@dataclass(frozen=True, slots=True)
class Answered:
    """One verdict, heard once or more. `at_s` is its check-in's intended moment, from the start; `latency_s` counts
    from then until the verdict was heard."""

    due: Due
    at_s: float
    latency_s: float
    outcome: str
    reasons: tuple[str, ...]

    @property
    def right(self) -> bool:
        return self.due.is_right(self.outcome, self.reasons)


class SurgeWatch:
    """Any thread may call any method. The clock is the sender's; moments on the board are seconds from its start."""

    def __init__(self, board: Board, start_s: float, monotonic_s: Callable[[], float]) -> None:
        self._board, self._start_s, self._monotonic_s = board, start_s, monotonic_s
        self._lock = threading.Lock()
        self._open: dict[str, Due] = {}
        self._answers: dict[str, Answered] = {}
        self.repeats = 0
        """Verdicts heard again: published twice, or answered again to who sent twice."""
        self.set_aside: dict[str, str] = {}
        """Id to code, of dead letters that no verdict comes beside."""

    def now_s(self) -> float:
        """Seconds from the start."""
        return self._monotonic_s() - self._start_s

    def sending(self, dues: Sequence[Due]) -> None:
        """These are being sent; a verdict may come before the log's own answer does."""
        with self._lock:
            self._open.update((due.id, due) for due in dues)
        self._board.received(len(dues), self.now_s())

    def hear_verdict(self, record: Record) -> None:
        """A record of the verdict topic, of this surge or not."""
        verdict = msgspec.json.decode(record.value, type=_Verdict)
        now_s = self.now_s()
        with self._lock:
            due = self._open.pop(verdict.id, None) if verdict.revision == 0 else None
            if due is None:
                self.repeats += verdict.id in self._answers
                return
            latency_s = now_s - due.at_s
            self._answers[due.id] = Answered(due, due.at_s, latency_s, verdict.outcome, tuple(verdict.reasons))
        self._board.decided(verdict.outcome, verdict.reasons, verdict.sentence.id, latency_s, now_s)

    def hear_letter(self, record: Record) -> None:
        """A record of the dead-letter topic. What was set aside without a verdict is answered too, though wrongly."""
        for letter in read_dead_letters([record]):
            with self._lock:
                if letter.id is None or (letter.id not in self._open and letter.id not in self._answers):
                    continue
                if letter.code in _WITHOUT_A_VERDICT:
                    self._open.pop(letter.id, None)
                    self.set_aside[letter.id] = letter.code
            self._board.dead_letter(letter.code, self.now_s())

    def oldest_s(self) -> float:
        """Age of the oldest check-in without an answer, from its intended moment; 0 where there is none."""
        with self._lock:
            first = next(iter(self._open.values()), None)
        return 0.0 if first is None else max(0.0, self.now_s() - first.at_s)

    def open(self) -> list[Due]:
        """Sent, and without an answer yet, the oldest first."""
        with self._lock:
            return list(self._open.values())

    def waits(self) -> bool:
        """Whether any is."""
        return bool(self._open)

    def answers(self) -> list[Answered]:
        """In the order in which they came."""
        with self._lock:
            return list(self._answers.values())
