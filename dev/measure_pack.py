"""Everything about the open pack that only photos can tell, over the four face sets named here.

`FACES` is a folder that holds them: `celeb5` and `orl` (activation ranges), `lfw_cohort` (statistics, thresholds,
margin) and `lfw_subset` (error rates on people that nothing was fitted to). In each, the folder right above a photo
names the person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from dev.descriptor_int8 import ActivationRanges, measure_ranges
from dev.face_sets import ChipCutter, EmbeddedSet, chips_of, embed
from dev.pack_statistics import calibration_report, error_report, held_out_report, margin_report, statistics_npz
from hadir.core.errors import InputError
from hadir.faces.descriptor import Descriptor
from hadir.faces.image import Image
from hadir.faces.onnx import Network

__all__ = ["CALIBRATION_SETS", "CHECK_SET", "COHORT_SET", "Figures", "check_faces", "measure", "ranges_of"]

CALIBRATION_SETS = ("celeb5", "orl")
COHORT_SET = "lfw_cohort"
CHECK_SET = "lfw_subset"
DIMENSION = 128

CONDITIONS = (
    "grey press photos of 250x250 px (Labeled Faces in the Wild, deep-funnelled) with faces of about 100 px, no "
    "quality gate, chip and mirror image, cosine similarity, all pairs"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """`statistics` is the content of statistics.npz; the rest goes into the manifest."""

    statistics: bytes
    thresholds: Mapping[str, Mapping[str, Mapping[str, float | None]]]
    measured: Mapping[str, object]


def check_faces(faces: Path) -> None:
    """Raise InputError, naming what is missing, unless `faces` holds the four sets."""
    missing = [name for name in (*CALIBRATION_SETS, COHORT_SET, CHECK_SET) if not (faces / name).is_dir()]
    if missing:
        raise InputError(f"{faces} has no folder {', '.join(missing)}: dev/measure_pack.py says what FACES must hold")


def ranges_of(descriptor: onnx.ModelProto, faces: Path, cutter: ChipCutter) -> ActivationRanges:
    """Activation ranges over every face of the calibration sets."""
    chips = [chip for name in CALIBRATION_SETS for chip in _chips(faces / name, cutter)]
    return measure_ranges(descriptor, chips, f"{len(chips)} chips of {' and '.join(CALIBRATION_SETS)}")


def measure(faces: Path, cutter: ChipCutter, models: Mapping[str, bytes], say: Callable[[str], None]) -> Figures:
    """Statistics, thresholds, margins and error rates of every precision (precision to descriptor model)."""
    descriptors = {
        precision: Descriptor(Network(model, precision, ("output",)), DIMENSION) for precision, model in models.items()
    }
    say(f"embedding {COHORT_SET} and {CHECK_SET} in {' and '.join(models)} (a minute) ...")
    cohort = embed(faces / COHORT_SET, cutter, descriptors)
    check = embed(faces / CHECK_SET, cutter, descriptors)
    thresholds, measured = {}, {}
    for precision in models:
        people = cohort.vectors[precision]
        calibration, report = calibration_report(people)
        thresholds[precision] = calibration.table.similarity
        measured[precision] = {
            "thresholds": report,
            "identify_margin": margin_report(people, calibration),
            "error_rates": {
                COHORT_SET: error_report(people),
                CHECK_SET: error_report(check.vectors[precision]),
            },
            "held_out": held_out_report(check.vectors[precision], calibration),
        }
        say(f"measured {precision}")
    sets = {COHORT_SET: _size(cohort), CHECK_SET: _size(check)}
    return Figures(statistics_npz(cohort.vectors), thresholds, {"conditions": CONDITIONS, "sets": sets, **measured})


def _chips(folder: Path, cutter: ChipCutter) -> Iterator[Image]:
    return (labelled.chip for labelled in chips_of(folder, cutter) if labelled.chip is not None)


def _size(embedded: EmbeddedSet) -> dict[str, int]:
    people = next(iter(embedded.vectors.values()))
    photos = sum(len(vectors) for vectors in people.values())
    return {"people": len(people), "photos": photos, "failed_to_enrol": embedded.failed}
