"""The proof of normalisation: splits that share no photo, thresholds from other people."""

from __future__ import annotations

import numpy as np

from dev.prove_normalisation import Proof, prove
from hadir.core.vectors import Vectors, fuse, normalise
from hadir.index.calibration import impostor_table


def people_of(count: int, photos: int, seed: int) -> dict[str, Vectors]:
    rng = np.random.default_rng(seed)
    return {
        f"p{seed}-{n:03d}": normalise(1 + rng.normal(size=24) + 0.4 * rng.normal(size=(photos, 24)))
        for n in range(count)
    }


def test_every_split_is_counted_at_the_thresholds_of_the_gallery() -> None:
    gallery, tested = people_of(120, 2, 1), people_of(30, 3, 2)
    found = {(p.scale, p.probe_photos, p.template_photos, p.rate): p for p in prove(gallery, tested, k=20)}
    assert {key[1:3] for key in found} == {(1, 1), (1, 2), (2, 1)}
    one = found["cosine", 1, 2, "1e-2"]
    threshold = impostor_table(gallery).table.get("1e-2", "1/2")
    assert threshold is not None
    scores = [float(v[n] @ fuse(np.delete(v, n, axis=0))) for v in tested.values() for n in range(3)]
    assert (one.genuine, one.fnmr) == (90, float(np.mean(np.array(scores) < threshold)))
    assert one.impostors == 90 * 29 * 3
    assert 0 <= one.fmr < 0.05
    assert one.change95 == (0.0, 0.0)
    other = found["as-norm", 1, 2, "1e-2"]
    assert other.change95[0] <= other.fnmr - one.fnmr <= other.change95[1]


def test_nobody_missed_is_not_certainty() -> None:
    exact = {person: np.repeat(vectors, 2, axis=0) for person, vectors in people_of(40, 1, 3).items()}
    first: Proof = next(iter(prove(people_of(120, 1, 1), exact, k=20)))
    assert first.fnmr == 0
    assert first.fnmr95 == (0.0, 1 - 0.025 ** (1 / 40))
