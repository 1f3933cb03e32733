"""`hadir run`: decide check-ins, from Kafka for good, or from a file to its end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Collection
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hadir.app.options import Config, Json, LedgerUrl, Pack, settings_of, wrong_use
from hadir.app.output import err, lines, out, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hadir.app.board import Sheet
    from hadir.app.log_ends import LogEnds
    from hadir.app.reconciling import Standing
    from hadir.app.station import Station
    from hadir.core.settings import Settings

__all__ = ["register"]

_DONE, _PARTLY, _GATE_FAILED = 0, 3, 4

_KEPT = 10_000
"""Check-ins whose latency the live view and the last line tell: a busy minute's, and more."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", epilog="Example:  hadir run --broker memory --input check-ins.csv --pool inline")(run)


def run(
    broker: Annotated[Literal["memory", "kafka"] | None, typer.Option(help="Default: the settings'.")] = None,
    pool: Annotated[Literal["inline", "ray"] | None, typer.Option(help="Default: the settings'.")] = None,
    source: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="With --broker memory: a CSV of check-ins.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Metrics and probes on this port; 0 = off.")
    ] = None,
    supervise: Annotated[
        bool, typer.Option("--supervise", help="Start again whenever it fails or dies, as systemd or Kubernetes would.")
    ] = False,
    pack: Pack = None,
    ledger: LedgerUrl = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Decide check-ins until stopped; SIGTERM and Ctrl-C drain first. With --input: to the end of the file.

    Logs are JSON lines on standard error, or in the run folder while the live view is on a terminal.
    """
    if supervise:
        options: dict[str, object] = {
            "--broker": broker,
            "--pool": pool,
            "--input": source,
            "--metrics-port": metrics_port,
            "--pack": pack,
            "--ledger": ledger,
            "--config": config,
        }
        return _supervise(options, as_json)
    from hadir.app.log_ends import open_ends
    from hadir.app.reconciling import NOTES
    from hadir.app.wiring import overridden

    settings = overridden(
        settings_of(config), broker=broker, pool=pool, metrics_port=metrics_port, pack=pack, ledger=ledger
    )
    if (settings.run.broker == "memory") != (source is not None):
        raise wrong_use("--input FILE and --broker memory go together: the memory log starts empty, Kafka has its own")
    ends = open_ends(settings)
    sent = None if source is None else _load(ends, source)
    sheet, standing = _serve(settings, ends, finite=source is not None, quiet=as_json)
    if as_json:
        print_json(_numbers(sheet, standing))
    else:
        lines(_in_words(sheet, standing))
    if standing is not None and any(standing.faults.values()):
        err.print(f"received and decided differ: {standing.said()}; see {settings.run.folder}/{NOTES}", markup=False)
        return _GATE_FAILED
    if sent is not None and sheet.closed < sent:
        err.print(f"stopped before the end of the file: {sent - sheet.closed} of {sent} check-ins have no verdict yet")
        return _PARTLY
    return _DONE


def _supervise(options: dict[str, object], as_json: bool) -> int:
    from hadir.app.logs import log_to
    from hadir.app.restarts import Restarts
    from hadir.app.supervisor import Supervisor
    from hadir.core.clock import SystemClock

    if options["--input"] is not None:
        raise wrong_use("--supervise and --input do not go together: what is in the memory log is gone with the run")
    settings_of(None if options["--config"] is None else Path(str(options["--config"])))  # no restart mends a bad file
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    again = [sys.executable, "-c", "from hadir.app.cli import main; main()", "run", *given]
    log_to(None)
    return Supervisor([*again, *(["--json"] if as_json else [])], Restarts(), SystemClock()).run()


def _load(ends: LogEnds, source: Path) -> int:
    """Put every check-in of the file into the log; returns how many."""
    from hadir.app.check_in_list import read_check_ins
    from hadir.core.clock import SystemClock
    from hadir.core.message import Message
    from hadir.pipeline.codec import encode_check_in

    sent = 0
    for sent, check_in in enumerate(read_check_ins(source, SystemClock().now_ms()), start=1):  # noqa: B007 - returned
        ends.sender.send([Message(ends.topic, check_in.person.encode(), encode_check_in(check_in))])
    return sent


def _serve(settings: Settings, ends: LogEnds, finite: bool, quiet: bool) -> tuple[Sheet, Standing | None]:
    from hadir.app.board import Board
    from hadir.app.board_watcher import BoardWatcher
    from hadir.app.live import LiveView, render
    from hadir.app.logs import log_to
    from hadir.app.station import Station
    from hadir.app.worker_lines import worker_lines
    from hadir.core.clock import SystemClock

    live = out.is_terminal and not quiet
    log_to(Path(settings.run.folder) / "log.jsonl" if live else None)
    board, clock = Board(_KEPT), SystemClock()
    watcher = BoardWatcher(board, clock)
    serves = threading.Event()

    def assigned(_: Collection[int]) -> None:
        if serves.is_set():
            return
        serves.set()
        if live:
            board.moment("partisi diterima · partitions assigned", watcher.now_s())
        else:
            err.print(f"Hadir melayani · serving: {what}")

    with Station(settings, ends, clock, [watcher], [watcher], on_assigned=assigned) as station:
        _drain_on_signals(station)
        what = f"{settings.run.broker}, {settings.run.pool}, snapshot {station.snapshot}"
        station.start()
        if not serves.is_set():
            err.print(f"Hadir siap, menunggu partisi · ready, waiting for partitions: {what}")
        title = f"Hadir · {settings.run.broker} · {settings.run.pool}"

        def draw() -> RenderableType:
            return render(board.sheet(), title, None, worker_lines(station.pool), watcher.oldest_s())

        with LiveView(draw, out, on=live):
            station.run(finished=lambda: finite)
        standing = station.reconcile() if finite else None
    ends.sender.close()
    return board.sheet(), standing


def _drain_on_signals(station: Station) -> None:
    """After Ray has started, which installs a handler of its own that would end at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        station.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _numbers(sheet: Sheet, standing: Standing | None) -> dict[str, object]:
    from hadir.app.board import percentiles

    latency = percentiles(sheet.latencies_s)
    return {
        "received": sheet.received,
        "verdicts": {name: sheet.outcomes[name] for name in ("accepted", "review", "rejected")},
        "duplicates": sheet.duplicates,
        "dead_letters": sheet.dead_letters.total(),
        **({} if standing is None else {kind.value: count for kind, count in standing.faults.items()}),
        "latency_s": None if latency is None else {"p50": latency.p50, "p95": latency.p95, "p99": latency.p99},
    }


def _in_words(sheet: Sheet, standing: Standing | None) -> list[tuple[str, str]]:
    from hadir.app.board import percentiles

    latency = percentiles(sheet.latencies_s)
    spread = "–" if latency is None else f"p50 {latency.p50:.2f} s, p95 {latency.p95:.2f} s, p99 {latency.p99:.2f} s"
    return [
        ("received", str(sheet.received)),
        ("verdicts", ", ".join(f"{sheet.outcomes[name]} {name}" for name in ("accepted", "review", "rejected"))),
        ("without a row", f"repetitions: {sheet.duplicates}, dead letters: {sheet.without_row}"),
        ("latency", spread),
        *([] if standing is None else [("reconciled", standing.said())]),
    ]
