"""`hadir reindex`: every enrolled photo looked at again by another pack, while the morning runs."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hadir.app.options import Config, Json, settings_of
from hadir.app.output import err, lines, out, print_json

if TYPE_CHECKING:
    from rich.progress import Progress

    from hadir.app.reindexing import Job
    from hadir.core.settings import Settings
    from hadir.pipeline.reindexing import Reindexed

__all__ = ["register"]

_DONE, _PARTLY, _GATE_FAILED = 0, 3, 4
_MOST_LINES = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reindex", epilog="Example:  hadir reindex --pack buffalo_l --dry-run")(reindex)


def reindex(
    pack: Annotated[
        str | None,
        typer.Option(
            "--pack",
            metavar="NAME|FOLDER",
            help="The pack to change to. Default: the one that serves, for people whom only other spaces hold.",
        ),
    ] = None,
    precision: Annotated[
        Literal["auto", "int8", "fp16"] | None, typer.Option(help="Of the new pack, where it has several.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, max=1024, help="Processes; 0 = one per core, of the cluster where one is joined.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count and estimate; change nothing.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Embed all enrolled photos with another pack, into a gallery of its own; what serves is not touched.

    With the pack that serves: only people who were enrolled while another one served, as after a rollback.

    A run that was stopped or killed goes on where it stood. Workers take only idle processor time. Exit code 3: some
    photos failed, but everybody has a template; 4: somebody would be lost. The report names every failure; --dry-run
    ends with the same codes, as far as it looks.
    """
    from hadir.app.reindexing import forecast, job_of

    settings = settings_of(config)
    job = job_of(settings, pack, precision)
    if not dry_run:
        return _run(settings, job, workers, as_json)
    from hadir.app.reindex_report import forecast_document, forecast_lines

    found = forecast(settings, job, workers)
    if as_json:
        print_json(forecast_document(job, found))
    else:
        lines(forecast_lines(found))
    return _GATE_FAILED if found.lost else _PARTLY if found.missing or found.altered else _DONE


def _run(settings: Settings, job: Job, workers: int, as_json: bool) -> int:
    from hadir.app.logs import log_to
    from hadir.app.output import progress
    from hadir.app.reindex_report import Took, report_document
    from hadir.app.reindexing import reindex as reindex_now
    from hadir.app.reindexing import write_report
    from hadir.core.clock import SystemClock

    log_to(job.folder / "log.jsonl" if err.is_terminal else None)
    clock, used = SystemClock(), 0
    start_s = ready_s = clock.monotonic_s()

    def started(photos: int, count: int) -> Callable[[int], None]:
        nonlocal used, ready_s
        used, ready_s = count, clock.monotonic_s()
        return _watched(bar, photos, count)

    with progress("Foto diproses · embedding", None) as bar:
        done = reindex_now(settings, job, workers, started)
    document = report_document(job, done, used, Took(ready_s - start_s, clock.monotonic_s() - ready_s))
    report = write_report(job, document)
    if as_json:
        print_json({**document, "report": str(report)})
    else:
        _tell(job, done, str(report))
    return _GATE_FAILED if done.lost else _PARTLY if done.failed else _DONE


def _watched(bar: Progress, photos: int, workers: int) -> Callable[[int], None]:
    """The workers are ready: what to call when photos are done."""
    from hadir.app.reindex_report import ProgressLines
    from hadir.core.clock import SystemClock

    signal.signal(signal.SIGTERM, _interrupt)  # after Ray, which installs one that would end at once
    err.print(f"Hadir memproses ulang foto · re-embedding: {photos} photos, {workers} workers")
    bar.update(bar.task_ids[0], total=photos)
    told = ProgressLines(photos, SystemClock())

    def advance(done: int) -> None:
        bar.advance(bar.task_ids[0], done)
        told(done)

    return advance


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _tell(job: Job, done: Reindexed, report: str) -> None:
    from hadir.app.reindex_report import report_lines, why

    for photo in done.failed[:_MOST_LINES]:
        says = why(photo.reason)
        err.print(f"{photo.person}/{photo.photo[:12]}: {photo.reason} · {says.id} ({says.en})", markup=False)
    if len(done.failed) > _MOST_LINES:
        err.print(f"... {len(done.failed) - _MOST_LINES} lagi · more: {report}", markup=False)
    lines(report_lines(done))
    lines([("laporan · report", report)])
    if done.lost:
        out.print("Belum boleh dipakai · not to be promoted: somebody would be lost. Mend what failed, then run again.")
    elif job.catches_up:
        out.print("Lanjut · next: hadir index build, then hadir index promote")
    else:
        named = job.pack.name if job.pack.name != job.source.space.pack else job.pack.embedding_space[:16]
        out.print(f"Lanjut · next: hadir index build --pack {named}")
