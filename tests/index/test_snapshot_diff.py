"""Who came, who left and whose photos are others, between two snapshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.errors import SnapshotError
from hadir.index.gallery import Gallery
from hadir.index.people import EnrolledPerson
from hadir.index.snapshot_build import build_snapshot
from hadir.index.snapshot_diff import diff_people, enrolled
from hadir.index.synthetic import Statistics, draw_people
from hadir.index.templates import Template


def test_people_and_photos_that_changed_are_told_apart(
    tmp_path: Path, gallery: Gallery, template: Callable[..., Template]
) -> None:
    before = enrolled(build_snapshot(tmp_path, gallery, 1, "0.1.0"))
    gallery.remove("p03")
    gallery.add([template("p05", 100), template("p99", 101)], "space-a")
    after = enrolled(build_snapshot(tmp_path, gallery, 1, "0.1.0"))
    found = diff_people(before.people, after.people)
    assert (found.gained, found.lost, found.changed, found.unchanged) == (("p99",), ("p03",), ("p05",), 10)
    assert (found.templates_before, found.templates_after) == (36, 35)


def test_synthetic_people_are_nobodys_gain(tmp_path: Path, gallery: Gallery) -> None:
    drawn = draw_people(Statistics(np.full(16, 0.2), np.eye(16) * 0.01), 5, seed=1)
    folder = build_snapshot(tmp_path, gallery, 1, "0.1.0", synthetic=drawn)
    assert len(enrolled(folder).people) == 12


def test_an_altered_list_of_people_is_refused_by_name(tmp_path: Path, gallery: Gallery) -> None:
    folder = build_snapshot(tmp_path, gallery, 1, "0.1.0")
    content = bytearray((folder / "people.json").read_bytes())
    content[20] ^= 1
    (folder / "people.json").write_bytes(content)
    with pytest.raises(SnapshotError, match=r"people\.json was altered"):
        enrolled(folder)


people = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["x", "y"]))


@given(people, people)
def test_everybody_is_counted_once_and_the_way_back_mirrors_it(old: dict[str, str], new: dict[str, str]) -> None:
    blank = EnrolledPerson("", 1)
    before, after = (
        {name: replace(blank, person=name, digest=digest) for name, digest in side.items()} for side in (old, new)
    )
    there, back = diff_people(before, after), diff_people(after, before)
    assert len(there.gained) + len(there.changed) + there.unchanged == len(after)
    assert len(there.lost) + len(there.changed) + there.unchanged == len(before)
    assert (there.gained, there.lost, there.changed) == (back.lost, back.gained, back.changed)
