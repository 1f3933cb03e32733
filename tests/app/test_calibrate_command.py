"""`hadir calibrate` and `hadir index build --normalisation`: for people, for machines and as a page."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from hadir.core.thresholds import CELLS, RATES
from hadir.core.vectors import normalise
from hadir.faces.packs import load_pack
from hadir.index.galleries import gallery_at
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.synthetic import draw_people, read_statistics
from hadir.index.templates import Template
from tests.app.command_line import hadir

PEOPLE = 320


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn vectors of the open pack's space, two photos each, enrolled as if they were people."""
    info = load_pack("open").info
    assert info.statistics is not None
    space = EmbeddingSpace(info.embedding_space, info.dimension, info.name, info.precision, info.licence)
    vectors, _ = draw_people(read_statistics(info.statistics, info.precision), PEOPLE, seed=1)
    noise = np.random.default_rng(2).normal(scale=0.015, size=(2, *vectors.shape))
    root = tmp_path_factory.mktemp("calibrate") / "gallery"
    gallery_at(Storage(str(root)), space).add(
        [
            Template(sha256(f"{person}/{photo}".encode()).hexdigest(), f"p{person:04d}", vector, 1)
            for photo in (0, 1)
            for person, vector in enumerate(normalise(vectors + noise[photo]))
        ],
        space.name,
    )
    return root


def test_every_rate_and_cell_is_told_to_machines(gallery: Path) -> None:
    told = hadir("calibrate", "--gallery", gallery, "--normalisation", "on", "--json")
    assert (told.code, told.err) == (0, "")
    found = told.document()
    assert (found["people"], found["templates"]) == (PEOPLE, 2 * PEOPLE)
    for part in ("similarity_at_fmr", "similarity_ci95", "z_at_fmr", "z_ci95", "pack_similarity_at_fmr"):
        assert set(found[part]) == set(RATES)
        assert all(set(cells) == set(CELLS) for cells in found[part].values())
    assert found["comparisons"]["1/1"] == 2 * PEOPLE * (PEOPLE - 1)
    low, high = found["similarity_ci95"]["1e-3"]["1/1"]
    assert low < found["similarity_at_fmr"]["1e-3"]["1/1"] < high
    low, high = found["z_ci95"]["1e-3"]["1/1"]
    assert low < found["z_at_fmr"]["1e-3"]["1/1"] < high
    assert found["similarity_at_fmr"]["1e-5"]["1/1"] is None, "fewer than 30/FMR comparisons"
    assert found["pack_similarity_at_fmr"]["1e-3"]["1/1"] == load_pack("open").info.thresholds.get("1e-3", "1/1")
    assert (found["normalisation"]["on"], found["normalisation"]["reason"]) == (True, "asked")


def test_people_read_the_rates_of_the_policy(gallery: Path) -> None:
    told = hadir("calibrate", "--gallery", gallery)
    assert told.code == 0
    assert "mati · off: fewer than 1000 people" in told.out
    assert "accept_fmr 1e-3" in told.out
    assert re.search(r"1/1 +0\.\d{4} cosine \(0\.\d{4} to 0\.\d{4}\); pack 0\.\d{4}", told.out)
    assert "data kurang · not enough data" in told.out
    assert " z " not in told.out


def test_the_page_is_one_file_without_outside_references(gallery: Path, tmp_path: Path) -> None:
    page = tmp_path / "calibration.html"
    assert hadir("calibrate", "--gallery", gallery, "--normalisation", "on", "--report", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 2, "cosines and normalised scores"
    assert not re.search(r"(?:src|href)=[\"']https?:", text)
    assert "identify_fmr: FMR 1e-4" in text


def test_a_build_keeps_what_was_asked_and_show_tells_it(gallery: Path, tmp_path: Path) -> None:
    built = hadir(
        "index", "build", "--gallery", gallery, "--snapshots", tmp_path / "s", "--normalisation", "on", "--json"
    ).document()
    assert built["normalisation"]["on"] is True
    assert built["normalisation"]["z_at_fmr"]["1e-2"]["1/1"] is not None
    told = hadir("index", "show", tmp_path / "s")
    assert "aktif · on (AS-norm, 60 nearest): as asked for" in told.out


def test_on_with_too_few_people_is_one_sentence(tmp_path: Path, gallery: Path) -> None:
    info = load_pack("open").info
    space = EmbeddingSpace(info.embedding_space, info.dimension, info.name, info.precision, info.licence)
    one = Template("0" * 64, "p", np.eye(info.dimension, dtype=np.float32)[0], 1)
    gallery_at(Storage(str(tmp_path / "few")), space).add([one], space.name)
    refused = hadir("calibrate", "--gallery", tmp_path / "few", "--normalisation", "on")
    assert refused.code == 1
    assert "62 people or more, this gallery has 1" in refused.problem()
    assert hadir("calibrate", "--gallery", gallery, "--normalisation", "maybe").code == 2
