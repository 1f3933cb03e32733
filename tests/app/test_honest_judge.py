"""An honest comparison is judged as the snapshot would judge it: in its own scale, at its own thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hadir.app.honest_judge import HonestJudge
from hadir.app.wiring import Serving
from hadir.core.evidence import AppliedThreshold
from hadir.core.thresholds import Thresholds, ThresholdTable
from hadir.core.vectors import Vectors, normalise
from hadir.faces.pack import PackInfo
from hadir.index.calibration import Calibration
from hadir.index.flat import build_flat_index
from hadir.index.manifest import Manifest
from hadir.index.people import EnrolledPerson
from hadir.index.search import SearchResult
from hadir.index.snapshot import Snapshot
from hadir.index.space import EmbeddingSpace
from hadir.index.template_cohorts import TemplateCohorts, template_statistics
from hadir.pipeline.stage_spec import StageSpec

PEOPLE = [EnrolledPerson(f"p{n:02d}", 1) for n in range(40)]
K = 5
SPACE = EmbeddingSpace("space", 8, "pack", "fp32", "CC0-1.0")


@pytest.fixture(scope="module")
def enrolled() -> Vectors:
    return normalise(1 + 0.5 * np.random.default_rng(0).normal(size=(40, 8)))


def served(enrolled: Vectors, cosine: float | None, z: float | None, normalised: bool = True) -> Serving:
    table = ThresholdTable({"1e-3": {"1/1": cosine}})
    scaled = ThresholdTable({"1e-3": {"1/1": z}}) if normalised else None
    manifest = Manifest("0" * 16, SPACE, 40, 40, 0, {}, 0, "0")
    cohorts = TemplateCohorts(K, PEOPLE, template_statistics(enrolled, K)) if normalised else None
    snapshot = Snapshot(manifest, build_flat_index(enrolled, PEOPLE, "space"), Calibration(table, {}, {}), cohorts)
    pack = PackInfo("pack", "CC0-1.0", "space", 8, "fp32", ThresholdTable({}), 0.02)
    return Serving(
        pack, snapshot, Thresholds(table, ThresholdTable({}), scaled), StageSpec("pack", "auto", str(Path()))
    )


@pytest.fixture
def probes(enrolled: Vectors) -> Vectors:
    return normalise(enrolled + 0.2 * np.random.default_rng(1).normal(size=(40, 8)))


def judged(serving: Serving, probes: Vectors, templates: Vectors) -> list[bool]:
    everybody = [one.person for one in PEOPLE]
    found: list[bool] = HonestJudge(serving, 1e-3)(probes, templates, np.ones(40, dtype=np.int64), everybody).tolist()
    return found


def test_a_cosine_passes_from_the_snapshots_threshold_on(enrolled: Vectors, probes: Vectors) -> None:
    cosines = (probes * enrolled).sum(axis=1)
    needed = float(np.sort(cosines)[9:11].mean())
    found = judged(served(enrolled, needed, None, normalised=False), probes, enrolled)
    assert found == (cosines >= needed).tolist()
    assert sum(found) == 30


def test_where_the_snapshot_normalises_the_z_of_its_own_search_decides(enrolled: Vectors, probes: Vectors) -> None:
    """The template of a single photo is the one that the index holds, so both ways give one z."""
    serving = served(enrolled, None, 3.0)
    index, cohorts = serving.snapshot.index, serving.snapshot.cohorts
    assert cohorts is not None
    answers = index.search(probes, [one.person for one in PEOPLE], "space", cohort=K + 1)
    z = [_z(cohorts.normalised(answer)) for answer in answers]
    for needed in np.quantile(z, [0.1, 0.5, 0.9]):
        found = judged(served(enrolled, None, float(needed) + 1e-4), probes, enrolled)
        assert found == [one >= needed + 1e-4 for one in z]


def _z(answer: SearchResult) -> float:
    assert answer.claimed is not None
    assert answer.claimed.normalised is not None
    return answer.claimed.normalised


def test_where_z_is_not_supported_the_cosine_decides(enrolled: Vectors, probes: Vectors) -> None:
    cosines = (probes * enrolled).sum(axis=1)
    needed = float(np.median(cosines))
    assert judged(served(enrolled, needed, None), probes, enrolled) == (cosines >= needed).tolist()


def test_nobody_passes_where_nothing_supports_the_rate(enrolled: Vectors, probes: Vectors) -> None:
    assert not any(judged(served(enrolled, None, None), probes, enrolled))
    assert AppliedThreshold(1e-3, "1/1", None, "none") == served(enrolled, None, None).thresholds.at(1e-3, 1, 1)
