"""An evaluation for the terminal: blocks of a title and named values."""

from __future__ import annotations

from collections.abc import Iterator

from hadir.app.accuracy_report import interval_text, share_text
from hadir.app.evaluation_run import Evaluation, WornResult
from hadir.index.evaluation import Accuracy
from hadir.index.identification import Identification
from hadir.index.slices import FEWEST_PEOPLE, Slice

__all__ = ["summary_of"]

Block = tuple[str, list[tuple[str, str]]]

_SHOWN = 5


def summary_of(found: Evaluation) -> Iterator[Block]:
    """Title and rows of every block, in the order of the page."""
    accuracy = found.accuracy
    yield (
        f"{found.pack.name} {found.pack.precision}: {found.images} photos of {accuracy.people} people, "
        f"{found.failed} without a usable face; "
        f"{accuracy.photos_per_template} photo(s) per template, {accuracy.photos_per_probe} per probe.",
        [
            ("pairs", f"{accuracy.genuine_pairs:,} of one person, {accuracy.impostor_pairs:,} of two"),
            *_rates(accuracy, "cosine similarity"),
        ],
    )
    if found.normalised is not None and found.cohort is not None:
        cohort = found.cohort
        yield (
            f"Skor dinormalkan · normalised against {len(cohort.templates):,} other people "
            f"({cohort.excluded} left out, who are tested here)",
            _rates(found.normalised, "z"),
        )
    if found.worn is not None:
        yield from _worn(found.worn)
    if found.identification is not None:
        yield _searches(found.identification)
    if found.slices:
        yield (
            f"Per kelompok · slices, at everybody's thresholds; fewer than {FEWEST_PEOPLE} people are no slice",
            [row for one in found.slices for row in _slice(one)],
        )
    yield (
        "Paling mirip, orang berbeda · closest pairs of different people: relatives, double ids, wrong folders",
        [
            (f"{pair.similarity:.4f}", " · ".join("/".join(found.photos[photo]) for photo in pair.photos))
            for pair in found.closest[:_SHOWN]
        ],
    )
    yield (
        "Paling lemah, daftarkan ulang · weakest people, to be enrolled again",
        [
            (
                f"{weak.lowest:.4f}",
                f"{found.people[weak.person]}: mean {weak.mean:.4f}; replace first {found.photos[weak.photo][1]}",
            )
            for weak in found.weakest[:_SHOWN]
        ],
    )


def _rates(accuracy: Accuracy, unit: str) -> list[tuple[str, str]]:
    rows = [("EER", f"{accuracy.eer:.2%}")]
    for rate, fnmr in accuracy.fnmr_at_fmr.items():
        similarity = accuracy.similarity_at_fmr[rate]
        if fnmr is None or similarity is None:
            rows.append((f"FNMR at FMR {rate}", "belum cukup data · not enough pairs of two people for this rate"))
            continue
        between = interval_text(accuracy.fnmr_ci95[rate])
        rows.append((f"FNMR at FMR {rate}", f"{fnmr:.2%}, 95 % interval {between}, {unit} {similarity:.4f}"))
    return rows


def _worn(worn: WornResult) -> Iterator[Block]:
    for name, occluded in (("", worn.plain), (", normalised", worn.normalised)):
        if occluded is None:
            continue
        rows = [("faces lost", f"{worn.faces_lost} of {worn.photos} photos")]
        for rate, rates in occluded.at_plain_threshold.items():
            times = "" if rates.ratio is None else f", {rates.ratio:.2f} times the plain FNMR"
            if rates.ratio_ci95 is not None:
                low, high = rates.ratio_ci95
                times += f" ({low:.2f} – {'?' if high is None else f'{high:.2f}'})"
            rows.append(
                (
                    f"FNMR at plain FMR {rate}",
                    f"{share_text(rates.fnmr)}, 95 % interval {interval_text(rates.fnmr_ci95)}{times}; "
                    f"{share_text(rates.false_rejections)} with lost faces; strangers pass {rates.fmr:.1e}",
                )
            )
        side = "probes and templates" if worn.both else "probes"
        yield f"Dengan {worn.kind} yang digambar · with {worn.kind} drawn on {side}{name}", rows


def _searches(found: Identification) -> Block:
    rows = [
        ("searches", f"{found.mated_searches:,} of enrolled people, {found.non_mated_searches:,} of strangers"),
        ("right person first", f"{found.first_share:.2%}"),
    ]
    for name, rates in (("", found.plain), (f", ahead by {found.margin:g}", found.with_margin)):
        for rate, fnir in rates.fnir_at_fpir.items():
            between = "" if fnir is None else f", 95 % interval {interval_text(rates.fnir_ci95[rate])}"
            rows.append((f"FNIR at FPIR {rate}{name}", share_text(fnir) + between))
    return f"Mencari semua orang · searching everybody (1:N), {found.gallery_people:,} enrolled at a time", rows


def _slice(one: Slice) -> Iterator[tuple[str, str]]:
    if one.value is None:
        yield one.column, f"{one.values} value(s) with {one.people} people in all are too small to be shown"
        return
    for rate, rates in one.at_fmr.items():
        fmr = "not enough data" if rates.fmr is None else f"{rates.fmr:.1e}"
        yield (
            f"{one.column} {one.value}",
            f"{one.people} people at FMR {rate}: FNMR {share_text(rates.fnmr)} ({interval_text(rates.fnmr_ci95)}), "
            f"FMR within {fmr}",
        )
