"""A process of its own that starts or joins a Ray, for what cannot be tried on the session's. Run as a program:

ray_driver.py twice RUN_FOLDER               start, use, close, and again; a worker dies
ray_driver.py hold RUN_FOLDER                start, stand in the middle of a call, say so, wait to be killed
ray_driver.py lose RUN_FOLDER PART           start, kill that part of Ray in the middle of a call, say what is raised
ray_driver.py join ADDRESS TOKEN_FILE        join, use, leave
ray_driver.py look ADDRESS TOKEN_FILE        look at a cluster without joining it
ray_driver.py own FOLDER PORTS               join with a node of our own, say as JSON what it is like and what it leaves
ray_driver.py own-lost FOLDER                the same; say so and wait until the node is lost, say what is raised
ray_driver.py own-refused FOLDER VERSION     join a cluster that says it runs this version of Ray, say what is raised
ray_driver.py shards SNAPSHOT                join as the settings say, search shards, kill the node of one, search again
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from hadir.actors.cluster import Cluster, LocalRay, join
from hadir.actors.cluster_look import look_at
from hadir.actors.face_actor import BACKGROUND_CORES
from hadir.actors.index_shards import IndexShards
from hadir.actors.own_node import OwnNode
from hadir.actors.pool import RayPool
from hadir.actors.ray_head import RayHead
from hadir.actors.ray_ports import RayPorts
from hadir.actors.ray_session import prepare
from hadir.core.errors import HadirError
from hadir.core.evidence import FaceFinding, PhotoFinding
from hadir.index.snapshot import load_snapshot
from hadir.pipeline.ports import FaceJob

BUSY_S = 600.0


class Stage:
    """`die` ends the process, `busy` keeps it (and says so by a file); the rest is found."""

    def __init__(self, started: str) -> None:
        self._started = started

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        photos = [photo for job in jobs for photo in job.photos]
        if b"die" in photos:
            os._exit(139)
        if b"busy" in photos:
            with open(self._started, "wb") as fifo:  # noqa: PTH123 - opens when its reader has come
                fifo.write(b".")
            threading.Event().wait(BUSY_S)
        return [FaceFinding((PhotoFinding(None),), 1, None, True, None, (), None, "s", "s") for _ in jobs]


def _pool(ray: Cluster, bell: threading.Event, started: str = "") -> RayPool:
    pool = RayPool(ray, partial(Stage, started), 1)
    pool.start(bell.set)
    return pool


def _use(ray: Cluster, photo: bytes) -> int:
    bell = threading.Event()
    pool = _pool(ray, bell)
    pool.submit([FaceJob(1, "p", (photo,))])
    while not (results := pool.take()):
        bell.wait()
        bell.clear()
    pool.close()
    return results[0].attempts


def _twice(run_folder: Path) -> None:
    for photo in (b"good", b"die"):
        ray = LocalRay.start(run_folder, actors=1)
        attempts = _use(ray, photo)
        ray.close()
        print(attempts, flush=True)  # noqa: T201


def _busy(run_folder: Path) -> tuple[LocalRay, RayPool, threading.Event]:
    ray, bell = LocalRay.start(run_folder, actors=1), threading.Event()
    started = run_folder / "started"
    os.mkfifo(started)
    pool = _pool(ray, bell, str(started))
    pool.submit([FaceJob(1, "p", (b"busy",))])
    started.read_bytes()
    bell.clear()
    return ray, pool, bell


def _hold(run_folder: Path) -> None:
    ray, _, _ = _busy(run_folder)
    print(*[process.pid for process in ray.processes()], flush=True)  # noqa: T201
    threading.Event().wait()


def _lose(run_folder: Path, part: str) -> None:
    ray, pool, bell = _busy(run_folder)
    [victim] = [process for process in ray.processes() if process.name() == part]
    victim.kill()
    bell.wait()
    try:
        print(pool.take())  # noqa: T201
    except HadirError as err:
        print(f"{err.code}: {err}")  # noqa: T201
    pool.close()
    ray.close()


def _join(address: str, token_file: Path) -> None:
    try:
        ray = join(address, token_file)
    except HadirError as err:
        print(f"{err.code}: {err}")  # noqa: T201
        return
    print(_use(ray, b"good"))  # noqa: T201
    ray.close()


def _look(address: str, token_file: Path) -> None:
    try:
        facts = look_at(RayHead.at(address, token_file))
    except HadirError as err:
        print(f"{err.code}: {err}")  # noqa: T201
        return
    print(facts.nodes, facts.cores, facts.versions == facts.ours)  # noqa: T201


def _with_own_node(folder: Path, ports: str = "") -> OwnNode:
    head = RayHead.at(os.environ["HADIR_POOL__RAY_ADDRESS"], Path(os.environ["HADIR_POOL__RAY_TOKEN_FILE"]))
    return OwnNode.start(folder, head, RayPorts.read(ports), 80 << 20)


def _own(folder: Path, ports: str) -> None:
    node, bell = _with_own_node(folder, ports), threading.Event()
    pool = _pool(node, bell)
    ray = importlib.import_module("ray")
    processes = node.processes()
    here = ray.get_runtime_context().get_node_id()
    facts = {
        "cores": next(one["Resources"].get("CPU", 0) for one in ray.nodes() if one["NodeID"] == here),
        "names": [process.name() for process in processes],
        "ports": sorted({port for one in [*processes, psutil.Process()] for port in _listens(one)}),
        "rss_bytes": sum(process.memory_info().rss for process in processes),
    }
    pool.close()
    node.close()
    facts["left"] = [process.name() for process in processes if process.is_running()]
    print(json.dumps(facts))  # noqa: T201


def _listens(process: psutil.Process) -> list[int]:
    return [one.laddr.port for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]


def _own_lost(folder: Path) -> None:
    node, bell = _with_own_node(folder), threading.Event()
    pool = _pool(node, bell)
    bell.clear()
    print(*[process.pid for process in node.processes() if process.name() == "raylet"], flush=True)  # noqa: T201
    bell.wait()
    try:
        pool.take()
    except HadirError as err:
        print(f"{err.code}: {err}", flush=True)  # noqa: T201
    pool.close()
    node.close()


def _own_refused(folder: Path, version: str) -> None:
    address, token = os.environ["HADIR_POOL__RAY_ADDRESS"], Path(os.environ["HADIR_POOL__RAY_TOKEN_FILE"])
    prepare(token, loopback=True, joining=True)
    from ray._common.usage import usage_constants, usage_lib
    from ray._private.ray_constants import KV_NAMESPACE_CLUSTER

    head = importlib.import_module("ray._raylet").GcsClient(address=address)
    said = usage_lib.get_cluster_metadata(head) | {"ray_version": version}
    head.internal_kv_put(
        usage_constants.CLUSTER_METADATA_KEY, json.dumps(said).encode(), overwrite=True, namespace=KV_NAMESPACE_CLUSTER
    )
    try:
        _with_own_node(folder)
    except HadirError as err:
        print(f"{err.code}: {err}")  # noqa: T201


def _shards(snapshot: Path) -> None:
    from tests.actors.nodes import node_of  # to be had only where this runs as a module

    ray = join(os.environ["HADIR_POOL__RAY_ADDRESS"], Path(os.environ["HADIR_POOL__RAY_TOKEN_FILE"]))
    shards = IndexShards.start(snapshot, 2, BACKGROUND_CORES)
    spread, whole = shards.snapshot.connect(), load_snapshot(snapshot).index
    probes = np.stack([whole.vector(one.person) for one in whole.people])
    claimed = [one.person for one in whole.people]
    expected = whole.search(probes, claimed, whole.embedding_space, 10)

    def agree() -> bool:
        found = spread.search(probes, claimed, whole.embedding_space, 10)
        return [(one.claimed, one.others) for one in found] == [(one.claimed, one.others) for one in expected]

    print(agree(), flush=True)  # noqa: T201
    node_of(os.getppid(), "ray::ShardActor").kill()
    print(agree(), flush=True)  # noqa: T201
    shards.close()
    ray.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["twice", folder]:
            _twice(Path(folder))
        case ["hold", folder]:
            _hold(Path(folder))
        case ["lose", folder, part]:
            _lose(Path(folder), part)
        case ["look", address, token_file]:
            _look(address, Path(token_file))
        case ["own", folder, ports]:
            _own(Path(folder), ports)
        case ["own-lost", folder]:
            _own_lost(Path(folder))
        case ["own-refused", folder, version]:
            _own_refused(Path(folder), version)
        case ["shards", snapshot]:
            _shards(Path(snapshot))
        case ["join", address, token_file]:
            _join(address, Path(token_file))
