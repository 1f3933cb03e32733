"""What is compared with what: no photo with itself, none in two places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadir.core.errors import InputError
from hadir.core.vectors import fuse
from hadir.index.comparisons import among, compare_templates, normalised, worn
from hadir.index.evaluation import assess, lay_out
from hadir.index.normalisation import as_norm, cohort_statistics
from hadir.index.scores import score
from tests.index.random_photos import photos_of

sizes = st.lists(st.integers(0, 7), min_size=1, max_size=9).filter(any)


@settings(max_examples=60, deadline=None)
@given(sizes=sizes, photos=st.integers(1, 4), per_probe=st.integers(1, 4))
def test_no_photo_is_used_twice_and_none_of_two_people_together(sizes: list[int], photos: int, per_probe: int) -> None:
    vectors, labels = photos_of(sizes)
    owners = np.unique(labels, return_inverse=True)[1].astype(np.int32)
    found = compare_templates(vectors, owners, photos, per_probe)
    used = np.concatenate([found.probe_rows.ravel(), found.template_rows.ravel()])
    assert len(used) == len(set(used.tolist()))
    for rows, whose, fused in (
        (found.probe_rows, found.probe_owners, found.probes),
        (found.template_rows, found.template_owners, found.templates),
    ):
        assert (owners[rows] == whose[:, None]).all()
        assert all(np.allclose(fused[n], fuse(vectors[row])) for n, row in enumerate(rows))
    for size, person in zip([s for s in sizes if s], range(found.people), strict=True):
        enrolled = photos if size >= photos else 0
        assert found.template_counts[person] == (enrolled > 0)
        assert found.probe_counts[person] == (size - enrolled) // per_probe


def test_probes_of_several_photos_make_fewer_mistakes() -> None:
    vectors, labels = photos_of([6] * 120, spread=1.4)
    single, double = (assess(lay_out(vectors, labels, 3, p)) for p in (1, 2))
    assert double.photos_per_probe == 2
    assert double.genuine_pairs == 120
    assert double.eer < single.eer


def test_normalised_scores_are_z_of_the_same_comparisons() -> None:
    vectors, labels = photos_of([3] * 20)
    cohort = photos_of([1] * 60, seed=7)[0]
    compared = lay_out(vectors, labels, 2)
    z = normalised(compared, cohort, 10)
    probes, templates = (cohort_statistics(v, cohort, 10) for v in (compared.probes, compared.templates))
    expected = [
        float(as_norm(float(compared.probes[p] @ compared.templates[t]), *probes[p], *templates[t]))
        for p in range(20)
        for t in range(20)
        if compared.probe_owners[p] == compared.template_owners[t]
    ]
    assert score(z).genuine * z.unit == pytest.approx(expected, abs=1e-3)
    assert assess(z).genuine_pairs == assess(compared).genuine_pairs


def test_a_cohort_without_spread_is_refused() -> None:
    vectors, labels = photos_of([3] * 20)
    with pytest.raises(InputError, match="a folder of more people"):
        normalised(lay_out(vectors, labels), np.repeat(vectors[:1], 50, axis=0), 10)


def test_what_is_worn_is_compared_with_every_other_photo_but_not_with_its_own() -> None:
    vectors, labels = photos_of([3, 2, 1])
    plain = lay_out(vectors, labels)
    other = photos_of([3, 2, 1], seed=1)[0]
    found = np.array([True, False, True, True, True, True])
    compared = worn(plain, vectors, other, found, both=False)
    assert compared.genuine_pairs == len(score(compared).genuine) == 2 * 2 + 2
    assert compared.impostor_pairs == 2 * 3 + 2 * 4 + 5
    same = [float(other[a] @ vectors[b]) for a, b in ((0, 1), (0, 2), (2, 0), (2, 1), (3, 4), (4, 3))]
    assert sorted(score(compared).genuine.tolist()) == pytest.approx(sorted(same))


def test_worn_on_both_sides_leaves_out_templates_without_a_face() -> None:
    vectors, labels = photos_of([3, 3, 3])
    plain = lay_out(vectors, labels, 2)
    found = np.ones(9, dtype=bool)
    found[[0, 5]] = False
    compared = worn(plain, vectors, vectors, found, both=True)
    assert compared.template_owners.tolist() == [1, 2]
    assert compared.probe_owners.tolist() == [0, 2]
    assert (compared.genuine_pairs, compared.impostor_pairs) == (1, 3)


def test_comparisons_among_some_keep_their_people_and_lose_the_rest() -> None:
    vectors, labels = photos_of([3, 2, 2, 4])
    plain = lay_out(vectors, labels)
    some = among(plain, np.array([True, False, False, True]))
    assert (some.genuine_pairs, some.impostor_pairs) == (3 + 6, 12)
    assert set(score(some).genuine_owners.tolist()) == {0, 3}
    assert int(score(some).impostor.sum()) == 12
