"""`hadir evaluate` for people: curves, rates with intervals, whom to look at, and what they do not say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hadir.app.evaluation_run import Evaluation, WornResult
from hadir.app.plots import det_svg, scores_svg
from hadir.app.report import Page, Plot, Table, Tile, write_page
from hadir.core.errors import InputError
from hadir.index.evaluation import Accuracy
from hadir.index.identification import Identification
from hadir.index.slices import FEWEST_PEOPLE

__all__ = ["interval_text", "share_text", "write_accuracy_page"]

_CAVEAT = (
    "All pairs of the given photos, without a quality gate unless asked for. The rates hold for photos like these: "
    "another camera, another group of people or other light has other rates. Liveness is not measured."
)
_NOT_ENOUGH = "not enough data"


def write_accuracy_page(found: Evaluation, target: Path) -> None:
    """One self-contained HTML page. Raises InputError where `target` cannot be written."""
    try:
        write_page(_page(found), target)
    except OSError as err:
        raise InputError(f"{target} cannot be written ({err.strerror}): name a file that can be") from err


def share_text(rate: float | None) -> str:
    """A rate in per cent."""
    return _NOT_ENOUGH if rate is None else f"{rate:.2%}"


def interval_text(interval: tuple[float, float] | None) -> str:
    """A 95 % interval in per cent."""
    return "–" if interval is None else f"{interval[0]:.2%} – {interval[1]:.2%}"


def _page(found: Evaluation) -> Page:
    accuracy = found.accuracy
    return Page(
        title=f"accuracy of pack {found.pack.name}",
        subtitle=f"{accuracy.images} photos of {accuracy.people} people in {found.source}; "
        f"{accuracy.photos_per_template} photo(s) per template, {accuracy.photos_per_probe} per probe; "
        f"{found.failed} without a usable face",
        caveat=_CAVEAT,
        tiles=list(_tiles(found)),
        plots=list(_plots(found)),
        tables=list(_tables(found)),
        places=[("embedding space", found.pack.embedding_space), ("licence", found.pack.licence)],
    )


def _tiles(found: Evaluation) -> Iterator[Tile]:
    accuracy = found.accuracy
    yield Tile("equal error rate", f"{accuracy.eer:.2%}")
    yield Tile("FNMR at FMR 1e-3", share_text(accuracy.fnmr_at_fmr.get("1e-3")))
    if found.normalised is not None:
        yield Tile("the same, normalised", share_text(found.normalised.fnmr_at_fmr.get("1e-3")))
    yield Tile("pairs of one person", f"{accuracy.genuine_pairs:,}")
    yield Tile("pairs of two people", f"{accuracy.impostor_pairs:,}")


def _named(found: Evaluation) -> dict[str, Accuracy]:
    """The curves by name, the plain one first."""
    named = {"plain": found.accuracy}
    if found.normalised is not None:
        named["normalised"] = found.normalised
    if found.worn is not None:
        named[f"{found.worn.kind}, plain"] = found.worn.plain.accuracy
        if found.worn.normalised is not None:
            named[f"{found.worn.kind}, normalised"] = found.worn.normalised.accuracy
    return named


def _plots(found: Evaluation) -> Iterator[Plot]:
    named = _named(found)
    yield Plot(
        "Detection error trade-off",
        "Lower and further left is better; the dotted line marks equal errors. Numbers: FNMR of the plain curve.",
        det_svg(
            {name: ([p.fmr for p in a.det], [p.fnmr for p in a.det]) for name, a in named.items()},
            {name: a.fnmr_at_fmr for name, a in named.items()},
        ),
    )
    for name, accuracy in named.items():
        shape = accuracy.shape
        yield Plot(
            f"Scores, {name}",
            "The further apart, the better. A genuine score left of a line is refused at that rate.",
            scores_svg(
                shape.edges,
                shape.genuine,
                shape.impostor,
                accuracy.similarity_at_fmr,
                "AS-norm z" if "normalised" in name else "cosine similarity",
            ),
        )


def _tables(found: Evaluation) -> Iterator[Table]:
    for name, accuracy in _named(found).items():
        yield Table(
            f"False non-matches at fixed false match rates, {name}",
            "Each curve at its own thresholds. A rate below 30 / number of impostor pairs is not supported and is not "
            "guessed.",
            ("FMR", "FNMR", "95 % interval (by people)", "threshold"),
            [_rate_row(accuracy, rate) for rate in accuracy.fnmr_at_fmr],
        )
    if found.worn is not None:
        yield from _worn_tables(found.worn)
    if found.identification is not None:
        yield _search_table(found.identification)
    if found.slices:
        yield _slice_table(found)
    yield Table(
        "Closest impostors",
        "The most similar photos of different people: relatives, one person under two ids, photos in a wrong folder.",
        ("similarity", "one", "the other", "photos"),
        [
            (
                f"{pair.similarity:.4f}",
                *(found.people[person] for person in pair.people),
                " · ".join("/".join(found.photos[photo]) for photo in pair.photos),
            )
            for pair in found.closest
        ],
    )
    yield Table(
        "Weakest people",
        "Who resembles their own photos least, and should be enrolled again, the photo named first.",
        ("person", "lowest similarity", "mean", "comparisons", "photo to replace"),
        [
            (
                found.people[weak.person],
                f"{weak.lowest:.4f}",
                f"{weak.mean:.4f}",
                weak.comparisons,
                "/".join(found.photos[weak.photo]),
            )
            for weak in found.weakest
        ],
    )


def _rate_row(accuracy: Accuracy, rate: str) -> tuple[str, str, str, str]:
    similarity = accuracy.similarity_at_fmr[rate]
    return (
        rate,
        share_text(accuracy.fnmr_at_fmr[rate]),
        interval_text(accuracy.fnmr_ci95[rate]),
        "–" if similarity is None else f"{similarity:.4f}",
    )


def _worn_tables(worn: WornResult) -> Iterator[Table]:
    side = "probes and templates" if worn.both else "probes"
    for name, occluded in (("plain", worn.plain), ("normalised", worn.normalised)):
        if occluded is None:
            continue
        yield Table(
            f"With {worn.kind} drawn on {side}, {name}",
            f"At the thresholds of photos without it. A face was not found again in {worn.faces_lost} of {worn.photos} "
            "photos. A drawing covers what the real thing covers, and is not the real thing.",
            ("FMR", "FNMR", "95 %", "times the plain FNMR", "95 %", "with lost faces", "strangers who pass"),
            [
                (
                    rate,
                    share_text(rates.fnmr),
                    interval_text(rates.fnmr_ci95),
                    "–" if rates.ratio is None else f"{rates.ratio:.2f}",
                    _ratio_interval(rates.ratio_ci95),
                    share_text(rates.false_rejections),
                    f"{rates.fmr:.2e}",
                )
                for rate, rates in occluded.at_plain_threshold.items()
            ],
        )


def _ratio_interval(interval: tuple[float, float | None] | None) -> str:
    if interval is None:
        return "–"
    return f"{interval[0]:.2f} – {'?' if interval[1] is None else f'{interval[1]:.2f}'}"


def _search_table(found: Identification) -> Table:
    rows = []
    for name, rates in (("no margin", found.plain), (f"ahead by {found.margin:g}", found.with_margin)):
        for rate, fnir in rates.fnir_at_fpir.items():
            similarity = rates.similarity_at_fpir[rate]
            threshold = (
                "–"
                if similarity is None
                else "none: the margin suffices"
                if similarity < -0.99
                else f"{similarity:.4f}"
            )
            rows.append((name, rate, share_text(fnir), interval_text(rates.fnir_ci95[rate]), threshold))
    return Table(
        "Searching everybody (1:N)",
        f"{found.mated_searches:,} searches of enrolled people and {found.non_mated_searches:,} of people who are not, "
        f"among {found.gallery_people:,} enrolled at a time; the right person comes first in {found.first_share:.2%}. "
        "FPIR: how often a stranger's search names anybody; it grows with the gallery.",
        ("search", "FPIR", "FNIR", "95 % interval (by people)", "threshold"),
        rows,
    )


def _slice_table(found: Evaluation) -> Table:
    rows: list[tuple[str | int, ...]] = []
    for one in found.slices:
        if one.value is None:
            rows.append((one.column, f"{one.values} smaller value(s)", one.people, "–", "not shown", "–", "–", "–"))
            continue
        for rate, rates in one.at_fmr.items():
            fmr = _NOT_ENOUGH if rates.fmr is None else f"{rates.fmr:.2e}"
            ends = "–" if rates.fmr_ci95 is None else f"{rates.fmr_ci95[0]:.1e} – {rates.fmr_ci95[1]:.1e}"
            fnmr, between = share_text(rates.fnmr), interval_text(rates.fnmr_ci95)
            rows.append((one.column, one.value, one.people, rate, fnmr, between, fmr, ends))
    return Table(
        "Slices",
        "At everybody's thresholds: FNMR of the slice's people, FMR between two of them. Intervals hold the "
        f"uncertainty of the slice, not that of the threshold. Fewer than {FEWEST_PEOPLE} people are no slice.",
        ("column", "value", "people", "at FMR", "FNMR", "95 %", "FMR within", "95 %"),
        rows,
    )
