from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.errors import GalleryError, InputError, SpaceMismatch
from hadir.core.evidence import FaceMeasures
from hadir.core.sealed_json import seal, unseal
from hadir.index.gallery import Added, Gallery, open_gallery
from hadir.index.gallery_list import read_list
from hadir.index.parquet import pack_templates, unpack_templates
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template, by_person

Make = Callable[..., Template]

FACE = FaceMeasures((1.0, 2.0, 3.0, 4.5), 120.0, 0.9, 0.99, -3.0, 4.0, 0.5, 88.0, 130.0)


def parts(gallery_folder: Path) -> set[str]:
    return {path.name for path in gallery_folder.glob("part-*")}


def test_templates_come_back_as_they_were_given(tmp_path: Path, space: EmbeddingSpace, template: Make) -> None:
    full = replace(template("a", 1), face=FACE, legal_basis="law 27/2022", notice_version="2", enrolled_at_ms=17)
    bare = template("a", 2)
    store = open_gallery(tmp_path / "g", space)
    store.add([full, bare], space.name)
    found = {t.id: t for t in open_gallery(tmp_path / "g").templates()}
    for given_template in (full, bare):
        back = found[given_template.id]
        assert back.vector.tobytes() == given_template.vector.tobytes()
        assert replace(back, vector=given_template.vector).__repr__() == given_template.__repr__()


def test_templates_are_ordered_by_person_then_photo(gallery: Gallery) -> None:
    keys = [(t.person, t.id) for t in gallery.templates()]
    assert keys == sorted(keys)


def test_the_same_photo_again_is_one_template(gallery: Gallery, template: Make) -> None:
    again = [template("p00", 0), template("p00", 100), template("p00", 100)]
    assert gallery.add(again, "space-a") == Added(added=1, repeated=2)
    assert len(gallery.templates()) == 37


def test_a_repeated_photo_keeps_the_first_enrolment(gallery: Gallery, template: Make) -> None:
    gallery.add([template("p00", 0, at_ms=999)], "space-a")
    assert {t.enrolled_at_ms for t in gallery.templates()} == {1}


def test_one_photo_of_two_people_is_refused_and_nothing_is_written(gallery: Gallery, template: Make) -> None:
    with pytest.raises(InputError, match="another person"):
        gallery.add([template("p99", 500), template("p99", 0)], "space-a")
    assert len(gallery.templates()) == 36


def test_one_photo_twice_in_one_batch_under_two_people_is_refused(gallery: Gallery, template: Make) -> None:
    with pytest.raises(InputError, match="another person"):
        gallery.add([template("p98", 500), template("p99", 500)], "space-a")


def test_vectors_of_another_space_are_refused_by_both_names(gallery: Gallery, template: Make, tmp_path: Path) -> None:
    with pytest.raises(SpaceMismatch, match=r"space-a.*space-b"):
        gallery.add([template("p00", 77)], "space-b")
    with pytest.raises(SpaceMismatch, match=r"space-a.*space-b"):
        open_gallery(tmp_path / "gallery", replace(gallery.space, name="space-b"))


def test_replacing_leaves_only_the_new_templates_of_this_person(gallery: Gallery, template: Make) -> None:
    assert gallery.replace("p03", [template("p03", 200)], "space-a") == 3
    photos = by_person(gallery.templates())
    assert len(photos["p03"]) == 1
    assert sum(len(vectors) for vectors in photos.values()) == 34


def test_replacing_with_templates_of_someone_else_is_refused(gallery: Gallery, template: Make) -> None:
    with pytest.raises(InputError, match="same person"):
        gallery.replace("p03", [template("p04", 200)], "space-a")


def test_a_removed_person_is_in_no_file_any_more(gallery: Gallery, tmp_path: Path) -> None:
    (before,) = parts(tmp_path / "gallery")
    assert gallery.remove("p03") == 3
    assert "p03" not in {t.person for t in gallery.templates()}
    assert before not in parts(tmp_path / "gallery")
    for path in (tmp_path / "gallery").glob("part-*"):
        assert b"p03" not in path.read_bytes()


