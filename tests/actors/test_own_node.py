"""A member that brings its own node: no work comes to it, it leaves nothing, and it says so when its head is gone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hadir.actors.leftovers import NOTES_FILE, end_leftovers
from hadir.actors.own_node import OwnNode
from hadir.actors.ray_head import RayHead
from hadir.core.errors import SetupError
from tests.actors.nodes import no_network_of_its_own, on_nodes

pytestmark = [pytest.mark.ray, pytest.mark.long]

PATIENCE_S = 120.0
DRIVER = (sys.executable, "-m", "tests.actors.ray_driver")


@pytest.fixture(scope="module", autouse=True)
def several_nodes() -> None:
    if (reason := no_network_of_its_own()) is not None:
        pytest.skip(reason)


@pytest.fixture
def run_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "run"
    folder.mkdir()
    yield folder
    assert not (folder / NOTES_FILE).exists()


def descendant(root: int, name: str, argument: str = "") -> psutil.Process:
    """The only process of that name below the process `root`, with that word among its arguments."""
    [found] = [
        one
        for one in psutil.Process(root).children(recursive=True)
        if one.name() == name and any(argument in word for word in one.cmdline())
    ]
    return found


def node_that_serves(run: subprocess.Popen[str]) -> psutil.Process:
    """The raylet of a driver whose workers are ready: the line that is a number, between log lines."""
    assert run.stdout is not None
    return psutil.Process(next(int(line) for line in run.stdout if line.strip().isdecimal()))


def test_it_lends_no_core_listens_on_its_ports_alone_and_leaves_nothing(tmp_path: Path, run_folder: Path) -> None:
    with on_nodes(tmp_path, 1, (*DRIVER, "own", run_folder, "20100-20119")) as run:
        said, _ = run.communicate(timeout=PATIENCE_S)
    facts = json.loads(said.splitlines()[-1])
    assert facts["cores"] == 0
    assert "raylet" in facts["names"]
    assert [name for name in facts["names"] if name.startswith("ray::FaceActor")] == []
    assert {20100, 20101} <= set(facts["ports"]) <= set(range(20100, 20120))
    assert facts["left"] == []


def test_a_member_whose_node_is_gone_is_lost(tmp_path: Path, run_folder: Path) -> None:
    with on_nodes(tmp_path, 1, (*DRIVER, "own-lost", run_folder)) as run:
        node_that_serves(run).kill()
        said, _ = run.communicate(timeout=PATIENCE_S)
    assert "pool_lost: Ray's own node (has its head gone?) has ended" in said


def test_a_member_whose_head_is_gone_works_on_and_then_is_lost(tmp_path: Path, run_folder: Path) -> None:
    with on_nodes(tmp_path, 1, (*DRIVER, "own-lost", run_folder), RAY_gcs_rpc_server_reconnect_timeout_s="4") as run:
        node_that_serves(run)
        descendant(run.pid, "gcs_server").kill()
        said, _ = run.communicate(timeout=PATIENCE_S)
    assert "pool_lost: Ray's own node (has its head gone?) has ended" in said


def test_a_killed_member_takes_its_node_along(tmp_path: Path, run_folder: Path) -> None:
    with on_nodes(tmp_path, 1, (*DRIVER, "own-lost", run_folder)) as run:
        node = node_that_serves(run)
        member = node.parent()
        assert member is not None
        processes = [node, *node.children(recursive=True)]
        member.kill()
        psutil.wait_procs([node], timeout=PATIENCE_S)
        run.wait(PATIENCE_S)
    end_leftovers(run_folder)
    assert [one.pid for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


def test_other_versions_are_told_in_one_line(tmp_path: Path, run_folder: Path) -> None:
    with on_nodes(tmp_path, 0, (*DRIVER, "own-refused", run_folder, "2.1.0")) as run:
        said, _ = run.communicate(timeout=PATIENCE_S)
    [line] = said.splitlines()
    assert line.startswith("setup: Ray cannot be joined (RuntimeError: Version mismatch: The cluster was started with:")
    assert "Ray: 2.1.0" in line
    assert "runs the same versions of Ray and Python" in line


def test_a_head_that_does_not_come_leaves_nothing(tmp_path: Path, run_folder: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0" * 64)
    with pytest.raises(SetupError, match="no Ray answers"):
        OwnNode.start(run_folder, RayHead.at("127.0.0.1:1", token), None, 80 << 20, head_within_s=0)
