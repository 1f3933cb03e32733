"""What a gallery's own people say about thresholds: for people, for machines, and as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hadir.app.normalisation_words import normalisation_document, normalisation_words
from hadir.app.output import lines, out
from hadir.app.plots import thresholds_svg
from hadir.app.report import Page, Plot, Table, Tile, write_page
from hadir.core.thresholds import CELLS, RATES
from hadir.faces.pack import PackInfo
from hadir.index.calibration import Calibration, Interval
from hadir.index.space import EmbeddingSpace

__all__ = ["Report", "calibration_document", "say_calibration", "write_calibration_page"]

_NOT_ENOUGH = "data kurang · not enough data"

_CAVEAT = (
    "Thresholds are measured on the enrolled photos: different people at the moment of enrolment. At the gate, cameras "
    "and light differ; hadir_impostor_matches_total says whether the rates hold there. People enrolled twice under two "
    "ids, and twins, count as different people here and push thresholds up (hadir gallery duplicates)."
)


@dataclass(frozen=True, slots=True)
class Report:
    """`rates` are the policy's: accept, review, identify; `pack` is None where its thresholds are not at hand."""

    space: EmbeddingSpace
    people: int
    templates: int
    calibration: Calibration
    pack: PackInfo | None
    rates: tuple[str, str, str]

    @property
    def cells(self) -> list[str]:
        """Cells that have any comparison."""
        return [cell for cell in CELLS if self.calibration.cells[cell].comparisons]

    def pack_threshold(self, rate: str, cell: str) -> float | None:
        """The cosine that the pack's manifest says."""
        return None if self.pack is None else self.pack.thresholds.get(rate, cell)


@dataclass(frozen=True, slots=True)
class _Row:
    """One rate in one cell."""

    rate: str
    cell: str
    cosine: float | None
    cosine95: Interval | None
    z: float | None
    z95: Interval | None
    pack: float | None


def calibration_document(report: Report) -> dict[str, object]:
    """Every rate and cell; a threshold without enough data (fewer than 30/FMR comparisons) is null."""
    calibration = report.calibration
    return {
        "embedding_space": report.space.name,
        "pack": report.space.pack,
        "precision": report.space.precision,
        "people": report.people,
        "templates": report.templates,
        "comparisons": {cell: calibration.cells[cell].comparisons for cell in CELLS},
        "similarity_at_fmr": {rate: {row.cell: row.cosine for row in _rows(report, rate, CELLS)} for rate in RATES},
        "similarity_ci95": {rate: {row.cell: row.cosine95 for row in _rows(report, rate, CELLS)} for rate in RATES},
        "z_at_fmr": {rate: {row.cell: row.z for row in _rows(report, rate, CELLS)} for rate in RATES},
        "z_ci95": {rate: {row.cell: row.z95 for row in _rows(report, rate, CELLS)} for rate in RATES},
        "pack_similarity_at_fmr": {rate: {row.cell: row.pack for row in _rows(report, rate, CELLS)} for rate in RATES},
        "normalisation": normalisation_document(calibration.normalisation),
    }


def say_calibration(report: Report, page: Path | None) -> None:
    """The policy's rates; --json has all."""
    lines(
        [
            ("orang · people", f"{report.people:,} with {report.templates:,} templates"),
            ("embedding space", f"{report.space.pack} {report.space.precision}, {report.space.name[:16]}"),
            ("normalisasi · normalisation", normalisation_words(report.calibration.normalisation)),
        ]
    )
    for name, rate in zip(("accept_fmr", "review_fmr", "identify_fmr"), report.rates, strict=True):
        out.print(f"{name} {rate} (foto uji/terdaftar · probe/template photos):")
        lines((row.cell, _in_words(row)) for row in _rows(report, rate, report.cells))
    out.print(f"Halaman · page: {page}" if page else "Semua laju · every rate: --json; plots: --report FILE")


