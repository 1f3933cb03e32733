"""`make pack` says in one line what it lacks, and touches nothing before it knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dev.golden import golden_photo
from dev.make_pack import CACHE, main
from dev.parity import crops_of, require
from dev.registry_packages import PARTS, sha256_of
from hadir.core.errors import PackError
from hadir.faces.open_pack import shipped_folder


def test_a_folder_without_the_face_sets_ends_with_one_line_that_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "orl").mkdir()
    assert main(["--faces", str(tmp_path)]) == 1
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == 1
    assert "has no folder celeb5, lfw_cohort, lfw_subset" in written.err


def test_an_unknown_option_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--fast"])
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_parity_inputs_are_the_same_on_every_run_and_half_of_them_are_faces() -> None:
    first, second = (crops_of(golden_photo(), 64, count=4, seed=0) for _ in range(2))
    assert first.shape == (4, 64, 64, 3)
    assert (first == second).all()


def test_a_difference_beyond_tolerance_is_an_error_that_names_it() -> None:
    require(True, "short.onnx differs")
    with pytest.raises(PackError, match=r"short\.onnx differs"):
        require(False, "short.onnx differs")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A copy of the shipped folder to make the pack in."""
    for part in PARTS:
        path = CACHE / part.file
        if not path.exists() or sha256_of(path) != part.sha256:
            pytest.skip(f"{part.file} has not been fetched: run `make pack` first")
    return Path(shutil.copytree(shipped_folder(), tmp_path / "weights"))


def test_a_second_run_changes_nothing_and_a_lost_model_comes_back(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (weights / "mesh.onnx").unlink()
    assert main([], weights) == 0
    assert capsys.readouterr().out.count("written") == 1
    for path in shipped_folder().iterdir():
        assert (weights / path.name).read_bytes() == path.read_bytes(), path.name


def test_altered_statistics_are_never_taken_into_the_manifest(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (weights / "statistics.npz").write_bytes(b"other")
    before = (weights / "manifest.json").read_bytes()
    assert main([], weights) == 1
    assert "statistics.npz is not what the manifest says" in capsys.readouterr().err
    assert (weights / "manifest.json").read_bytes() == before


def test_a_model_that_comes_out_otherwise_than_measured_is_refused_by_name(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (weights / "manifest.json").read_text()
    digest = json.loads(text)["files"]["short.onnx"]["sha256"]
    (weights / "manifest.json").write_text(text.replace(digest, "0" * 64))
    assert main([], weights) == 1
    assert "short.onnx came out otherwise than the manifest says" in capsys.readouterr().err
