"""A Ray that only this user can reach, that leaves nothing behind, and that says so when it is gone."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from hadir.actors.cluster import LocalRay, join
from hadir.actors.leftovers import NOTES_FILE, end_leftovers
from hadir.core.errors import SetupError

pytestmark = pytest.mark.ray

PATIENCE_S = 120.0
DRIVER = str(Path(__file__).with_name("ray_driver.py"))


def run_driver(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, DRIVER, *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
        env={**_plain_environment(), **environment},
    )


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What it printed besides our own log lines."""
    ours = ("face_batch_failed", "face_worker_replaced", "ray_says")
    return [line for line in done.stdout.splitlines() if not any(event in line for event in ours)]


def _plain_environment() -> dict[str, str]:
    """Without what the session's own Ray has set in this process."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


def listeners(processes: list[psutil.Process]) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # a worker of an earlier test that was just ending
            found += [one for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    return [ipaddress.ip_address(connection.laddr.ip) for connection in found]


def on_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Also ::ffff:127.0.0.1, which is how gRPC listens on 127.0.0.1."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def test_every_port_of_ray_is_on_loopback(local_ray: LocalRay) -> None:
    found = listeners([*local_ray.processes(), psutil.Process()])
    assert len(found) >= 4, "head, raylet, agents and this driver listen"
    assert [str(address) for address in found if not on_loopback(address)] == []


def test_everything_of_ray_lies_in_a_folder_of_this_user_alone(local_ray: LocalRay) -> None:
    folder = local_ray.token_file.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(local_ray.token_file.stat().st_mode) == 0o600
    assert any((folder / "r").iterdir())


def test_two_rays_in_one_process_are_refused(local_ray: LocalRay, run_folder: Path) -> None:
    with pytest.raises(SetupError, match="has a Ray already"):
        LocalRay.start(run_folder, actors=1)
    assert not (run_folder / NOTES_FILE).exists()
    assert local_ray.lost() is None


def test_ray_is_started_from_the_main_thread_only(run_folder: Path) -> None:
    errors: list[BaseException] = []

    def start() -> None:
        try:
            LocalRay.start(run_folder, actors=1)
        except SetupError as err:
            errors.append(err)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors)


def test_too_little_memory_is_said_before_anything_starts(run_folder: Path) -> None:
    with pytest.raises(SetupError, match="MiB of memory are free"):
        LocalRay.start(run_folder, actors=1_000_000)


def test_a_closed_ray_leaves_no_notes_can_be_started_again_says_nothing_and_ignores_ray_address(
    run_folder: Path,
) -> None:
    done = run_driver("twice", str(run_folder), RAY_ADDRESS="127.0.0.1:1")
    assert (said(done), done.stderr) == (["1", "3"], "")
    assert not (run_folder / NOTES_FILE).exists()


def test_after_a_killed_driver_the_next_start_leaves_no_process_of_its_ray(run_folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, DRIVER, "hold", str(run_folder)], stdout=subprocess.PIPE, text=True, env=_plain_environment()
    ) as driver:
        assert driver.stdout is not None
        processes = [psutil.Process(int(pid)) for pid in driver.stdout.readline().split()]
        with pytest.raises(SetupError, match="another run"):
            end_leftovers(run_folder)
        driver.kill()
    assert len(processes) >= 6
    assert end_leftovers(run_folder) > 0
    assert [p.pid for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert not (run_folder / NOTES_FILE).exists()


@pytest.mark.parametrize("part", ["raylet", "gcs_server"])
def test_a_pool_whose_ray_is_gone_is_lost_and_condemns_nobody(run_folder: Path, part: str) -> None:
    done = run_driver("lose", str(run_folder), part)
    assert f"pool_lost: Ray's {part} has ended" in done.stdout  # Ray's threads may write into the same line
    assert not (run_folder / NOTES_FILE).exists()


def test_a_cluster_is_joined_with_its_token(local_ray: LocalRay) -> None:
    done = run_driver("join", local_ray.address, str(local_ray.token_file))
    assert done.stdout.split() == ["1"]


def test_a_cluster_refuses_another_token(local_ray: LocalRay, tmp_path: Path) -> None:
    other = tmp_path / "token"
    other.write_text("0" * 64)
    done = run_driver("join", local_ray.address, str(other))
    assert done.stdout.startswith("setup: Ray cannot be joined")


def test_a_cluster_can_be_looked_at_without_joining_it(local_ray: LocalRay) -> None:
    done = run_driver("look", local_ray.address, str(local_ray.token_file))
    assert done.stdout.split() == ["1", "2.0", "True"]


def test_a_look_with_another_token_is_refused(local_ray: LocalRay, tmp_path: Path) -> None:
    other = tmp_path / "token"
    other.write_text("0" * 64)
    done = run_driver("look", local_ray.address, str(other))
    assert done.stdout.startswith("setup: Ray cannot be joined")
    assert "Traceback" not in done.stderr


def test_no_token_no_join(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no token file"):
        join("127.0.0.1:6379", tmp_path / "none")


@pytest.mark.parametrize("address", ["auto", "ray://127.0.0.1:10001", "127.0.0.1", "127.0.0.1:port"])
def test_an_address_is_a_host_and_a_port(address: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="not host:port"):
        join(address, tmp_path / "token")


def test_a_head_that_does_not_answer_is_said_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0" * 64)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(SetupError, match="no Ray answers"):
        join(address, token)
