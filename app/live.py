"""The one live terminal view, and what it shows of a stream: what came in, what was decided, how old the oldest is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hadir.app.board import Sheet, percentiles

__all__ = ["LiveView", "render"]

_COLOURS = {"accepted": "green", "review": "yellow", "rejected": "red"}
_WORDS = {"accepted": "diterima", "review": "ditinjau", "rejected": "ditolak"}
_REFRESH_S = 0.25


class LiveView:
    """Draws what `draw` gives four times a second on a terminal; on anything else it stays silent."""

    def __init__(self, draw: Callable[[], RenderableType], console: Console, *, on: bool = True) -> None:
        """`draw` is called from a thread of the view's own."""
        self._draw = draw
        self._live = Live(console=console, auto_refresh=False, transient=False) if on and console.is_terminal else None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-view", daemon=True)

    def __enter__(self) -> LiveView:
        if self._live is not None:
            self._live.start()
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        if self._live is not None:
            self._thread.join()
            self._live.update(self._draw(), refresh=True)
            self._live.stop()

    def _run(self) -> None:
        assert self._live is not None
        while not self._end.wait(_REFRESH_S):
            self._live.update(self._draw(), refresh=True)


def render(sheet: Sheet, title: str, total: int | None, workers: Sequence[str], oldest_s: float) -> RenderableType:
    """A stream's board for one moment. `workers` tells each worker in a few words, `oldest_s` the age of the oldest
    undecided check-in."""
    parts: list[RenderableType] = []
    if total:
        bar = Table.grid()
        bar.add_row(ProgressBar(total=total, completed=min(sheet.received, total), width=60))
        parts.append(bar)
    parts += [_counts(sheet, oldest_s), _outcomes(sheet), Text("")]
    parts += [Text(f"pekerja · worker  {line}", style="dim") for line in workers]
    parts += [Text(f"{at:6.1f} s  {text}", style="bold magenta") for at, text in sheet.moments[-3:]]
    parts.append(Text(""))
    parts += [
        Text(f"{_WORDS[outcome]:<9} {sentence}", style=_COLOURS[outcome], no_wrap=True, overflow="ellipsis")
        for outcome, sentence in sheet.sentences[-6:]
    ]
    return Panel(Group(*parts), title=title, border_style="cyan", width=110)


def _counts(sheet: Sheet, oldest_s: float) -> Table:
    latency = percentiles(sheet.latencies_s)
    spread = "–" if latency is None else f"{latency.p50:.2f}/{latency.p95:.2f}/{latency.p99:.2f} s"
    table = Table.grid(padding=(0, 2))
    table.add_row("masuk · received", f"[bold]{sheet.received}[/]", "diputuskan · decided", f"[bold]{sheet.decided}[/]")
    table.add_row("tertua · oldest open", f"{oldest_s:.1f} s", "latensi · p50/p95/p99", spread)
    table.add_row(
        "ulangan · duplicates", str(sheet.duplicates), "disisihkan · dead letters", str(sheet.dead_letters.total())
    )
    if sheet.snapshot:
        serves = f"[bold cyan]{sheet.snapshot}[/]" + (f" ({sheet.switches}×)" if sheet.switches else "")
        table.add_row("indeks · snapshot", serves, "gagal · failed", f"[bold]{sheet.failed}[/]")
    return table


def _outcomes(sheet: Sheet) -> Table:
    most = max(sheet.outcomes.values(), default=1)
    table = Table.grid(padding=(0, 2))
    for outcome, colour in _COLOURS.items():
        count = sheet.outcomes[outcome]
        bar = "█" * round(40 * count / most)
        table.add_row(f"[{colour}]{_WORDS[outcome]} · {outcome}[/]", f"[{colour}]{bar}[/]", str(count))
    return table
