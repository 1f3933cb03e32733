"""Telling every worker of a pool to load, to adopt or to let go: the calls that `Handover` asks for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

import structlog

from hadir.actors.face_actor import FaceWorker, WorkerFacts, own_error
from hadir.actors.handover import Handover
from hadir.core.errors import HadirError, SetupError
from hadir.pipeline.ports import Exchange, ExchangePhase, StageFactory

__all__ = ["Crew", "StageExchange"]

_log = structlog.get_logger(__name__)

ASK_AGAIN_S = 0.1
"""A worker is asked whether it has loaded; the question waits behind its batches, .2 s each when it is busy. (A
concurrency group could answer by itself, but would move all other calls off the worker's main thread, always.)"""
MOST_ASKS = 3000
"""Five minutes at least. Loading takes .2 s of a core with the open pack and some seconds with the largest InsightFace
pack, and is the last to get one."""


class Crew(Protocol):
    """What an exchange needs of its pool. All is called, and calls back, on the pool's thread."""

    def ask(
        self, seat: int, question: Callable[[FaceWorker], Future[Any]], then: Callable[[Future[Any]], None]
    ) -> None:
        """Ask the seat's worker; no answer comes where it is replaced meanwhile."""
        ...

    def later(self, after_s: float, then: Callable[[], None]) -> None:
        """Call back after so many seconds."""
        ...

    def flying(self, seat: int) -> frozenset[int]:
        """The seat's calls with photos that have not come back."""
        ...

    def adopted(self, seat: int, facts: WorkerFacts) -> None:
        """The seat's worker works with the other stage; this is what it says of itself now."""
        ...

    def dead(self, seat: int) -> None:
        """The seat's worker does not answer any more."""
        ...


class StageExchange:
    """One at a time; driven by the pool's `take`."""

    def __init__(self, seats: int, crew: Crew, stage_factory: StageFactory) -> None:
        self._crew = crew
        self._handover = Handover(seats)
        self._present = self._next = stage_factory
        self._awaited: dict[int, frozenset[int]] = {}

    @property
    def stage_factory(self) -> StageFactory:
        """What a fresh worker is built with now."""
        return self._next if self.stands.phase in {ExchangePhase.ADOPTING, ExchangePhase.ADOPTED} else self._present

    @property
    def stands(self) -> Exchange:
        """As `Pool.exchanged`."""
        return self._handover.exchange

    def loading(self) -> frozenset[int]:
        """Seats whose worker builds another stage beside its work."""
        return self._handover.all_loading()

    def begin(self, stage_factory: StageFactory) -> None:
        """As `Pool.exchange`."""
        present = self.stage_factory
        self._handover.begin()
        self._present, self._next = present, stage_factory
        self.step()

    def step(self) -> None:
        """Make the calls that are due."""
        for seat, before in list(self._awaited.items()):
            if not before & self._crew.flying(seat):
                del self._awaited[seat]
                self._handover.adopted(seat)
        for seat in self._handover.to_load():
            told = partial(self._on_told, self._handover.number, seat)
            self._crew.ask(seat, lambda worker: worker.load(self._next), told)
        for seat in self._handover.to_adopt():
            before = self._crew.flying(seat)
            self._crew.ask(seat, FaceWorker.adopt, partial(self._on_adopted, seat, before))
        for seat in self._handover.to_abandon():
            self._crew.ask(seat, FaceWorker.abandon, lambda _: None)

    def seated(self, seat: int) -> None:
        """A fresh worker is ready."""
        self._handover.seated(seat)

    def gone(self, seat: int) -> None:
        """The worker is dead, and nothing of it is flying."""
        self._awaited.pop(seat, None)
        self._handover.gone(seat)

    def _on_told(self, number: int, seat: int, future: Future[None]) -> None:
        """It loads."""
        if self._counts(number, seat, future):
            self._ask_later(number, seat, 1)

    def _ask_later(self, number: int, seat: int, times: int) -> None:
        self._crew.later(ASK_AGAIN_S, partial(self._ask, number, seat, times))

    def _ask(self, number: int, seat: int, times: int) -> None:
        if times > MOST_ASKS:
            self._handover.failed(SetupError("a worker has not loaded it within five minutes: see what keeps it"))
        elif number == self._handover.number and self._handover.loading(seat):
            self._crew.ask(seat, FaceWorker.loaded, partial(self._on_asked, number, seat, times))

    def _on_asked(self, number: int, seat: int, times: int, future: Future[bool]) -> None:
        if not self._counts(number, seat, future):
            return
        if future.result():
            self._handover.loaded(seat)
        else:
            self._ask_later(number, seat, times + 1)

    def _counts(self, number: int, seat: int, future: Future[Any]) -> bool:
        """Whether an answer came that still matters. A death is the pool's to judge, an error ends the exchange."""
        current = number == self._handover.number and self._handover.loading(seat)
        if (error := future.exception()) is None:
            return current
        if (own := own_error(error)) is None:
            self._crew.dead(seat)
        elif current:
            self._handover.failed(_failure(own))
        return False

    def _on_adopted(self, seat: int, before: frozenset[int], future: Future[WorkerFacts]) -> None:
        if (error := future.exception()) is None:
            self._awaited[seat] = before
            self._crew.adopted(seat, future.result())
        else:
            _log.error("face_worker_did_not_adopt", error=type(own_error(error) or error).__name__)
            self._crew.dead(seat)


def _failure(own: BaseException) -> HadirError:
    if isinstance(own, HadirError):
        return own
    return SetupError(f"a worker cannot load it ({type(own).__name__}): see the worker's log")
