"""One self-contained HTML page from numbers, plots and tables: demo and evaluation speak the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

__all__ = ["Page", "Plot", "Table", "Tile", "write_page"]


@dataclass(frozen=True, slots=True)
class Tile:
    """One big number. `mood` is "good", "bad" or empty."""

    name: str
    value: str
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """An SVG of our own making, with a sentence that says what to see in it."""

    name: str
    says: str
    svg: str


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are escaped; numbers are aligned right."""

    name: str
    says: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]


@dataclass(frozen=True, slots=True)
class Page:
    """`caveat` says what the numbers do not show; `places` are name and value pairs under `places_name`."""

    title: str
    subtitle: str
    caveat: str
    tiles: Sequence[Tile]
    plots: Sequence[Plot]
    tables: Sequence[Table]
    places: Sequence[tuple[str, str]]
    places_name: str = "Dibuat dengan · Made with"


def write_page(page: Page, path: Path) -> None:
    """Render `page` into one file without outside references."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    fields = {name: getattr(page, name) for name in Page.__dataclass_fields__}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(environment.get_template("report.html").render(fields), encoding="utf-8")
