"""What is watched: members as processes of their own, the stream of check-ins, and the past of the Prometheus."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from dev.kafka.node import free_port
from dev.token_pack import SWITCH
from dev.watch.times import Scale, seconds
from tests.chaos.run_members import Member
from tests.chaos.run_mix import Parcel, mix
from tests.chaos.run_site import ChaosSite, World

__all__ = ["ROOT", "Stream", "WatchedMember", "earlier_days", "member_of"]

ROOT: Final = Path(__file__).resolve().parents[2]
SERVES_S: Final = 120.0
ENDS_S: Final = 60.0
USUAL_P99_S: Final = 0.15
USUAL_MATCH_RATE: Final = 0.97
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(slots=True)
class WatchedMember(Member):
    """A member with a metrics page on `port`, which it keeps; `options` are those of watched_member."""

    port: int = field(default_factory=free_port)

    def launch(self) -> None:
        command = [sys.executable, "-m", "tests.watch.watched_member", *self.options, str(self.folder / "hadir.toml")]
        environment = os.environ | _ONE_THREAD | {SWITCH: "1", "PYTHONPATH": str(ROOT)}
        with (self.folder / f"log-{self.starts:03d}.jsonl").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=ROOT)
        self.starts += 1

    def start(self) -> None:
        """Launch, and wait until it has partitions. Raises RuntimeError where it does not come up."""
        self.launch()
        until_s = time.monotonic() + SERVES_S
        while not self.serves():
            if self.process is None or self.process.poll() is not None or time.monotonic() > until_s:
                raise RuntimeError(f"a member does not come up: see {self.folder}")
            time.sleep(0.1)

    def kill(self) -> None:
        """At once, with all that it started."""
        for process in [*self.ray(), *([psutil.Process(self.process.pid)] if self._lives() and self.process else [])]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process is not None:
            self.process.wait(ENDS_S)

    def stop(self) -> None:
        """Let it drain."""
        if self._lives() and self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(ENDS_S)

    def workers(self) -> list[psutil.Process]:
        """Its face workers, where it has a Ray."""
        found = []
        for process in self.ray():
            with suppress(psutil.NoSuchProcess):
                family = [process, *process.children(recursive=True)]
                found += [one for one in family if one.name().startswith("ray::FaceActor")]
        return sorted(set(found), key=lambda one: one.pid)

    def _lives(self) -> bool:
        return self.process is not None and self.process.poll() is None


def member_of(
    site: ChaosSite, folder: Path, world: World, brake: Path, *, more: str = "", snapshots: Path | None = None
) -> WatchedMember:
    """Write its settings. `more` are TOML sections; `snapshots` is another folder to serve from than the others'."""
    member = WatchedMember(folder, ["--tokens", str(site.vectors), "--brake", str(brake)])
    path = site.settings(folder, world)
    text = path.read_text(encoding="utf-8")
    if snapshots is not None:
        text = text.replace(str(site.folder / "snapshots"), str(snapshots))
    sections = f"[metrics]\nport = {member.port}\n\n[reconcile]\nevery_s = 2.0\nshare = 0.5\n\n{more}"
    path.write_text(f"{text}\n{sections}", encoding="utf-8")
    return member


@dataclass(slots=True)
class Stream:
    """Who checks in, without end; the shares may be changed while it is drawn from. Both are fractions of all."""

    site: ChaosSite
    seed: int
    strangers: float = 0.02
    noise: float = 0.0

    def parcels(self) -> Iterator[Parcel]:
        rng, drawn = random.Random(self.seed), mix(self.site, random.Random(self.seed + 1))
        while True:
            at = rng.random()
            strange = at < self.noise + self.strangers
            kind = "undecodable" if at < self.noise else "somebody_elses_face" if strange else "honest"
            yield next(parcel for parcel in drawn if parcel.kind == kind)


def earlier_days(now_s: float, lasts_s: float, scale: Scale) -> Iterator[str]:
    """OpenMetrics text: the p99 of the last eight days, and the match rate of this hour a week ago."""
    day_s, week_s = seconds("1d") * scale.factor, seconds("1w") * scale.factor
    series = {
        "hadir:verdict_latency:p99_10m": (USUAL_P99_S, now_s - 8 * day_s, now_s - 60),
        "hadir:match_rate:ratio1h": (USUAL_MATCH_RATE, now_s - week_s - 60, now_s - week_s + lasts_s),
    }
    for name, (value, first_s, last_s) in series.items():
        yield f"# TYPE {name} gauge"
        yield from (f"{name} {value} {first_s + n:.3f}" for n in range(int(last_s - first_s)))
    yield "# EOF"
