"""Writes the tables of `docs/metrics.md` from `core/metrics.py`: `python -m dev.metrics_table`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from hadir.core.metrics import METRICS, Metric

__all__ = ["PAGE", "tables", "with_tables"]

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
BEGIN: Final = "<!-- written by dev/metrics_table.py from core/metrics.py -->"
END: Final = "<!-- end -->"


def tables() -> str:
    """Every metric: name, type, unit, labels, meaning; then the edges of the histograms."""
    rows = [f"| `{name}` | {m.kind} | {m.unit or '–'} | {_labels(m)} | {m.help} |" for name, m in METRICS.items()]
    edges = [f"| `{name}` | {' '.join(f'{edge:g}' for edge in m.edges)} |" for name, m in METRICS.items() if m.edges]
    return "\n".join(
        [
            "| name | type | unit | labels | meaning |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "| histogram | upper edges, inclusive |",
            "|---|---|",
            *edges,
        ]
    )


def with_tables(page: str) -> str:
    """The page with the tables of today. Raises ValueError where it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no '{BEGIN}' with an '{END}' after it: put both where the tables belong")
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def _labels(metric: Metric) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels) or "–"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(METRICS)} metrics\n")