def write_calibration_page(report: Report, target: Path) -> None:
    """One self-contained HTML page."""
    calibration = report.calibration
    comparisons = sum(figures.comparisons for figures in calibration.cells.values())
    chosen = calibration.normalisation
    plots = [
        Plot(
            "Cosine that a rate means",
            "A line per cell (probe photos / template photos), bars are 95 % intervals by people; dotted, in the same "
            "colour, is what the pack's own table says of it. A line ends where its comparisons do.",
            thresholds_svg(_curves(report, z=False), "cosine", _pack_curves(report)),
        )
    ]
    if chosen is not None and chosen.on:
        says = "The same in normalised scores, which is what verdicts are made with."
        plots.append(Plot("Normalised score that a rate means", says, thresholds_svg(_curves(report, z=True), "z")))
    write_page(
        Page(
            title="calibration of a gallery",
            subtitle=f"{report.people:,} people, {report.templates:,} templates, pack {report.space.pack} "
            f"{report.space.precision}",
            caveat=_CAVEAT,
            tiles=[
                Tile("people", f"{report.people:,}"),
                Tile("comparisons of two people", f"{comparisons:,}"),
                Tile("normalised", "on" if chosen is not None and chosen.on else "off"),
            ],
            plots=plots,
            tables=[*_tables(report), _comparisons(report)],
            places=[
                ("normalisation", normalisation_words(chosen)),
                ("embedding space", report.space.name),
                ("licence", report.space.licence),
            ],
        ),
        target,
    )


def _rows(report: Report, rate: str, cells: Sequence[str]) -> Iterator[_Row]:
    own, chosen = report.calibration, report.calibration.normalisation
    for cell in cells:
        yield _Row(
            rate,
            cell,
            own.table.get(rate, cell),
            own.interval95.get(rate, {}).get(cell),
            None if chosen is None else chosen.table.get(rate, cell),
            None if chosen is None else chosen.interval95.get(rate, {}).get(cell),
            report.pack_threshold(rate, cell),
        )


def _in_words(row: _Row) -> str:
    pack = "" if row.pack is None else f"; pack {row.pack:.4f}"
    if row.cosine is None:
        return f"{_NOT_ENOUGH}{pack}"
    z = "" if row.z is None else f", z {row.z:.3f}{_between(row.z95, 3)}"
    return f"{row.cosine:.4f} cosine{_between(row.cosine95, 4)}{z}{pack}"


def _between(interval: Interval | None, digits: int) -> str:
    return "" if interval is None else f" ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})"


def _curves(report: Report, z: bool) -> dict[str, list[tuple[float, float, Interval | None]]]:
    """Per cell: rate, threshold and interval; rates descending."""
    curves: dict[str, list[tuple[float, float, Interval | None]]] = {}
    for rate in RATES:
        for row in _rows(report, rate, report.cells):
            value, interval = (row.z, row.z95) if z else (row.cosine, row.cosine95)
            if value is not None:
                curves.setdefault(row.cell, []).append((float(rate), value, interval))
    return curves


def _pack_curves(report: Report) -> dict[str, list[tuple[float, float]]]:
    """The pack's table of the same cells."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for rate in RATES:
        for row in _rows(report, rate, report.cells):
            if row.pack is not None:
                curves.setdefault(row.cell, []).append((float(rate), row.pack))
    return curves


def _tables(report: Report) -> list[Table]:
    heads = ("cell", "cosine", "95 % interval", "z", "95 % interval", "pack's cosine")
    return [
        Table(
            f"{name}: FMR {rate}",
            "Probe photos / template photos; no threshold is guessed from too few comparisons.",
            heads,
            [_cells(row) for row in _rows(report, rate, report.cells)],
        )
        for name, rate in zip(("accept_fmr", "review_fmr", "identify_fmr"), report.rates, strict=True)
    ]


def _cells(row: _Row) -> tuple[str, ...]:
    cosine = "not enough data" if row.cosine is None else f"{row.cosine:.4f}"
    z, pack = ("–" if value is None else f"{value:.{d}f}" for value, d in ((row.z, 3), (row.pack, 4)))
    return (row.cell, cosine, _between(row.cosine95, 4).strip(" ()"), z, _between(row.z95, 3).strip(" ()"), pack)


def _comparisons(report: Report) -> Table:
    figures = report.calibration.cells
    return Table(
        "What it rests on",
        "A rate is supported by 30 / FMR comparisons.",
        ("cell", "people with probes", "probes", "templates", "comparisons"),
        [
            (cell, figures[cell].probe_people, figures[cell].probes, figures[cell].templates, figures[cell].comparisons)
            for cell in report.cells
        ],
    )
