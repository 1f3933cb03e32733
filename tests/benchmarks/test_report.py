"""Every figure comes with commit, machine, conditions and spread; a missed bar is told by the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks._report import ONE_THREAD, Report, run_benchmark
from benchmarks._rounds import Bar, Spread
from hadir.core.errors import SetupError


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a benchmark starts itself again to be; without it, this very process would be replaced."""
    for name, value in ONE_THREAD.items():
        monkeypatch.setenv(name, value)


def report_of(median: float) -> Report:
    figures = {"of_ceiling": Spread((0.1, median, 2.0))}
    return Report("tiny", {"photos": "2 selfies"}, figures, [Bar("of_ceiling", "at least", 0.85)], ["kafka: no Java"])


def test_json_is_one_document_with_everything_that_a_figure_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_benchmark("benchmarks.tiny", lambda _: report_of(0.9), ["--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["figures"]["of_ceiling"] == {"median": 0.9, "min": 0.1, "max": 2.0, "rounds": [0.1, 0.9, 2.0]}
    assert document["bars"] == [{"figure": "of_ceiling", "bar": "at least 0.85", "passed": True}]
    assert document["passed"] is True
    assert document["left_out"] == ["kafka: no Java"]
    assert document["conditions"] == {"photos": "2 selfies"}
    assert set(document["commit"]) == {"revision", "dirty"}
    assert {"cpu", "cores", "memory_gib", "system", "python", "onnxruntime", "numpy", "faiss-cpu", "ray"} <= set(
        document["machine"]
    )


def test_a_missed_bar_is_said_and_ends_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_benchmark("benchmarks.tiny", lambda _: report_of(0.8), []) == 4
    written = capsys.readouterr().out
    assert "MISSED: of_ceiling at least 0.85" in written
    assert "0.80 (0.10–2.00)" in written
    assert "left out: kafka: no Java" in written


def test_rounds_are_five_unless_told_otherwise() -> None:
    asked: list[int] = []

    def measure(rounds: int) -> Report:
        asked.append(rounds)
        return report_of(0.9)

    run_benchmark("benchmarks.tiny", measure, [])
    run_benchmark("benchmarks.tiny", measure, ["--rounds", "7"])
    assert asked == [5, 7]


def test_what_cannot_be_measured_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(rounds: int) -> Report:
        raise SetupError("Ray does not start")

    assert run_benchmark("benchmarks.tiny", measure, ["--json"]) == 1
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "benchmarks.tiny: Ray does not start\n")


def test_no_rounds_are_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_benchmark("benchmarks.tiny", lambda _: report_of(0.9), ["--rounds", "0"])
    assert ended.value.code == 2
    assert "at least 1" in capsys.readouterr().err


def test_the_help_of_hadir_bench_names_every_benchmark() -> None:
    folder = Path(__file__).parents[2] / "benchmarks"
    told = " ".join((folder.parent / "app" / "cli_bench.py").read_text(encoding="utf-8").split())
    scripts = [path.stem.replace("_", "-") for path in folder.glob("*.py") if not path.stem.startswith("_")]
    assert [name for name in scripts if name not in told] == []
