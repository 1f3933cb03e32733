"""A whole pipeline of its own for a rehearsal: a broker, a database and `hadir run`, which may be broken and mended."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from dev.kafka import node as kafka
from dev.postgres import Postgres
from hadir.actors.leftovers import end_leftovers
from hadir.app.surge_faults import FaultKind
from hadir.core.errors import SetupError
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.topics import with_partitions

__all__ = ["PARTITIONS", "OwnPipeline"]

PARTITIONS = 4
_SERVES = "Hadir melayani"
_READY_S = 180.0
_LOOK_S = 0.05
_DRAIN_S = 90.0
_ACTOR = "ray::"
_RUN = "from hadir.app.cli import main; main()"


class OwnPipeline:
    """Started in order by `start_log` and `start_station`; ends what it started, by pid, when it is left."""

    def __init__(self, folder: Path, *, postgres: bool) -> None:
        """Logs and the broker's data lie in `folder`, the database's in a temporary one of its own: as root it runs as
        another user, who may not enter every folder."""
        self._folder = folder
        self._home = tempfile.mkdtemp(prefix="hadir-postgres-") if postgres else ""
        self._node: kafka.Node | None = None
        self._database = Postgres(Path(self._home), durable=True) if postgres else None
        self._station: subprocess.Popen[bytes] | None = None
        self._config = Path()
        self._starts = 0

    @property
    def run_folder(self) -> Path:
        """For the station's settings."""
        return self._folder / "run"

    @property
    def bootstrap(self) -> str:
        assert self._node is not None, "start_log comes first"
        return self._node.cluster.bootstrap

    @property
    def ledger_url(self) -> str:
        """Of the database, empty where there is none."""
        return "" if self._database is None else self._database.url

    @property
    def logs(self) -> list[Path]:
        """What the station has said, one file for each start."""
        return sorted(self._folder.glob("station-*.log"))

    def start_log(self) -> None:
        """The broker with its topics, and the database. Raises SetupError where a part is missing."""
        self._node = kafka.start(self._folder / "kafka")
        create_topics(self._node.cluster, with_partitions(PARTITIONS))
        if self._database is not None:
            self._database.start()

    def start_station(self, config: Path) -> None:
        """`hadir run` with these settings, until it serves. Raises SetupError with its last words where it does not."""
        self._config = config
        self._starts += 1
        log = self._folder / f"station-{self._starts:03d}.log"
        command = [sys.executable, "-c", _RUN, "run", "--config", str(config)]
        with log.open("wb") as out:
            # A session of its own: Ctrl-C is for the surge, which lets the station finish.
            self._station = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        until_s = time.monotonic() + _READY_S
        while _SERVES not in log.read_text(encoding="utf-8", errors="replace"):
            if self._station.poll() is not None or time.monotonic() > until_s:
                raise SetupError(f"hadir run does not serve: {log.read_text(errors='replace').strip()[-600:]}")
            time.sleep(_LOOK_S)

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Who runs now, by kind: station, face actors, Ray's servers, broker, database."""
        found: dict[str, list[psutil.Process]] = {}
        for kind, process in self._each():
            found.setdefault(kind, []).append(process)
        return found

    def lines(self) -> list[str]:
        """One for each process that matters, for the live view."""
        return [
            f"{kind}: {', '.join(str(one.pid) for one in processes)}"
            for kind, processes in self.processes().items()
            if kind in {"station", "face_actor", "broker", "database"}
        ]

    def can_break(self) -> Collection[FaultKind]:
        always: set[FaultKind] = {"kill-station", "pause-station", "kill-broker", "stop-broker", "pause-broker"}
        workers: set[FaultKind] = {"kill-worker", "pause-worker"}
        database: set[FaultKind] = {"kill-database", "stop-database"}
        return always | workers | (database if self._database is not None else set())

    def break_it(self, what: FaultKind) -> Callable[[], None]:
        part, do = what.partition("-")[2], what.partition("-")[0]
        if part == "database":
            return self._break_database(do)
        process = self._one(part)
        if do == "pause":
            process.send_signal(signal.SIGSTOP)
            return lambda: _continue(process)
        if part == "worker":
            process.kill()
            return lambda: None
        return self._break_station() if part == "station" else self._break_broker(do)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the station first, so that it finishes what it has. Idempotent."""
        if (station := self._station) is not None:
            with suppress(ProcessLookupError):
                station.terminate()
            try:
                station.wait(_DRAIN_S)
            except subprocess.TimeoutExpired:
                station.kill()
                station.wait()
            self._station = None
            end_leftovers(self.run_folder)
        if self._database is not None:
            self._database.stop(signal.SIGQUIT)
            shutil.rmtree(self._home, ignore_errors=True)
        if self._node is not None:
            kafka.stop(self._node)
            self._node = None

    def _break_station(self) -> Callable[[], None]:
        station = self._station
        assert station is not None
        station.kill()
        station.wait()
        return lambda: self.start_station(self._config)

    def _break_broker(self, do: str) -> Callable[[], None]:
        node = self._node
        assert node is not None
        process = node.process()
        if do == "kill" and process is not None:
            process.kill()
            process.wait(20)
        kafka.stop(node)

        def mend() -> None:
            self._node = kafka.start(Path(node.folder), node.port)

        return mend

    def _break_database(self, do: str) -> Callable[[], None]:
        database = self._database
        assert database is not None
        database.stop(signal.SIGQUIT if do == "kill" else signal.SIGINT)

        def mend() -> None:
            try:
                database.start()
            except RuntimeError as err:
                raise SetupError(f"the database did not come back: {err}") from err

        return mend

    def _one(self, part: str) -> psutil.Process:
        kind = {"worker": "face_actor"}.get(part, part)
        if not (found := self.processes().get(kind)):
            raise SetupError(f"no {part} runs that could be broken: it is still coming back from the fault before")
        return found[0]

    def _each(self) -> Iterator[tuple[str, psutil.Process]]:
        if self._station is not None and self._station.poll() is None:
            with suppress(psutil.NoSuchProcess):
                station = psutil.Process(self._station.pid)
                yield "station", station
                yield from _children(station)
        if self._node is not None and (broker := self._node.process()) is not None:
            yield "broker", broker
        if self._database is not None and self._database.pid:
            with suppress(psutil.NoSuchProcess):
                server = psutil.Process(self._database.pid)
                yield "database", server
                for child in server.children():
                    yield "database_backend", child


def _children(station: psutil.Process) -> Iterator[tuple[str, psutil.Process]]:
    for child in station.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            name, title = child.name(), " ".join(child.cmdline()[:1])
            if title.startswith(_ACTOR) and "Face" in title:
                yield "face_actor", child
            elif name in {"raylet", "gcs_server"}:
                yield name, child


def _continue(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGCONT)
