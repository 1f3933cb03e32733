"""The wheel holds everything that runs and nothing else, and works without the sources."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.source_tree import CODE, ROOT, source_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """Built from a copy, so that no leftover of an earlier build gets in; without a network."""
    tree, target = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in source_files():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tree / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    built = subprocess.run(
        [*command, "--wheel-dir", str(target), str(tree)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[-2000:]
    (path,) = target.glob("hadir-*.whl")
    return zipfile.Path(zipfile.ZipFile(path))


@pytest.fixture(scope="module")
def unpacked(wheel: zipfile.Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    wheel.root.extractall(folder)
    return folder


def names_in(wheel: zipfile.Path) -> list[str]:
    return [name for name in wheel.root.namelist() if not name.endswith("/")]


def test_it_holds_exactly_the_files_of_the_code_folders(wheel: zipfile.Path) -> None:
    inside = {name for name in names_in(wheel) if ".dist-info/" not in name}
    assert inside == {f"hadir/{name}" for name in source_files(*CODE)}


@pytest.mark.parametrize(
    "name",
    [
        "app/default.toml",
        "app/policy.toml",
        "app/templates/report.html",
        "attendance/migrations/0001_initial.sql",
        "faces/model_lock.toml",
        "faces/weights/manifest.json",
        "faces/weights/descriptor_int8.onnx",
        "faces/weights/descriptor_fp16.onnx",
        "faces/weights/MODEL_CARD.md",
        "faces/weights/NOTICE",
        *(f"{folder}/py.typed" for folder in CODE),
    ],
)
def test_what_is_read_at_run_time_is_inside(wheel: zipfile.Path, name: str) -> None:
    assert f"hadir/{name}" in names_in(wheel)


def test_licence_and_notice_go_along(wheel: zipfile.Path) -> None:
    names = {Path(name).name for name in names_in(wheel) if ".dist-info/licenses/" in name}
    assert names == {"LICENSE", "NOTICE"}


def test_every_floor_is_listed_and_none_has_a_folder_within() -> None:
    for name in source_files(*CODE):
        if name.endswith(".py"):
            assert name.count("/") == 1, f"{name}: a nested package would drop out of the wheel"


def test_the_unpacked_wheel_runs_the_demo_where_there_is_no_checkout(unpacked: Path, tmp_path: Path) -> None:
    code = (
        "import sys, hadir.app.cli as cli; assert cli.__file__.startswith(sys.argv[1]), cli.__file__; "
        "sys.exit(cli.run(['demo', '--pool', 'inline', '--per-s', '1000', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(unpacked)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["expected_mismatches"], report["missing"], report["doubled"]) == (0, 0, 0)
    assert (tmp_path / "runs" / "demo" / "report.html").is_file()


@pytest.mark.parametrize("module", ["cv2", "onnxruntime"])
def test_one_distribution_alone_brings_a_module_that_several_would_overwrite(module: str) -> None:
    """insightface asks for opencv-python, which would overwrite the headless one."""
    owners = {
        name.lower()
        for name in importlib.metadata.packages_distributions()[module]
        if name.lower().startswith(("opencv", "onnxruntime"))
    }
    assert len(owners) == 1
