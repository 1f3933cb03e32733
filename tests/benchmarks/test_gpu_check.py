"""The check for machines with a card, tried without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu_check import compare, main
from hadir.faces.packs import load_pack


def test_without_a_card_it_says_what_is_missing_and_leaves_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    code = main(["--report", str(report), "--batches", "1"])
    if code == 0:
        pytest.skip("this machine has a card: nothing is missing")
    assert code == 1
    assert "runtime cuda was asked for" in capsys.readouterr().err
    assert not report.exists()


def test_the_processor_agrees_with_itself_and_the_report_says_so(tmp_path: Path) -> None:
    report = tmp_path / "reports" / "report.json"
    assert main(["--runtime", "cpu", "--report", str(report), "--batches", "1", "2"]) == 0
    said = json.loads(report.read_text(encoding="utf-8"))
    assert said["agreement"]["agrees"]
    assert said["agreement"]["cosine_min"] == pytest.approx(1, abs=1e-5)
    assert set(said["photos_per_s"]["card"]) == {"1", "2"}


def test_photos_without_a_vector_prove_nothing() -> None:
    pack = load_pack("open")
    with pytest.raises(ValueError, match="nothing to compare"):
        compare(pack, pack, [b"no photo"])
