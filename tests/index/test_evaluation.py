"""Error rates against plain loops over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadir.core.errors import InputError
from hadir.core.thresholds import ThresholdTable
from hadir.core.vectors import Vectors, fuse
from hadir.index import scores
from hadir.index.evaluation import evaluate, stranger_rate
from hadir.index.score_histogram import BIN_WIDTH
from tests.index.random_photos import photos_of


def scores_of(vectors: Vectors, labels: list[str], photos: int) -> tuple[list[float], list[float]]:
    """Genuine and impostor scores, one comparison at a time."""
    genuine: list[float] = []
    impostor: list[float] = []
    if photos == 1:
        for i in range(len(labels)):
            for j in range(i):
                (genuine if labels[i] == labels[j] else impostor).append(float(vectors[i] @ vectors[j]))
        return genuine, impostor
    rows = {name: [i for i, label in enumerate(labels) if label == name] for name in dict.fromkeys(labels)}
    templates = {name: fuse(vectors[own[:photos]]) for name, own in rows.items() if len(own) >= photos}
    for name, own in rows.items():
        for row in own[photos if name in templates else 0 :]:
            for other, template in templates.items():
                (genuine if name == other else impostor).append(float(vectors[row] @ template))
    return genuine, impostor


@pytest.mark.parametrize("photos", [1, 2, 3])
def test_every_figure_is_the_definition_counted_one_by_one(photos: int) -> None:
    vectors, labels = photos_of([1 + n % 5 for n in range(90)])
    found = evaluate(vectors, labels, photos)
    genuine, impostor = (np.array(scores) for scores in scores_of(vectors, labels, photos))
    assert (found.genuine_pairs, found.impostor_pairs) == (len(genuine), len(impostor))
    threshold = found.similarity_at_fmr["1e-2"]
    assert threshold is not None
    assert (impostor >= threshold).mean() <= 0.01 < (impostor >= threshold - 2 * BIN_WIDTH).mean() + 1 / len(impostor)
    assert found.fnmr_at_fmr["1e-2"] == pytest.approx((genuine < threshold).mean(), abs=1e-12)
    steps = np.linspace(-1, 1, 20_001)
    gaps = [abs((impostor >= s).mean() - (genuine < s).mean()) for s in steps]
    best = steps[int(np.argmin(gaps))]
    assert found.eer == pytest.approx(((impostor >= best).mean() + (genuine < best).mean()) / 2, abs=0.01)


def test_results_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = photos_of([1 + n % 5 for n in range(40)])
    whole = [evaluate(vectors, labels, photos) for photos in (1, 2)]
    monkeypatch.setattr(scores, "MOST_SCORES", 500)
    assert [evaluate(vectors, labels, photos) for photos in (1, 2)] == whole


def test_a_rate_below_30_over_rate_pairs_is_null_everywhere() -> None:
    vectors, labels = photos_of([2] * 28)
    found = evaluate(vectors, labels)
    assert found.impostor_pairs == 1512
    for figures in (found.fnmr_at_fmr, found.fnmr_ci95, found.similarity_at_fmr):
        assert list(figures) == ["1e-2", "1e-3", "1e-4"]
        assert figures["1e-3"] is None
    enough, too_few = evaluate(*photos_of([2] * 40)), evaluate(*photos_of([2] * 39))
    assert (enough.impostor_pairs, too_few.impostor_pairs) == (3120, 2964)
    assert enough.fnmr_at_fmr["1e-2"] is not None
    assert too_few.fnmr_at_fmr["1e-2"] is None


def test_interval_holds_the_estimate_and_the_same_seed_gives_the_same() -> None:
    vectors, labels = photos_of([4] * 60, spread=0.9)
    first, again, other = (evaluate(vectors, labels, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.fnmr_ci95 != other.fnmr_ci95
    interval, estimate = first.fnmr_ci95["1e-2"], first.fnmr_at_fmr["1e-2"]
    assert interval is not None
    assert estimate is not None
    assert 0 < interval[0] < estimate < interval[1] < 1


def test_no_failure_seen_is_not_no_failure_possible() -> None:
    found = evaluate(*photos_of([2] * 60, spread=0.01))
    assert found.fnmr_at_fmr["1e-2"] == 0
    interval = found.fnmr_ci95["1e-2"]
    assert interval is not None
    assert interval == pytest.approx((0, 1 - 0.025 ** (1 / 60)))


def test_fusing_enrolled_photos_makes_fewer_mistakes() -> None:
    vectors, labels = photos_of([4] * 150, spread=1.0)
    assert evaluate(vectors, labels, 3).eer < evaluate(vectors, labels, 1).eer


def test_det_curve_falls_from_one_end_to_the_other() -> None:
    det = evaluate(*photos_of([3] * 60, spread=0.9)).det
    assert [p.similarity for p in det] == sorted(p.similarity for p in det)
    assert [p.fmr for p in det] == sorted((p.fmr for p in det), reverse=True)
    assert [p.fnmr for p in det] == sorted(p.fnmr for p in det)
    assert (det[0].fmr, det[0].fnmr) == (1, 0)
    assert len(det) > 50


@pytest.mark.parametrize(("sizes", "photos"), [([], 1), ([5], 1), ([1, 1, 1], 1), ([2, 2], 2), ([4, 1], 0)])
def test_photos_that_give_no_pairs_are_refused(sizes: list[int], photos: int) -> None:
    vectors, labels = photos_of(sizes) if sizes else (np.empty((0, 16), dtype=np.float32), [])
    with pytest.raises(InputError):
        evaluate(vectors, labels, photos)


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 4), min_size=2, max_size=12), photos=st.integers(1, 3))
def test_the_number_of_pairs_is_known_before_they_are_compared(sizes: list[int], photos: int) -> None:
    vectors, labels = photos_of(sizes)
    genuine, impostor = scores_of(vectors, labels, photos)
    if genuine and impostor:
        found = evaluate(vectors, labels, photos)
        assert (found.genuine_pairs, found.impostor_pairs) == (len(genuine), len(impostor))
    else:
        with pytest.raises(InputError, match=f"{len(genuine)} pairs of one person and {len(impostor)} of two"):
            evaluate(vectors, labels, photos)


TABLE = ThresholdTable(
    {"1e-1": {"1/1": 0.5}, "1e-2": {"1/1": 0.6}, "1e-3": {"1/1": 0.7, "1/3": 0.8}, "1e-4": {"1/1": None}}
)


@pytest.mark.parametrize(("similarity", "rate"), [(0.49, None), (0.5, 1e-1), (0.65, 1e-2), (0.7, 1e-3), (0.99, 1e-3)])
def test_a_stranger_is_as_rare_as_the_rarest_supported_rate_reached(similarity: float, rate: float | None) -> None:
    assert stranger_rate(similarity, TABLE) == rate


def test_strangers_are_judged_by_their_own_cell() -> None:
    assert stranger_rate(0.75, TABLE, 1, 3) is None
    assert stranger_rate(0.85, TABLE, 1, 3) == 1e-3
    assert stranger_rate(0.85, TABLE, 2, 2) is None
