"""`hadir evaluate`: how often a pack mistakes on photos of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, Pack, settings_of
from hadir.app.output import lines, out, print_json, progress

if TYPE_CHECKING:
    from hadir.app.photo_list import PersonPhoto
    from hadir.core.vectors import Vectors
    from hadir.faces.pack import FacePack
    from hadir.index.evaluation import Accuracy

__all__ = ["register"]

_BATCH = 32


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate", epilog="Example:  hadir evaluate photos/ --report accuracy.html")(evaluate)


def evaluate(
    photos: Annotated[Path, typer.Argument(metavar="PHOTOS", help="A folder per person, or a CSV: person,photo.")],
    photos_per_template: Annotated[int, typer.Option(min=1, max=20, help="Fuse the first K photos of a person.")] = 1,
    quality: Annotated[bool, typer.Option("--quality", help="Leave out photos that enrolment would refuse.")] = False,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="An HTML page with the DET plot.")] = None,
    pack: Pack = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Compare all pairs: EER, FNMR at fixed FMRs with 95 % intervals over people, DET curve."""
    from hadir.app.photo_list import list_photos
    from hadir.app.stores import pack_folder
    from hadir.faces.packs import load_pack
    from hadir.index.evaluation import evaluate as evaluated

    settings = settings_of(config)
    listed = list_photos(photos)
    loaded = load_pack(pack_folder(settings, pack), settings.faces.precision if pack is None else "auto")
    vectors, labels = _embed(loaded, listed, quality)
    accuracy = evaluated(vectors, labels, photos_per_template)
    failed = len(listed) - len(labels)
    if report is not None:
        from hadir.app.accuracy_report import write_accuracy_page

        write_accuracy_page(accuracy, loaded.info, photos.name, report)
    if as_json:
        print_json(_document(accuracy, loaded, len(listed), failed))
    else:
        _tell(accuracy, len(listed), failed, report)
    return 0


def _embed(pack: FacePack, listed: list[PersonPhoto], quality: bool) -> tuple[Vectors, list[str]]:
    """Vectors and labels of the photos in which a face is found."""
    from dataclasses import replace

    import numpy as np

    from hadir.app.enrolment import read_photo
    from hadir.faces.pack import ENROLMENT_PHOTOS

    rules = replace(ENROLMENT_PHOTOS, quality=quality)
    vectors, labels = [], []
    with progress("Foto dibandingkan · embedding", len(listed)) as bar:
        for start in range(0, len(listed), _BATCH):
            chunk = listed[start : start + _BATCH]
            for photo, result in zip(chunk, pack.analyse([read_photo(p.path) for p in chunk], rules), strict=True):
                if result.vector is not None:
                    vectors.append(result.vector)
                    labels.append(photo.person)
            bar.advance(bar.task_ids[0], len(chunk))
    stacked = np.stack(vectors) if vectors else np.empty((0, pack.info.dimension), np.float32)
    return stacked, labels


def _document(accuracy: Accuracy, pack: FacePack, images: int, failed: int) -> dict[str, object]:
    return {
        "pack": pack.info.name,
        "precision": pack.info.precision,
        "embedding_space": pack.info.embedding_space,
        "images": images,
        "failed_to_enrol": failed,
        "people": accuracy.people,
        "photos_per_template": accuracy.photos_per_template,
        "pairs_genuine": accuracy.genuine_pairs,
        "pairs_impostor": accuracy.impostor_pairs,
        "eer": accuracy.eer,
        "fnmr_at_fmr": accuracy.fnmr_at_fmr,
        "fnmr_ci95": accuracy.fnmr_ci95,
        "similarity_at_fmr": accuracy.similarity_at_fmr,
        "det": [{"fmr": p.fmr, "fnmr": p.fnmr, "similarity": p.similarity} for p in accuracy.det],
    }


def _tell(accuracy: Accuracy, images: int, failed: int, report: Path | None) -> None:
    out.print(f"{images} photos of {accuracy.people} people, {failed} without a usable face.")
    rows = [
        ("pairs", f"{accuracy.genuine_pairs:,} of one person, {accuracy.impostor_pairs:,} of two"),
        ("EER", f"{accuracy.eer:.2%}"),
    ]
    for rate, fnmr in accuracy.fnmr_at_fmr.items():
        interval, similarity = accuracy.fnmr_ci95[rate], accuracy.similarity_at_fmr[rate]
        if fnmr is None or similarity is None:
            rows.append((f"FNMR at FMR {rate}", "not enough pairs of two people for this rate"))
            continue
        between = f", 95 % interval {interval[0]:.2%} to {interval[1]:.2%}" if interval else ""
        rows.append((f"FNMR at FMR {rate}", f"{fnmr:.2%}{between}, cosine similarity {similarity:.4f}"))
    lines(rows)
    out.print(f"DET plot: {report}" if report else "A page with the DET plot: --report FILE")