def test_a_part_that_no_list_names_is_ignored_and_swept_by_the_next_write(
    gallery: Gallery, template: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "gallery"
    for litter in ("part-0000000000000000.parquet", ".gallery.json.1234.tmp"):
        (folder / litter).write_bytes(b"half")
    assert len(gallery.templates()) == 36
    gallery.add([template("p00", 300)], "space-a")
    assert sorted(p.name for p in folder.iterdir() if p.read_bytes() == b"half") == []


def test_a_reader_overtaken_by_a_writer_reads_again(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_list(gallery.storage)
    gallery.remove("p03")
    answers = iter([before])
    monkeypatch.setattr("hadir.index.gallery.read_list", lambda root: next(answers, None) or read_list(root))
    assert len(gallery.templates()) == 33


def test_a_second_writer_is_told_so_at_once(gallery: Gallery, template: Make) -> None:
    with gallery.locked(), pytest.raises(GalleryError, match="another process"):
        gallery.add([template("p00", 300)], "space-a")


@pytest.mark.parametrize("place", [0, 100, -1])
def test_a_flipped_byte_in_a_part_is_found_and_the_file_named(gallery: Gallery, tmp_path: Path, place: int) -> None:
    (name,) = parts(tmp_path / "gallery")
    path = tmp_path / "gallery" / name
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(GalleryError, match=name):
        gallery.templates()


def test_a_missing_part_is_named(gallery: Gallery, tmp_path: Path) -> None:
    (name,) = parts(tmp_path / "gallery")
    (tmp_path / "gallery" / name).unlink()
    with pytest.raises(GalleryError, match=name):
        gallery.templates()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", seal({"schema": 9}), seal({"schema": 2, "space": {}, "parts": []}), b"\xff"],
)
def test_a_list_that_is_none_is_refused(gallery: Gallery, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gallery" / "gallery.json").write_bytes(content)
    with pytest.raises(GalleryError, match=r"gallery\.json"):
        gallery.templates()


def test_a_list_cannot_point_outside_the_gallery(gallery: Gallery, tmp_path: Path) -> None:
    path = tmp_path / "gallery" / "gallery.json"
    document = unseal(path.read_bytes())
    document["parts"][0]["file"] = "../" + document["parts"][0]["file"]
    path.write_bytes(seal(document))
    with pytest.raises(GalleryError, match="is no list"):
        gallery.templates()


def test_any_byte_of_the_list_that_changes_is_found(gallery: Gallery, tmp_path: Path) -> None:
    path = tmp_path / "gallery" / "gallery.json"
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(GalleryError, match=r"gallery\.json"):
            read_list(gallery.storage)


def test_opening_nothing_without_a_space_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no gallery"):
        open_gallery(tmp_path / "none")


@pytest.mark.parametrize("bad", [{"id": "abc"}, {"id": "A" * 64}, {"person": ""}, {"person": "x" * 65}])
def test_malformed_ids_are_refused_without_repeating_them(
    gallery: Gallery, template: Make, bad: dict[str, str]
) -> None:
    with pytest.raises(InputError) as caught:
        gallery.add([replace(template("p00", 300), **bad)], "space-a")  # type: ignore[arg-type]
    assert all(not value or value not in str(caught.value) for value in bad.values())


def test_a_vector_that_is_not_unit_norm_is_refused(gallery: Gallery, template: Make) -> None:
    with pytest.raises(ValueError, match="norm"):
        gallery.add([replace(template("p00", 300), vector=np.full(16, 2.0, dtype=np.float32))], "space-a")


def test_files_are_readable_by_their_owner_only(gallery: Gallery, tmp_path: Path) -> None:
    folder = tmp_path / "gallery"
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


@given(content=st.binary(max_size=200))
def test_bytes_that_are_not_parquet_never_get_past_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="Parquet"):
        unpack_templates(content, EmbeddingSpace("s", 4, "p", "int8", "CC0"))


def test_parquet_of_another_space_is_refused(space: EmbeddingSpace, template: Make) -> None:
    content = pack_templates([template("a", 1)], replace(space, name="space-b"))
    with pytest.raises(ValueError, match="space"):
        unpack_templates(content, space)


def test_the_same_templates_are_the_same_bytes(space: EmbeddingSpace, template: Make) -> None:
    templates = [template("a", 1), template("b", 2)]
    assert pack_templates(templates, space) == pack_templates(templates, space)
