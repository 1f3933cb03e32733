"""Hadir beside the plain InsightFace loop on this machine, live: `make race`.

They take turns in slices of a few seconds and never run at the same time, so neither disturbs the other; a slice of
Hadir's is a backlog from log to ledger, every guarantee on. What is timed is the slices, not the getting ready.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from benchmarks._against_insightface import ContestSize, contest, pack_folder
from benchmarks._conditions import commit, cores
from benchmarks._kafka import own_kafka
from benchmarks._report import restart_with_one_thread
from benchmarks._rounds import Side
from dev.kafka.node import missing_part
from hadir.app.logs import log_to
from hadir.core.errors import HadirError, PackError

__all__ = ["Runner", "main", "race", "ratio_lines"]

SECONDS = 60.0
SLICE = ContestSize(check_ins=1024, selfies=128)

LANES = {
    "open_front": "Hadir, open detector and mesh",
    "insightface_loop": "InsightFace loop, one process",
    "same_models": "Hadir, the loop's own detector",
    "insightface_processes": "InsightFace loop, a process per core",
}

_DONE, _ERROR = 0, 1


@dataclass(slots=True)
class Runner:
    """One lane: what it did in its slices so far."""

    name: str
    photos: float = 0.0
    seconds: float = 0.0

    @property
    def photos_per_s(self) -> float:
        """0 before its first slice."""
        return self.photos / self.seconds if self.seconds else 0.0

    def ran(self, photos_per_s: float, photos: int) -> None:
        """Another slice."""
        self.photos += photos
        self.seconds += photos / photos_per_s


@dataclass(slots=True)
class _Screen:
    """The live table. `running` is the lane whose turn it is."""

    runners: Mapping[str, Runner]
    seconds: float
    running: str = ""
    began_s: float = field(default_factory=time.monotonic)

    def __rich__(self) -> Table:
        table = Table(title=f"{cores()} cores, {self.seconds:.0f} s of racing in turns", title_justify="left")
        for column in ("", "photos/s", "photos", "seconds", ""):
            table.add_column(column, justify="left" if column == "" else "right")
        fastest = max(runner.photos_per_s for runner in self.runners.values()) or 1.0
        for lane, runner in self.runners.items():
            bar = ProgressBar(total=fastest, completed=runner.photos_per_s, width=30)
            name = f"[bold]{runner.name} …[/bold]" if lane == self.running else runner.name
            table.add_row(name, f"{runner.photos_per_s:.1f}", f"{runner.photos:.0f}", f"{runner.seconds:.1f}", bar)
        return table


def race(sides: Mapping[str, Side], seconds: float, photos: Mapping[str, int], console: Console) -> dict[str, Runner]:
    """Let the lanes take turns until their slices have taken `seconds` together, each at least one. `photos` per slice
    and lane."""
    runners = {lane: Runner(LANES[lane]) for lane in LANES if lane in sides}
    screen = _Screen(runners, seconds)
    with Live(screen, console=console, refresh_per_second=2):
        while True:
            for lane, runner in runners.items():
                screen.running = lane
                runner.ran(sides[lane]()["photos_per_s"], photos[lane])
                if all(one.seconds for one in runners.values()) and _raced_s(runners) >= seconds:
                    screen.running = ""
                    return runners


def ratio_lines(runners: Mapping[str, Runner]) -> list[str]:
    """Hadir's photos per second over the loop's, for both of its layouts and both ways to run the loop."""
    return [
        f"{LANES[front]}: {runners[front].photos_per_s / runners['insightface_loop'].photos_per_s:.2f} × the plain "
        f"loop, {runners[front].photos_per_s / runners['insightface_processes'].photos_per_s:.2f} × the loop in a "
        "process per core"
        for front in ("open_front", "same_models")
    ]


def main(arguments: Sequence[str]) -> int:
    """0: raced. 1: there is no pack to race with, or something could not be started."""
    parser = argparse.ArgumentParser("race", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of all slices together")
    parser.add_argument("--pack", type=Path, help="a folder with an SCRFD detector and an ArcFace recogniser")
    given = parser.parse_args(arguments)
    if not given.seconds > 0:
        parser.error(f"--seconds {given.seconds}: more than 0")
    restart_with_one_thread("benchmarks._race", arguments)
    try:
        return _race_on_this_machine(given.pack or pack_folder(), given.seconds)
    except HadirError as err:
        print(f"race: {err}", file=sys.stderr)
        return _ERROR


def _race_on_this_machine(pack: Path | None, seconds: float, size: ContestSize = SLICE) -> int:
    if pack is None:
        raise PackError("no InsightFace pack here: make race PACK=FOLDER with a detector and a recogniser in it")
    console = Console()
    missing = missing_part()
    broker: Literal["memory", "kafka"] = "memory" if missing else "kafka"
    with tempfile.TemporaryDirectory(prefix="hadir-race-") as name, ExitStack() as closers:
        folder = Path(name)
        log_to(folder / "log.jsonl")
        console.print(f"Getting ready: {pack.name}, {broker}" + (f" ({missing})" if missing else ""))
        bootstrap = closers.enter_context(own_kafka(folder / "kafka", [broker]))
        lanes = closers.enter_context(contest(folder, pack, broker, bootstrap, size))
        loops = {"insightface_loop": size.selfies, "insightface_processes": size.selfies * max(2, cores())}
        photos = {lane: loops.get(lane, size.check_ins) for lane in lanes.sides}
        runners = race(lanes.sides, seconds, photos, console)
    for line in ratio_lines(runners):
        console.print(line)
    console.print(f"commit {commit()['revision']}, load before {os.getloadavg()[2]:.1f}, slices in turns")
    return _DONE


def _raced_s(runners: Mapping[str, Runner]) -> float:
    return sum(runner.seconds for runner in runners.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
