"""A Ray of several nodes on one machine, in a network of its own with nothing but loopback. Run as a program:

nodes.py FOLDER NODES COMMAND ...    start a head without cores and NODES nodes of one core each, run the command in
                                     that network with settings that join it, end everything; the command's exit code
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import secrets
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from hadir.actors.ray_session import environment

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP_RUNNING = 0x41
ROOT = Path(__file__).parents[2]
"""Of the repository, where `tests` can be imported."""


def enter_network_of_its_own() -> None:
    """As `unshare --net`, with loopback up. Raises OSError where this user may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network of its own")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))


def no_network_of_its_own() -> str | None:
    """Why this machine cannot do it; None where it can."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.actors.nodes", "try"], capture_output=True, check=False, cwd=ROOT
    )
    return None if done.returncode == 0 else "several Ray nodes need a network namespace of their own: not allowed here"


@contextmanager
def on_nodes(folder: Path, nodes: int, command: Sequence[object], **ray: str) -> Iterator[subprocess.Popen[str]]:
    """The command (as `nodes.py`) under way; what it says can be read, and everything is ended with it. `ray` are
    settings of Ray's, by the names that they have in the environment, for the cluster and the command."""
    program = [sys.executable, "-m", "tests.actors.nodes", folder, nodes, *command]
    with subprocess.Popen(
        list(map(str, program)), stdout=subprocess.PIPE, text=True, cwd=ROOT, env=_without_ray(os.environ) | ray
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                for one in psutil.Process(process.pid).children(recursive=True):
                    with suppress(psutil.NoSuchProcess):
                        one.kill()
                process.kill()


def node_of(root: int, worker: str) -> psutil.Process:
    """The raylet, below the process `root`, of a node on which such a Ray worker runs."""
    for raylet in psutil.Process(root).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if raylet.name() == "raylet" and any(child.name().startswith(worker) for child in raylet.children()):
                return raylet
    raise AssertionError(f"no {worker} runs below {root}")


def _without_ray(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("RAY_")}


def main(folder: Path, nodes: int, command: list[str]) -> int:
    enter_network_of_its_own()
    token = folder / "token"
    token.write_text(secrets.token_hex(32), encoding="ascii")
    asked = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    os.environ |= environment(token, loopback=True)
    from ray.cluster_utils import Cluster

    store = {"object_store_memory": 80 << 20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **store})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
        joins = {"HADIR_POOL__RAY_ADDRESS": cluster.address, "HADIR_POOL__RAY_TOKEN_FILE": str(token)}
        return subprocess.run(command, env=_without_ray(os.environ) | asked | joins, check=False).returncode
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]  # a vendor's


if __name__ == "__main__":
    if sys.argv[1:] == ["try"]:
        enter_network_of_its_own()
        sys.exit(0)
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
