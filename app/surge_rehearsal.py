"""One surge from its options to its report, against a pipeline that runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hadir.app.arrivals import MORNING_S, Curve, arrival_times, busiest
from hadir.app.output import err, progress
from hadir.app.surge import Surge, play, require_a_ledger_of_its_own, try_the_way
from hadir.app.surge_account import account_for, mark_topics, require_a_log_of_its_own
from hadir.app.surge_cast import Cast, cast_of
from hadir.app.surge_faults import Breakable, read_faults
from hadir.app.surge_numbers import Limits, summary
from hadir.app.surge_plan import lay_out
from hadir.app.surge_report import write_report
from hadir.app.wiring import existing_ledger, kafka_cluster
from hadir.core.clock import SystemClock
from hadir.core.errors import InputError
from hadir.core.settings import Settings

__all__ = ["OwnParts", "SurgeOptions", "check_options", "moments_of", "rehearse", "surge_against"]

_MINUTES = 10.0
"""Of a curve that has no length of its own."""

_BEFORE_MS = 600_000
"""What preparing the selfies may take, before the first is sent."""


class SurgeOptions(msgspec.Struct, frozen=True):
    """What the command line says. `minutes` None: the whole morning, or ten of another curve."""

    folder: str
    curve: Curve = "morning"
    people: int = 1000
    speed: float = 1.0
    minutes: float | None = None
    seed: int = 1
    selfies: int = 500
    faults: str | None = None
    p99_s: float | None = None
    oldest_s: float | None = None
    patience_s: float = 120.0
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class OwnParts:
    """What a surge knows of a pipeline that was started for it alone: what it may break, who works, what was logged,
    and the words that no log may hold."""

    breakable: Breakable
    lines: Callable[[], Sequence[str]]
    logs: Callable[[], Iterable[str]]
    private: Collection[str]
    conditions: Mapping[str, object]


def moments_of(options: SurgeOptions) -> NDArray[np.float64]:
    """When check-ins are to be sent: (N,) seconds from the first moment. `speed` 2 sends a morning in half its time.

    Of a morning, `minutes` are the busiest ones. Raises InputError where nobody comes in them.
    """
    whole_s = MORNING_S if options.curve == "morning" else 60 * (options.minutes or _MINUTES)
    times_s = arrival_times(options.curve, options.people, whole_s, options.seed)
    if options.curve == "morning" and options.minutes is not None:
        times_s = busiest(times_s, 60 * options.minutes)
    if not len(times_s):
        raise InputError(f"of {options.people} people nobody comes in {options.minutes} minutes: give more of either")
    return np.asarray(times_s / options.speed, dtype=np.float64)


def check_options(options: SurgeOptions, settings: Settings, *, own: bool) -> None:
    """Before anything takes time.

    Raises:
        InputError: the options do not go together, or the settings would spoil the figures.
    """
    if options.faults is not None and not own:
        raise InputError("--faults breaks only what the surge itself has started: add --own, or leave --faults out")
    if settings.run.broker != "kafka":
        raise InputError('a surge goes through a real log: set [run] broker = "kafka"')
    if settings.replay.near != "record":
        raise InputError(
            "a surge sends variations of few photos, which the perceptual rule takes for replays: set [replay] near = "
            '"record" in the settings of the rehearsal'
        )


def surge_against(settings: Settings, options: SurgeOptions) -> dict[str, Any]:
    """Rehearse on a pipeline that somebody else has started with the same settings; returns the numbers.

    Raises:
        HadirError: it does not run, its ledger is not empty, or nobody can sign.
    """
    check_options(options, settings, own=False)
    times_s = moments_of(options)
    with closing(existing_ledger(settings.ledger.url)) as ledger:
        require_a_ledger_of_its_own(ledger)
    require_a_log_of_its_own(mark_topics(settings))
    now_ms = SystemClock().now_ms()
    span_ms = (now_ms, now_ms + _BEFORE_MS + round(1000 * float(times_s[-1])))
    bar = progress("menyiapkan swafoto · preparing selfies", min(options.selfies, options.people))
    with bar:
        cast = cast_of(
            settings,
            span_ms,
            min(options.selfies, options.people),
            options.seed,
            lambda ready: bar.update(bar.task_ids[0], completed=ready),
        )
    return rehearse(settings, options, cast)


def rehearse(settings: Settings, options: SurgeOptions, cast: Cast, own: OwnParts | None = None) -> dict[str, Any]:
    """Send, watch, count, report. Ctrl-C ends the sending; a second one ends everything.

    Raises:
        HadirError: no pipeline answers, it writes to another ledger, or the log refuses for good.
    """
    faults = read_faults(Path(options.faults)) if options.faults is not None else []
    surge = Surge(
        settings=settings,
        cast=cast,
        plan=lay_out(cast, moments_of(options), options.seed),
        title=f"Hadir · gladi · surge · {options.curve} · {options.people:,} · ×{options.speed:g}",
        patience_s=options.patience_s,
        faults=faults,
        parts=None if own is None else own.breakable,
        lines=tuple if own is None else own.lines,
        quiet=options.as_json,
    )
    with closing(existing_ledger(settings.ledger.url)) as ledger:
        require_a_ledger_of_its_own(ledger)
        marks = mark_topics(settings)
        canary = try_the_way(kafka_cluster(settings), ledger, options.patience_s)
        if not options.as_json:
            err.print(f"mengirim · sending {len(surge.plan):,} check-ins in {surge.plan[-1].at_s / 60:.1f} minutes")
        with _stopped_by_ctrl_c() as stop:
            played = play(surge, stop)
        account = account_for(
            surge,
            played,
            ledger,
            marks,
            beside=[canary],
            logs=() if own is None else own.logs(),
            private=() if own is None else own.private,
        )
    limits = Limits(options.p99_s, options.oldest_s)
    numbers = summary(surge, played, account, limits, _conditions(settings, options, cast, own))
    write_report(surge, account, played, numbers, Path(options.folder))
    return numbers


def _conditions(settings: Settings, options: SurgeOptions, cast: Cast, own: OwnParts | None) -> dict[str, object]:
    return {
        "curve": options.curve,
        "people": options.people,
        "speed": options.speed,
        "minutes": "all" if options.minutes is None else options.minutes,
        "seed": options.seed,
        "signers": len(cast.signers),
        "photos": f"{len(cast.photos)} different pictures, a new file each time",
        "replay_near": settings.replay.near,
        "latency": "from the intended moment of sending to the verdict heard on its topic",
        "ledger": settings.ledger.url.partition(":")[0],
        "pool": settings.run.pool,
        **({} if own is None else own.conditions),
    }


@contextmanager
def _stopped_by_ctrl_c() -> Iterator[threading.Event]:
    """The event is set by the first Ctrl-C; the second is one as ever."""
    stop = threading.Event()

    def hear(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        err.print("berhenti mengirim, menunggu jawaban · no more is sent, waiting for what was; again to end at once")

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
