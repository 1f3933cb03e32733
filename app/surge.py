"""A surge: check-ins sent by the clock to a pipeline that runs, and what comes back of them, until all is answered."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import RenderableType

from hadir.app.board import Board, Sheet
from hadir.app.hearing import Ear
from hadir.app.live import LiveView, render
from hadir.app.output import out
from hadir.app.sending import send_and_wait
from hadir.app.surge_cast import Cast
from hadir.app.surge_faults import Breakable, Breaker, Fault
from hadir.app.surge_plan import Due
from hadir.app.surge_sender import Sender
from hadir.app.surge_watch import Answered, SurgeWatch
from hadir.app.wiring import kafka_cluster
from hadir.attendance.ledger import Ledger
from hadir.core.check_in import Channel, CheckIn, Direction
from hadir.core.clock import SystemClock
from hadir.core.errors import InputError, SetupError
from hadir.core.settings import Settings
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS

__all__ = ["Played", "Surge", "play", "require_a_ledger_of_its_own", "try_the_way"]

_LOOK_S = 0.1
_CANARY = "hadir-surge-canary"
_CANARY_S = 60.0
_LEAD_S = 0.5
"""Between the last preparation and the first intended moment."""


@dataclass(frozen=True, slots=True)
class Surge:
    """What is to be played. `patience_s` is how long to wait for the last answers after the last check-in was sent."""

    settings: Settings
    cast: Cast
    plan: Sequence[Due]
    title: str
    patience_s: float
    faults: Sequence[Fault] = ()
    parts: Breakable | None = None
    lines: Callable[[], Sequence[str]] = tuple
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """What was seen. `sent` and `unsure` map ids to the time at which they were made, UTC ms, acknowledged by the log
    or not; `open` were sent and have no answer. Times are seconds; `generator_cpu_s` is the processor time of this
    process (sending, hearing, drawing), `sender_cpu_s` that of its sending alone."""

    sent: dict[str, int]
    unsure: dict[str, int]
    again: int
    answers: Sequence[Answered]
    open: Sequence[Due]
    set_aside: dict[str, str]
    sheet: Sheet
    span_s: float
    behind_s: float
    generator_cpu_s: float
    sender_cpu_s: float
    faults: int
    stopped: bool


def require_a_ledger_of_its_own(ledger: Ledger) -> None:
    """A rehearsal writes verdicts about people who were not there: never among real ones.

    Raises:
        InputError: the ledger holds a verdict.
    """
    if rows := ledger.counts().rows:
        raise InputError(
            f"the ledger of these settings holds {rows} verdicts, and a surge would write false ones among them: name "
            "an empty ledger in settings of the rehearsal's own, and run the pipeline with them (docs/surge.md)"
        )


def try_the_way(cluster: KafkaCluster, ledger: Ledger, wait_s: float = _CANARY_S) -> CheckIn:
    """Send one fingerprint of a person whom no roster knows, and follow it: does a pipeline answer, and does it write
    to this ledger? Returns what was sent: it has a row.

    Raises:
        SetupError: it does not; no person's check-in was sent.
    """
    canary = CheckIn(str(uuid.uuid4()), _CANARY, Direction.IN, Channel.FINGERPRINT, SystemClock().now_ms())
    (answer,) = send_and_wait(cluster, [canary], wait_s)
    if answer.verdict is None:
        raise SetupError(
            f"no pipeline answers at {cluster.bootstrap} within {wait_s:g} s: start hadir run with the same "
            "--config, and wait until it serves"
        )
    if canary.id not in ledger.known([canary.id]):
        raise SetupError(
            "the pipeline that answers writes to another ledger than these settings name, perhaps to the real one: end "
            "it, and start hadir run with the same --config"
        )
    return canary


def play(surge: Surge, stop: threading.Event) -> Played:
    """Send everything at its moment, and wait for the answers. `stop`, once set, ends the sending; what was sent is
    still waited for.

    Raises:
        StreamUnavailable, StreamError: no broker answers at the start, or the log refuses for good.
        InputError: a fault is of something that this surge has not started.
    """
    board, clock = Board(), SystemClock()
    watch = SurgeWatch(board, clock.monotonic_s() + _LEAD_S, clock.monotonic_s)
    cluster = kafka_cluster(surge.settings)
    sender = Sender(KafkaSink(cluster), CHECK_INS, surge.cast, surge.plan, watch=watch, clock=clock)
    breaker = _breaker(surge, watch, board)
    before_s, broken = time.process_time(), threading.Event()
    with ExitStack() as closers:
        ears = [Ear(cluster, VERDICTS, watch.hear_verdict, patient=True)]
        ears.append(Ear(cluster, DEAD_LETTERS, watch.hear_letter, patient=True))
        for ear in ears:
            ear.listen(broken.set)
            closers.callback(ear.end)
        closers.enter_context(_view(surge, board, watch, sender))
        if breaker is not None:
            breaker.start()
            closers.callback(breaker.end)
        sender.start()
        closers.callback(sender.stop)
        _wait_for_the_last(surge, sender, watch, stop=stop, deaf=broken)
        span_s = watch.now_s()
    sender.join()
    for ear in ears:
        ear.raise_if_broken()
    return Played(
        sent=sender.sent,
        unsure=sender.unsure,
        again=sender.again,
        answers=watch.answers(),
        open=watch.open(),
        set_aside=watch.set_aside,
        sheet=board.sheet(),
        span_s=span_s,
        behind_s=sender.behind_s,
        generator_cpu_s=time.process_time() - before_s,
        sender_cpu_s=sender.cpu_s,
        faults=0 if breaker is None else breaker.done,
        stopped=stop.is_set(),
    )


def _wait_for_the_last(
    surge: Surge, sender: Sender, watch: SurgeWatch, *, stop: threading.Event, deaf: threading.Event
) -> None:
    pause = threading.Event()
    while sender.alive():
        if stop.is_set() or deaf.is_set():
            sender.stop()
        pause.wait(_LOOK_S)
    until_s = time.monotonic() + surge.patience_s
    while watch.waits() and time.monotonic() < until_s and not deaf.is_set():
        pause.wait(_LOOK_S)


def _breaker(surge: Surge, watch: SurgeWatch, board: Board) -> Breaker | None:
    if not surge.faults:
        return None
    if surge.parts is None:
        raise InputError("--faults breaks only what the surge itself has started: add --own, or leave --faults out")
    return Breaker(surge.faults, surge.parts, watch.now_s, lambda text: board.moment(text, watch.now_s()))


def _view(surge: Surge, board: Board, watch: SurgeWatch, sender: Sender) -> LiveView:
    def lines() -> list[str]:
        return [
            f"pengirim · sender: {len(sender.sent):,} sent, {sender.again} again; {watch.repeats} verdicts heard again",
            *surge.lines(),
        ]

    def draw() -> RenderableType:
        return render(board.sheet(), surge.title, len(surge.plan), lines(), watch.oldest_s())

    return LiveView(draw, out, on=not surge.quiet)
