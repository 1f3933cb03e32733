"""`python -m dev.watch.dashboards_page`: write the tables of docs/dashboards.md anew, from the panels themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from dev.watch.dashboards import BOARDS
from dev.watch.panels import Board, Panel

__all__ = ["PAGE", "main", "tables_in"]

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "dashboards.md"
_BEGIN: Final = "<!-- panels of {}: written by python -m dev.watch.dashboards_page -->\n"
_END: Final = "<!-- end of {} -->\n"


def tables_in(text: str) -> str:
    """The page with every table between its marks as the panels are now.

    Raises:
        ValueError: a dashboard has no marks.
    """
    for board in BOARDS:
        begin, end = _BEGIN.format(board.name), _END.format(board.name)
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(
                f"{PAGE.name} has no place for the panels of {board.name}: add the lines {begin!r}, {end!r}"
            )
        text = before + begin + _table(board) + end + after
    return text


def _table(board: Board) -> str:
    lines = ["| Panel | What it says, and what to do |", "|---|---|"]
    for row in board.rows:
        if row.title:
            lines.append(f"| *{row.title}* | |")
        lines += [f"| {panel.title} | {_told(panel)} |" for panel in row.panels]
    return "\n".join(lines) + "\n"


def _told(panel: Panel) -> str:
    told = panel.description.replace("|", "\\|").replace("\n\n", "<br>")
    return f"{told} → [{panel.runbook}](runbooks/{panel.runbook}.md)" if panel.runbook else told


def main() -> int:
    """The program."""
    PAGE.write_text(tables_in(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
