"""What holds for vectors of real people only: the shipped pack on the shared test photos."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hadir.core.vectors import Vectors
from hadir.faces.pack import ENROLMENT_PHOTOS, PhotoRules
from hadir.faces.packs import load_pack
from hadir.index.evaluation import evaluate
from hadir.index.synthetic import draw_people, read_statistics

pytestmark = pytest.mark.models

DATA = Path(os.environ.get("HADIR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
LARGEST_FACE = PhotoRules(ENROLMENT_PHOTOS.shortest_side_px, allow_pgm=True, quality=False)
MEASURED_PEOPLE = 600


def vectors_of(photos: list[Path]) -> tuple[Vectors, list[str]]:
    results = load_pack("open").analyse([photo.read_bytes() for photo in photos], LARGEST_FACE)
    found = [(photo.parent.name, r.vector) for photo, r in zip(photos, results, strict=True) if r.vector is not None]
    return np.stack([vector for _, vector in found]), [label for label, _ in found]


def folder(name: str) -> Path:
    path = DATA / "faces" / name
    if not path.is_dir():
        pytest.skip(f"the test photos {path.name} are not here: set HADIR_TEST_DATA to the folder that holds faces/")
    return path


@pytest.fixture(scope="module")
def subset() -> tuple[Vectors, list[str]]:
    return vectors_of(sorted(folder("lfw_subset").glob("*/*.jpg")))


def test_open_pack_errs_as_rarely_as_its_model_card_says(subset: tuple[Vectors, list[str]]) -> None:
    found = evaluate(*subset)
    assert (found.images, found.people) == (600, 150)
    assert (found.genuine_pairs, found.impostor_pairs) == (900, 178_800)
    assert found.eer <= 0.011


def test_three_enrolled_photos_err_no_more_often_than_one(subset: tuple[Vectors, list[str]]) -> None:
    assert evaluate(*subset, photos_per_template=3).eer <= evaluate(*subset).eer


def test_synthetic_people_score_each_other_as_real_people_do() -> None:
    people = sorted(folder("lfw_cohort").iterdir())[:MEASURED_PEOPLE]
    real, _ = vectors_of([min(person.glob("*.jpg")) for person in people if person.is_dir()])
    pack = load_pack("open").info
    assert pack.statistics is not None
    drawn, _ = draw_people(read_statistics(pack.statistics, pack.precision), len(real), seed=0)
    pairs = np.triu_indices(len(real), k=1)
    ours, theirs = (np.quantile((v @ v.T)[pairs], [0.5, 0.9, 0.99, 0.999]) for v in (drawn, real))
    assert np.abs(ours - theirs).max() < 0.01
    assert np.abs(ours - theirs)[:3].max() < 0.0075
