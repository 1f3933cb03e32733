"""Who takes part in a demo with one's own photos, and what is said about who does not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hadir.app.demo_people import people_in_folder
from hadir.core.errors import InputError


def folders_of(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / name / "a.png"), np.full((90, 90, 3), 200, np.uint8))
    return folder


def test_who_is_which_id_and_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    folder = folders_of(tmp_path, "ani", "budi", "citra", "dewi")
    (folder / "ani" / "b.heic").write_bytes(b"no photo")
    (folder / "ani" / "notes.txt").write_text("no photo either")
    people = people_in_folder(folder, said.append)
    assert [(person.person, len(person.photos)) for person in people] == [(f"P0000{n}", 1) for n in range(1, 5)]
    assert said[:2] == ["ani/b.heic cannot be read as a photo, and is left out", "P00001 = ani"]
    assert len(said) == 5


def test_only_the_first_64_take_part_and_that_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    people = people_in_folder(folders_of(tmp_path, *(f"p{n:02d}" for n in range(65))), said.append)
    assert len(people) == 64
    assert "the first 64 of 65 people take part" in said[-1]


def test_a_level_between_is_passed_over_aloud(tmp_path: Path) -> None:
    said: list[str] = []
    folder = folders_of(tmp_path, *(f"{half}/{name}" for half in ("test", "train") for name in "abcd"))
    assert len(people_in_folder(folder, said.append)) == 4
    assert "the people are the folders of test/ alone" in said[0]


def test_too_few_people_are_refused_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one sub-folder per person"):
        people_in_folder(folders_of(tmp_path, "ani"), lambda _: None)
