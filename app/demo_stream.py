"""The demo's stream: send at a steady pace, kill a worker in the middle, wait for the last verdict."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import RenderableType

from hadir.actors.pool import RayPool
from hadir.app.board import Board, Sheet
from hadir.app.board_watcher import BoardWatcher
from hadir.app.live import LiveView, render
from hadir.app.log_ends import LogEnds
from hadir.app.output import out
from hadir.app.scenarios import Planned
from hadir.app.station import Station
from hadir.app.worker_lines import worker_lines
from hadir.core.clock import SystemClock
from hadir.core.message import Message
from hadir.core.settings import Settings

__all__ = ["Pace", "stream"]

_PATIENCE_S = 120.0
"""How long to wait for the last verdict after the last check-in was sent."""

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """`per_s` check-ins a second; `kill_a_worker` after half of them."""

    per_s: float
    kill_a_worker: bool


def stream(settings: Settings, ends: LogEnds, planned: Sequence[Planned], pace: Pace) -> Sheet:
    """Run a station on `planned` and return what its board shows at the end; the run folder is held already.

    Raises:
        HadirError: the station could not start, or ended by itself.
    """
    board, clock = Board(), SystemClock()
    watcher = BoardWatcher(board, clock)
    with Station(settings, ends, clock, [watcher], [watcher], holds_folder=False) as station:
        station.start()
        title = f"Hadir · {settings.run.broker} · {settings.run.pool}"

        def draw() -> RenderableType:
            return render(board.sheet(), title, len(planned), worker_lines(station.pool), watcher.oldest_s())

        with LiveView(draw, out), _Running(station) as running:
            kill = _killer(station, board, watcher) if pace.kill_a_worker else _let_live
            _send(ends, planned, pace.per_s, kill)
            until_s = time.monotonic() + _PATIENCE_S
            while board.sheet().closed < len(planned) and time.monotonic() < until_s and running.alive():
                time.sleep(_LOOK_EVERY_S)
    ends.sender.close()
    return board.sheet()


class _Running:
    """The station on a thread of its own for the length of a block, which then raises what has ended it.

    Ctrl-C in the block drains too: a station may not be closed while its thread works."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="station")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._station.run()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._error = error

    def __enter__(self) -> Self:
        return self

    def alive(self) -> bool:
        return self._thread.is_alive()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._station.stop()
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error


def _send(ends: LogEnds, planned: Sequence[Planned], per_s: float, in_the_middle: Callable[[], None]) -> None:
    start_s = time.monotonic()
    for number, one in enumerate(planned):
        if number == len(planned) // 2:
            in_the_middle()
        time.sleep(max(0.0, start_s + number / per_s - time.monotonic()))
        ends.sender.send([Message(ends.topic, one.key.encode(), one.value)])


def _killer(station: Station, board: Board, watcher: BoardWatcher) -> Callable[[], None]:
    def kill() -> None:
        assert isinstance(station.pool, RayPool)
        victim = next(info for info in station.pool.workers() if info.pid)
        os.kill(victim.pid, signal.SIGKILL)
        board.moment(f"face actor {victim.index} (pid {victim.pid}) killed by the demo", watcher.now_s())

    return kill


def _let_live() -> None:
    """An inline worker is this process."""
