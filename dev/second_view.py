"""Is the mirror image needed for every check-in? One rule over both views, against two views always.

The rule in question: a check-in passes where its first view alone clears a mark that only `share` of the allowed false
matches reach; else the mirror image is added, and both together must reach a threshold that makes the whole rule's
false match rate the allowed one. So nobody is refused, doubted or accused by one view.

`python -m dev.second_view FACES` looks at `lfw_subset` and `lfw_cohort` of that folder and prints error rates, and how
often the second view would be computed. Templates are of two views, always: they are made once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dev.face_sets import ChipCutter, chips_of
from hadir.core.vectors import Vectors, normalise
from hadir.faces.image import Image
from hadir.faces.manifest import read_manifest
from hadir.faces.onnx import Network
from hadir.faces.open_pack import shipped_folder

__all__ = ["JointRule", "Scores", "joint_rule", "scores_of"]

SETS = ("lfw_subset", "lfw_cohort")
RATES = (1e-3, 1e-4)
SHARES = (0.5, 0.2, 0.1)
MOST_TEMPLATE_PHOTOS = 3
_STEPS = 40
_TOGETHER = 8


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Cosines of the same comparisons by one view and by both, (N,) each, of genuine and of impostor pairs."""

    genuine_one: NDArray[np.float64]
    genuine_two: NDArray[np.float64]
    impostor_one: NDArray[np.float64]
    impostor_two: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JointRule:
    """`fnmr_*`: genuine pairs refused by one view, by both, and by the rule, at the same false match rate;
    `second_views`: genuine pairs whose first view is not enough."""

    fnmr_one: float
    fnmr_two: float
    fnmr_joint: float
    second_views: float


def joint_rule(scores: Scores, fmr: float, share: float) -> JointRule:
    """The rule calibrated as one: its threshold is the lowest at which both ways to pass let `fmr` through together."""
    one, two = (float(np.quantile(s, 1 - fmr)) for s in (scores.impostor_one, scores.impostor_two))
    clear = float(np.quantile(scores.impostor_one, 1 - fmr * share))
    low, high = two - 0.05, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        passes = np.mean((scores.impostor_one >= clear) | (scores.impostor_two >= middle))
        low, high = (low, middle) if passes <= fmr else (middle, high)
    unclear = scores.genuine_one < clear
    return JointRule(
        fnmr_one=float(np.mean(scores.genuine_one < one)),
        fnmr_two=float(np.mean(scores.genuine_two < two)),
        fnmr_joint=float(np.mean(unclear & (scores.genuine_two < high))),
        second_views=float(np.mean(unclear)),
    )


def scores_of(people: Mapping[str, NDArray[np.float32]], template_photos: int) -> Scores:
    """`people` is person to (photos, 2, D), the raw descriptor of each view. The first photos make the template; later
    ones, and one photo of everybody who has no template, are the probes."""
    enrolled = {name: at for at, name in enumerate(n for n in sorted(people) if len(people[n]) >= template_photos)}
    templates = normalise(
        np.stack([_both(people[name][:template_photos]).mean(axis=0, dtype=np.float64) for name in enrolled])
    )
    probes = [
        (photo, enrolled.get(name, -1))
        for name in sorted(people)
        for photo in (people[name][template_photos:] if name in enrolled else people[name][:1])
    ]
    views = np.stack([photo for photo, _ in probes])
    one, two = (vectors @ templates.T for vectors in (normalise(views[:, 0]), _both(views)))
    own = np.array([column for _, column in probes])
    known = np.flatnonzero(own >= 0)
    other = np.ones(one.shape, dtype=bool)
    other[known, own[known]] = False
    genuine = (known, own[known])
    return Scores(*(scores.astype(np.float64) for scores in (one[genuine], two[genuine], one[other], two[other])))


def _both(views: NDArray[np.float32]) -> Vectors:
    return normalise(views.sum(axis=1))


def _people(faces: Path) -> dict[str, NDArray[np.float32]]:
    """Every photo's two raw descriptors, by the shipped int8 model."""
    weights = shipped_folder()
    file = read_manifest(weights).descriptor.int8
    network = Network((weights / file).read_bytes(), file, ("output",))
    found: dict[str, list[NDArray[np.float32]]] = {}
    for name in SETS:
        for labels, chips in _batches(faces / name):
            for label, views in zip(labels, _raw(network, chips), strict=True):
                found.setdefault(label, []).append(views)
    return {person: np.stack(photos) for person, photos in found.items()}


def _batches(folder: Path) -> Iterator[tuple[list[str], list[Image]]]:
    labels, chips = [], []
    for item in chips_of(folder, ChipCutter(shipped_folder())):
        if item.chip is not None:
            labels.append(item.person)
            chips.append(item.chip)
        if len(chips) == _TOGETHER:
            yield labels, chips
            labels, chips = [], []
    if chips:
        yield labels, chips


def _raw(network: Network, chips: list[Image]) -> NDArray[np.float32]:
    """(N, 2, D)."""
    straight = np.stack([chip.transpose(2, 0, 1) for chip in chips]).astype(np.float32)
    views = np.stack([straight, straight[..., ::-1]], axis=1).reshape(-1, *straight.shape[1:])
    outputs = network.run(np.ascontiguousarray(views))[0]
    return outputs.reshape(len(chips), 2, -1)


def _main(arguments: list[str]) -> None:
    (faces,) = arguments
    people = _people(Path(faces))
    for photos in range(1, MOST_TEMPLATE_PHOTOS + 1):
        scores = scores_of(people, photos)
        pairs = f"{len(scores.genuine_one):,} genuine and {len(scores.impostor_one):,} impostor pairs"
        print(f"templates of {photos}: {pairs}")
        for fmr in RATES:
            for share in SHARES:
                rule = joint_rule(scores, fmr, share)
                print(
                    f"  FMR {fmr:g}: refused by one view {rule.fnmr_one:.2%}, both {rule.fnmr_two:.2%}, the rule with "
                    f"{share:g} of the rate for the first view {rule.fnmr_joint:.2%}; second view for "
                    f"{rule.second_views:.1%}"
                )


if __name__ == "__main__":
    _main(sys.argv[1:])
