"""Look at a cluster without joining it: does it let us in, what runs there, how large is it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from hadir.actors.ray_head import RayHead
from hadir.actors.ray_session import join_failure, prepare

__all__ = ["ClusterFacts", "look_at"]

_ANSWERED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """`versions` as Ray compares them: Ray's and Python's, of the cluster; `ours` of this process. Cores and nodes of
    those that live."""

    versions: tuple[str, str]
    ours: tuple[str, str]
    nodes: int
    cores: float


def look_at(head: RayHead) -> ClusterFacts:
    """Ask the head. In a process that is in no Ray: its token is this process's from now on.

    Raises:
        SetupError: nobody answers there within seconds, or it refuses our token.
    """
    prepare(head.token_file, loopback=head.reach(), joining=True)
    client_of = importlib.import_module("ray._raylet").GcsClient
    usage = importlib.import_module("ray._common.usage.usage_lib")
    alive = importlib.import_module("ray.core.generated.gcs_pb2").GcsNodeInfo.GcsNodeState.ALIVE
    utils = importlib.import_module("ray._private.utils")
    try:
        client = client_of(address=head.address)
        said = usage.get_cluster_metadata(client)
        nodes = client.get_all_node_info(timeout=_ANSWERED_WITHIN_S, state_filter=alive).values()
    except Exception as err:
        raise join_failure(err) from err
    ours_ray, ours_python = utils.compute_version_info()[:2]
    return ClusterFacts(
        (said["ray_version"], said["python_version"]),
        (ours_ray, ours_python),
        len(nodes),
        sum(node.resources_total.get("CPU", 0.0) for node in nodes),
    )
