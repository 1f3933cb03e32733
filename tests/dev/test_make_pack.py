"""`make pack` says in one line what it lacks, and touches nothing before it knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.golden import golden_photo
from dev.make_pack import main
from dev.parity import crops_of, require
from hadir.core.errors import PackError


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


def test_a_difference_beyond_tolerance_says_that_nothing_was_written() -> None:
    require(True, "short.onnx differs")
    with pytest.raises(PackError, match=r"short\.onnx differs.*nothing was written"):
        require(False, "short.onnx differs")
