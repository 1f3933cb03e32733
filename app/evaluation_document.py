"""An evaluation for machines: one JSON document, every rate a fraction, null where the data do not suffice."""

from __future__ import annotations

from dataclasses import asdict

from hadir.app.evaluation_run import Evaluation, WornResult
from hadir.index.evaluation import Accuracy
from hadir.index.identification import Identification
from hadir.index.occluded import Occluded
from hadir.index.slices import FEWEST_PEOPLE, Slice

__all__ = ["document_of"]


def document_of(found: Evaluation) -> dict[str, object]:
    """Keys that were not asked for are absent."""
    pack, accuracy = found.pack, found.accuracy
    document: dict[str, object] = {
        "pack": pack.name,
        "precision": pack.precision,
        "embedding_space": pack.embedding_space,
        "images": found.images,
        "failed_to_enrol": found.failed,
        **_accuracy(accuracy),
        "det": _det(accuracy),
        "score_histogram": asdict(accuracy.shape),
    }
    if found.normalised is not None and found.cohort is not None:
        document["cohort"] = {
            "people": len(found.cohort.templates),
            "excluded_because_tested": found.cohort.excluded,
            "nearest": found.cohort.nearest,
        }
        document["normalised"] = {
            **_accuracy(found.normalised),
            "det": _det(found.normalised),
            "score_histogram": asdict(found.normalised.shape),
        }
    document["identification"] = _identification(found.identification)
    document["closest_impostors"] = [
        {
            "similarity": pair.similarity,
            "people": [found.people[person] for person in pair.people],
            "photos": ["/".join(found.photos[photo]) for photo in pair.photos],
        }
        for pair in found.closest
    ]
    document["weakest_people"] = [
        {
            "person": found.people[weak.person],
            "lowest_similarity": weak.lowest,
            "mean_similarity": weak.mean,
            "comparisons": weak.comparisons,
            "photo_to_replace": "/".join(found.photos[weak.photo]),
        }
        for weak in found.weakest
    ]
    if found.slices:
        document["fewest_people_in_a_slice"] = FEWEST_PEOPLE
        document["slices"] = [_slice(one) for one in found.slices]
    if found.worn is not None:
        document["occlusion"] = _worn(found.worn)
    return document


def _accuracy(accuracy: Accuracy) -> dict[str, object]:
    return {
        "people": accuracy.people,
        "photos_per_template": accuracy.photos_per_template,
        "photos_per_probe": accuracy.photos_per_probe,
        "pairs_genuine": accuracy.genuine_pairs,
        "pairs_impostor": accuracy.impostor_pairs,
        "eer": accuracy.eer,
        "fnmr_at_fmr": accuracy.fnmr_at_fmr,
        "fnmr_ci95": accuracy.fnmr_ci95,
        "similarity_at_fmr": accuracy.similarity_at_fmr,
    }


def _det(accuracy: Accuracy) -> list[dict[str, float]]:
    return [{"fmr": p.fmr, "fnmr": p.fnmr, "similarity": p.similarity} for p in accuracy.det]


def _identification(found: Identification | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "gallery_people": found.gallery_people,
        "searches_mated": found.mated_searches,
        "searches_non_mated": found.non_mated_searches,
        "first_share": found.first_share,
        **asdict(found.plain),
        "with_margin": {"margin": found.margin, **asdict(found.with_margin)},
    }


def _slice(one: Slice) -> dict[str, object]:
    if one.value is None:
        return {"column": one.column, "value": None, "values_too_small": one.values, "people": one.people}
    return {
        "column": one.column,
        "value": one.value,
        "people": one.people,
        "pairs_genuine": one.genuine_pairs,
        "pairs_impostor": one.impostor_pairs,
        "at_fmr": {rate: asdict(rates) for rate, rates in one.at_fmr.items()},
    }


def _worn(worn: WornResult) -> dict[str, object]:
    document: dict[str, object] = {
        "kind": worn.kind,
        "drawn": True,
        "on": "probe and template" if worn.both else "probe",
        "photos": worn.photos,
        "faces_not_found": worn.faces_lost,
        **_occluded(worn.plain),
    }
    if worn.normalised is not None:
        document["normalised"] = _occluded(worn.normalised)
    return document


def _occluded(occluded: Occluded) -> dict[str, object]:
    return {
        "pairs_lost": occluded.lost,
        "at_plain_threshold": {rate: asdict(rates) for rate, rates in occluded.at_plain_threshold.items()},
        "at_own_threshold": {**_accuracy(occluded.accuracy), "det": _det(occluded.accuracy)},
    }
