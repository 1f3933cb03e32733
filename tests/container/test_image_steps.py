"""The Dockerfile's steps up to what it copies into the image, run without an engine, in folders instead of at the root:
packages by their hashes into a fresh environment, the wheel, the bill of materials; then Hadir from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.sbom import locked
from tests.container.dockerfile import Ignored, stages_of
from tests.source_tree import ROOT, source_files

pytestmark = [pytest.mark.slow, pytest.mark.long]

FOLDERS = ("/opt/hadir", "/locks", "/wheels", "/build", "/src")
STEPS_S = 560.0


def environment(**more: str) -> dict[str, str]:
    """What a container starts with, and how this machine reaches its package index."""
    index = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HTTP", "http", "SSL_"))}
    return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": os.environ["HOME"], **index, **more}


class Built:
    """Stages of the Dockerfile carried out below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stages = stages_of((ROOT / "Dockerfile").read_text(encoding="utf-8"))
        self._ignored = Ignored(ROOT / ".dockerignore")

    def build(self, name: str) -> None:
        """One stage, whose base and sources have been built."""
        stage, place = self._stages[name], self.root
        for instruction, argument in stage.steps:
            if instruction == "WORKDIR":
                place = self._here(argument)
                place.mkdir()
            elif instruction == "COPY":
                self._copy(argument, place)
            elif instruction == "RUN":
                self._run(argument, place)

    def _here(self, path: str) -> Path:
        return self.root / path.strip("/").replace("/", "-")

    def _copy(self, argument: str, place: Path) -> None:
        if argument.startswith("--from="):  # every stage works in the same folders
            return
        *sources, target = argument.split()
        into = self._here(target) if target.startswith("/") else place
        into.mkdir(exist_ok=True)
        for source in sources:
            for name in source_files(source.strip("/")):
                if name not in self._ignored:
                    copied = into / (name if source.endswith("/") else Path(name).name)
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / name, copied)

    def _run(self, command: str, place: Path) -> None:
        for folder in FOLDERS:
            command = command.replace(folder, str(self._here(folder)))
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=place,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=STEPS_S,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}{done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the environment of the `cpu` target lies."""
    source_files("app")  # skips where there is no checkout
    built = Built(tmp_path_factory.mktemp("image"))
    for name in ("packages-cpu", "wheel", "built-cpu"):
        built.build(name)
    return built.root / "opt-hadir"


def run_inside(image: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [image / "bin" / "hadir", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(900)
def test_hadir_runs_from_what_the_steps_made(image: Path, tmp_path: Path) -> None:
    assert "doctor" in run_inside(image, tmp_path, "--help").stdout
    demo = run_inside(image, tmp_path, "demo", "--pool", "inline", "--per-s", "1000", "--json")
    assert demo.returncode == 0, demo.stderr
    report = json.loads(demo.stdout)
    assert (report["expected_mismatches"], report["missing"], report["doubled"]) == (0, 0, 0)


def test_its_doctor_finds_packages_and_pack_whole(image: Path, tmp_path: Path) -> None:
    findings = json.loads(run_inside(image, tmp_path, "doctor", "--json").stdout)["parts"]
    said = {(one["part"], one["state"]) for one in findings}
    assert {("packages", "ok"), ("pack", "ok")} <= said, findings
    assert ("packages", "bad") not in said


def test_it_is_the_lock_and_hadir_and_nothing_else(image: Path) -> None:
    listing = "import importlib.metadata as m, json; print(json.dumps([(d.name.lower().replace('_', '-'), d.version) for d in m.distributions()]))"  # noqa: E501
    done = subprocess.run([image / "bin" / "python", "-c", listing], capture_output=True, text=True, check=True)
    inside = {tuple(one) for one in json.loads(done.stdout)}
    lock = {(one.name, one.version) for one in locked((ROOT / "requirements.lock").read_text()) if one.here}
    assert {one for one in inside if one[0] != "hadir"} == lock


def test_its_bill_of_materials_lies_beside_it(image: Path) -> None:
    document = json.loads((image / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert document["metadata"]["component"]["name"] == "hadir"
    assert len(document["components"]) > 60


def test_ray_is_there_for_the_shell_that_starts_it(image: Path) -> None:
    assert (image / "bin" / "ray").is_file()
