"""docs/images/promotion.svg: the live view of a real run during a promotion into another embedding space and the way
back, one frame a second. `python -m benchmarks._promotion_recording [--out FILE]` builds what it needs; two minutes.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks._open_loop import OpenLoop
from benchmarks._three_snapshots import build_three
from benchmarks._workplace import build_workplace
from hadir.app.board import Board
from hadir.app.board_watcher import BoardWatcher
from hadir.app.live import render
from hadir.app.log_ends import open_ends
from hadir.app.logs import log_to
from hadir.app.station import Station
from hadir.app.worker_lines import worker_lines
from hadir.core.clock import SystemClock
from hadir.core.settings import Settings
from hadir.index.pointers import promote, rollback

__all__ = ["animated", "record"]

OUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "promotion.svg"
PER_S = 40.0
FRAMES = 14
PROMOTED_AT, BACK_AT = 4, 9
PEOPLE, STAND_INS = 192, 13_000
COLUMNS = 112


def record() -> list[str]:
    """The frames, each an SVG document of its own."""
    with tempfile.TemporaryDirectory(prefix="hadir-record-") as name:
        folder = Path(name)
        log_to(folder / "log.jsonl")
        workplace = build_workplace(folder, PEOPLE, STAND_INS)
        settings = workplace.settings("run", "memory")
        stores = settings.stores.model_copy(update={"models": str(folder / "models"), "watch_s": 0.1})
        settings = settings.model_copy(update={"stores": stores})
        three = build_three(workplace, settings, STAND_INS)
        root = folder / "snapshots"
        steps: dict[int, Callable[[], object]] = {
            PROMOTED_AT: partial(promote, root, three.elsewhere),
            BACK_AT: partial(rollback, root),
        }
        board, clock = Board(), SystemClock()
        watcher, ends = BoardWatcher(board, clock), open_ends(settings)
        with Station(settings, ends, clock, [watcher], [watcher]) as station:
            station.start()
            thread = threading.Thread(target=station.run)
            thread.start()
            loop = OpenLoop(ends, workplace.selfies, round(PER_S * (FRAMES + 1)), PER_S)
            loop.start()
            try:
                return _frames(steps, lambda number: _frame(number, board, watcher, station, settings))
            finally:
                loop.join()
                station.stop()
                thread.join()


def _frames(steps: dict[int, Callable[[], object]], frame: Callable[[int], str]) -> list[str]:
    """One a second; what is done at a second is done just before its frame is drawn."""
    frames: list[str] = []
    start_s = time.monotonic()
    for number in range(FRAMES):
        time.sleep(max(0.0, start_s + number + 1 - time.monotonic()))
        steps.get(number, lambda: None)()
        frames.append(frame(number))
    return frames


def _frame(number: int, board: Board, watcher: BoardWatcher, station: Station, settings: Settings) -> str:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    title = f"Hadir · {settings.run.broker} · {settings.run.pool}"
    console.print(render(board.sheet(), title, None, worker_lines(station.pool), watcher.oldest_s()))
    return console.export_svg(title="hadir run", unique_id=f"frame{number}")


def animated(frames: Sequence[str]) -> str:
    """One SVG that shows each for a second, again and again. No script, no font from elsewhere."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', frames[0])
    assert size is not None
    width, height = size.groups()
    shown = 100 / len(frames)
    style = (
        f"@keyframes turn {{ 0%, {shown:.3f}% {{ visibility: visible }} {shown + 0.001:.3f}%, 100% "
        "{ visibility: hidden } }\n"
        f".frame {{ visibility: hidden; animation: turn {len(frames)}s step-end infinite }}\n"
    )
    drawn = "\n".join(
        f'<g class="frame" style="animation-delay: {number}s">{_without_fonts(frame)}</g>'
        for number, frame in enumerate(frames)
    )
    label = "The live view of hadir run: another snapshot serves, then the one before again; failures stay 0"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">\n'
        f"<style>{style}</style>\n{drawn}\n</svg>\n"
    )


def _without_fonts(frame: str) -> str:
    """What rich would fetch from the network; a monospaced font of the reader's own serves."""
    return re.sub(r"@font-face \{.*?\}", "", frame, flags=re.DOTALL)


def main() -> None:
    """Record and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._promotion_recording", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.write_text(animated(record()), encoding="utf-8")


if __name__ == "__main__":
    main()
