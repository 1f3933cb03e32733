"""`hadir evaluate` for people: DET plot, rates with intervals, and what they do not say."""

from __future__ import annotations

from pathlib import Path

from hadir.app.plots import det_svg
from hadir.app.report import Page, Plot, Table, Tile, write_page
from hadir.faces.pack import PackInfo
from hadir.index.evaluation import Accuracy

__all__ = ["write_accuracy_page"]

_CAVEAT = (
    "All pairs of the given photos, without a quality gate unless asked for. The rates hold for photos like these: "
    "another camera, another group of people or other light has other rates. Liveness is not measured."
)


def write_accuracy_page(accuracy: Accuracy, pack: PackInfo, source: str, target: Path) -> None:
    """One self-contained HTML page."""
    curve = ([point.fmr for point in accuracy.det], [point.fnmr for point in accuracy.det])
    write_page(
        Page(
            title=f"accuracy of pack {pack.name}",
            subtitle=f"{accuracy.images} photos of {accuracy.people} people in {source}, "
            f"{accuracy.photos_per_template} photo(s) per template",
            caveat=_CAVEAT,
            tiles=[
                Tile("equal error rate", f"{accuracy.eer:.2%}"),
                Tile("pairs of one person", f"{accuracy.genuine_pairs:,}"),
                Tile("pairs of two people", f"{accuracy.impostor_pairs:,}"),
            ],
            plots=[
                Plot(
                    "Detection error trade-off",
                    "Lower and further left is better; the dotted line marks equal errors.",
                    det_svg({f"{pack.name} {pack.precision}": curve}, accuracy.fnmr_at_fmr),
                )
            ],
            tables=[
                Table(
                    "False non-matches at fixed false match rates",
                    "A rate below 30 / number of impostor pairs is not supported and is not guessed.",
                    ("FMR", "FNMR", "95 % interval (by people)", "cosine similarity"),
                    [_row(accuracy, rate) for rate in accuracy.fnmr_at_fmr],
                )
            ],
            places=[("embedding space", pack.embedding_space), ("licence", pack.licence)],
        ),
        target,
    )


def _row(accuracy: Accuracy, rate: str) -> tuple[str, str, str, str]:
    fnmr, similarity, interval = (
        accuracy.fnmr_at_fmr[rate],
        accuracy.similarity_at_fmr[rate],
        accuracy.fnmr_ci95[rate],
    )
    if fnmr is None or similarity is None:
        return rate, "not enough pairs", "–", "–"
    between = "–" if interval is None else f"{interval[0]:.2%} – {interval[1]:.2%}"
    return rate, f"{fnmr:.2%}", between, f"{similarity:.4f}"
