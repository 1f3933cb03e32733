"""dev/kube/build.sh: says what is missing, and does nothing twice."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dev.kube.parts import ROOT, missing_part


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with the script and the pinned modules, nothing built."""
    shutil.copytree(ROOT / "dev" / "kube", tmp_path / "dev" / "kube")
    return tmp_path


def build(tree: Path, *tools: str, path: str = os.defpath) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(tree / "dev" / "kube" / "build.sh"), *tools]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


def without_go(tree: Path) -> str:
    """A path with the programs that the script needs, and no go."""
    programs = tree / "programs"
    programs.mkdir()
    for name in ("bash", "cat", "cmp", "dirname", "flock", "ls", "mkdir", "paste", "rm"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    return str(programs)


def test_a_tool_that_is_not_known_is_refused_with_those_that_are(tree: Path) -> None:
    done = build(tree, "helmet")
    assert done.returncode == 2
    assert done.stderr == "There is no tool helmet: one of apiserver controller-gen helm kubeconform\n"


def test_without_go_it_says_so_in_one_line_and_leaves_no_cache(tree: Path) -> None:
    done = build(tree, "helm", path=without_go(tree))
    assert done.returncode == 1
    assert done.stderr == "helm skipped (what needs it too): no Go found. Install Go 1.26 or newer, then make setup\n"
    assert not (tree / ".cache" / "kube" / "go").exists()


def test_what_is_built_from_these_very_versions_is_left_alone(tree: Path) -> None:
    module = tree / "dev" / "kube" / "go" / "helm"
    (tree / ".cache" / "kube").mkdir(parents=True)
    stamp = tree / ".cache" / "kube" / "helm.sum"
    stamp.write_bytes((module / "go.mod").read_bytes() + (module / "go.sum").read_bytes())
    path = without_go(tree)
    assert (build(tree, "helm", path=path).returncode, build(tree, "helm", path=path).stdout) == (0, "")
    stamp.write_bytes(b"another version")
    assert build(tree, "helm", path=path).returncode == 1


def test_a_missing_program_is_named_with_the_recipe_that_builds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("dev.kube.parts.BIN", tmp_path)
    assert missing_part("kubectl") == (
        "no kubectl in .cache/kube/bin: bash dev/kube/build.sh apiserver (needs Go 1.26 or newer)"
    )
    (tmp_path / "kubectl").touch()
    assert missing_part("kubectl") is None


def test_every_tool_is_pinned_by_version_and_hash() -> None:
    for module in [*(ROOT / "dev" / "kube" / "go").iterdir(), *(ROOT / "dev" / "kube" / "types").iterdir()]:
        assert "// indirect" in (module / "go.mod").read_text(), module.name
        assert " h1:" in (module / "go.sum").read_text(), module.name
