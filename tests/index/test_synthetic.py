"""People who are not real: marked, reproducible, lying where real vectors lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hadir.core.errors import PackError
from hadir.core.vectors import as_unit_vectors, normalise
from hadir.index.synthetic import Statistics, draw_people, read_statistics


@pytest.fixture
def statistics() -> Statistics:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(32, 32))
    return Statistics(np.full(32, 0.15), root @ root.T * 4e-5)


def save(path: Path, mean: NDArray[Any], covariance: NDArray[Any]) -> Path:
    np.savez(path, mean_int8=mean, covariance_int8=covariance)
    return path


def test_the_same_seed_gives_the_same_people(statistics: Statistics) -> None:
    first, again, other = (draw_people(statistics, 50, seed) for seed in (7, 7, 8))
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1] == again[1]
    assert first[0].tobytes() != other[0].tobytes()


def test_everyone_is_flagged_distinct_and_of_unit_norm(statistics: Statistics) -> None:
    vectors, people = draw_people(statistics, 200, seed=1)
    as_unit_vectors(vectors, 32)
    assert len({p.person for p in people}) == len(people) == len(vectors) == 200
    assert all(p.synthetic and p.photos == 1 for p in people)


def test_nobody_can_be_drawn_too(statistics: Statistics) -> None:
    vectors, people = draw_people(statistics, 0, seed=1)
    assert vectors.shape == (0, 32)
    assert vectors.dtype == np.float32
    assert people == []


def test_drawn_people_score_each_other_as_the_people_measured_do(statistics: Statistics) -> None:
    rng = np.random.default_rng(5)
    measured = normalise(rng.multivariate_normal(statistics.mean, statistics.covariance, size=3000))
    known = Statistics(measured.mean(axis=0, dtype=np.float64), np.cov(measured.T, dtype=np.float64))
    drawn, _ = draw_people(known, 3000, seed=1)
    upper = np.triu_indices(3000, k=1)
    shares = [0.1, 0.5, 0.9, 0.99, 0.999]
    ours, theirs = (np.quantile((v @ v.T)[upper], shares) for v in (drawn, measured))
    assert ours == pytest.approx(theirs, abs=0.004)


def test_statistics_come_by_precision(tmp_path: Path, statistics: Statistics) -> None:
    path = save(tmp_path / "s.npz", statistics.mean, statistics.covariance)
    found = read_statistics(path, "int8")
    assert np.array_equal(found.mean, statistics.mean)
    assert np.array_equal(found.covariance, statistics.covariance)
    with pytest.raises(PackError, match="mean_fp16"):
        read_statistics(path, "fp16")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY" + bytes(20)])
def test_statistics_that_are_no_archive_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(PackError, match=r"s\.npz"):
        read_statistics(tmp_path / "s.npz", "int8")


def test_missing_statistics_are_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"none\.npz"):
        read_statistics(tmp_path / "none.npz", "int8")


def test_pickled_statistics_are_never_unpickled(tmp_path: Path) -> None:
    path = save(tmp_path / "s.npz", np.array([{}], dtype=object), np.eye(1))
    with pytest.raises(PackError):
        read_statistics(path, "int8")


@pytest.mark.parametrize(
    ("mean", "covariance"),
    [(np.zeros(3), np.eye(4)), (np.zeros((3, 3)), np.eye(3)), (np.full(3, np.nan), np.eye(3))],
)
def test_statistics_of_the_wrong_shape_or_not_finite_are_refused(
    tmp_path: Path, mean: NDArray[Any], covariance: NDArray[Any]
) -> None:
    with pytest.raises(PackError):
        read_statistics(save(tmp_path / "s.npz", mean, covariance), "int8")


@pytest.mark.parametrize("covariance", [-np.eye(3), np.triu(np.ones((3, 3)))])
def test_a_matrix_that_is_no_covariance_is_refused(covariance: NDArray[Any]) -> None:
    with pytest.raises(PackError, match="semidefinite"):
        draw_people(Statistics(np.ones(3), covariance), 2, seed=0)
