"""A real surge that a real Prometheus scrapes, with earlier mornings in its memory: what dashboards are tried on.

A whole morning is sent `speed` times faster than life, and the rules are as much faster: what takes an hour at a site
takes minutes here and looks the same. Nothing of the pipeline is simulated. The past is: earlier weeks are this very
morning again, a little earlier or later, with a few more people or fewer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.kafka.node import free_port
from dev.prometheus import Prometheus, Series, scrape_config
from dev.watch.answers import Asking
from dev.watch.rules import rules_text
from dev.watch.times import Scale
from hadir.core.errors import SetupError

__all__ = ["Watched", "openmetrics", "watched_surge"]

_HADIR: Final = (sys.executable, "-c", "from hadir.app.cli import main; main()")
_REPEATED: Final = ("hadir_received_total", "hadir_verdicts_total", "hadir_verdict_reasons_total")
"""What panels compare with earlier weeks."""
_WEEK_S: Final = 604_800
_DAY_S: Final = 86_400
_WEEKS: Final = ((1, 0.96, 4), (2, 1.05, -3), (3, 0.9, 6), (4, 1.02, -5))
"""(weeks ago, so many times today's people, so many seconds later)."""
_USUAL_P99_S: Final = 0.4
"""Of earlier days: assumed, only to have a line to compare with."""
_SHOWN: Final = 0.7
"""Of the morning: work begins after two thirds."""
_PATIENCE_S: Final = 900
_PREPARED_S: Final = 300


@dataclass(frozen=True, slots=True)
class Watched:
    """A server that runs and holds the morning from `start_s` to `end_s`, seconds since 1970, `speed` times faster."""

    server: Prometheus
    start_s: float
    end_s: float
    speed: float

    def asking(self) -> Asking:
        """As a dashboard would show it shortly after work began, while the last minutes are still the busiest."""
        end_s = self.start_s + _SHOWN * (self.end_s - self.start_s)
        return Asking(self.start_s, end_s, step_s=1.0, course_s=5, scale=1 / self.speed)


@contextmanager
def watched_surge(folder: Path, people: int, speed: float) -> Iterator[Watched]:
    """Minutes: builds a city, starts Kafka, a database and `hadir run`, and plays the morning.

    Raises:
        SetupError: a part is missing, or the surge failed; the message is its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rules, port = folder / "rules.yaml", free_port()
    rules.write_text(rules_text(scale=Scale(1 / speed)), encoding="utf-8")
    server = Prometheus(folder / "prometheus", scrape_config({"hadir": [f"127.0.0.1:{port}"]}, rules=[rules]))
    server.backfill(openmetrics(_earlier_days(time.time(), speed)))
    server.start()
    try:
        began_s = time.time()
        _play(folder, people, speed, port)
        start_s, end_s = _span(server, began_s)
        past = list(_earlier_weeks(server, start_s, end_s))
        server.stop()
        server.backfill(openmetrics(past))
        server.start()
        yield Watched(server, start_s, end_s, speed)
    finally:
        server.stop()


def openmetrics(series: Sequence[Series]) -> Iterator[str]:
    """Lines that `promtool tsdb create-blocks-from openmetrics` reads; series of one name stand together."""
    names = sorted({one.labels["__name__"] for one in series})
    for name in names:
        yield f"# TYPE {name} unknown"
        for one in series:
            if one.labels["__name__"] != name:
                continue
            labels = ",".join(f'{key}="{value}"' for key, value in sorted(one.labels.items()) if key != "__name__")
            yield from (f"{name}{{{labels}}} {value:g} {at_s:.3f}" for at_s, value in one.points)
    yield "# EOF"


def _play(folder: Path, people: int, speed: float, port: int) -> None:
    command = [*_HADIR, "surge", "--own", "--people", str(people), "--speed", str(speed), "--pool", "inline", "--json"]
    command += ["--selfies", "60", "--folder", str(folder / "surge")]
    environment = os.environ | {"HADIR_METRICS__PORT": str(port)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    if done.returncode:
        raise SetupError(f"the surge ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")


def _span(server: Prometheus, began_s: float) -> tuple[float, float]:
    """From the first check-in (one before them only tries the way) to the last scrape."""
    (received,) = server.range("sum(hadir_received_total)", began_s, time.time(), 1.0)
    moments = [at_s for at_s, value in received.points if value > 1]
    scraped = [at_s for at_s, value in server.range("max(up)", began_s, time.time(), 1.0)[0].points if value == 1]
    return moments[0] - 2, scraped[-1]


def _earlier_days(now_s: float, speed: float) -> list[Series]:
    """What p99 was on the days before; a day is as much shorter as the surge is faster."""
    day_s, step_s = _DAY_S / speed, 10.0
    first_s, last_s = now_s - 8 * day_s, now_s - _PREPARED_S
    points = ((first_s + n * step_s, _USUAL_P99_S) for n in range(int((last_s - first_s) / step_s)))
    return [Series({"__name__": "hadir:verdict_latency:p99_10m"}, tuple(points))]


def _earlier_weeks(server: Prometheus, start_s: float, end_s: float) -> Iterator[Series]:
    for name in _REPEATED:
        for one in server.range(f'{name}{{job="hadir"}}', start_s, end_s, 1.0):
            points = [
                (at_s - weeks * _WEEK_S + later_s, value * more)
                for weeks, more, later_s in reversed(_WEEKS)
                for at_s, value in one.points
            ]
            yield Series(one.labels, tuple(points))
