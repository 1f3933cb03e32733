"""The Ray that the settings ask for: one of our own, or somebody's cluster."""

from __future__ import annotations

from pathlib import Path

import structlog

from hadir.actors.cluster import Cluster, LocalRay, join
from hadir.actors.own_node import OwnNode
from hadir.actors.ray_head import RayHead
from hadir.actors.ray_ports import RayPorts
from hadir.actors.ray_session import cores
from hadir.core.errors import ConfigError
from hadir.core.settings import Pool

__all__ = ["cluster_of", "require_members_share", "tell_of_cores"]

_log = structlog.get_logger(__name__)


def require_members_share(pool: Pool) -> None:
    """A member that brings a node without cores must say how many workers are its own.

    Raises:
        ConfigError: it does not.
    """
    if pool.ray_address and pool.ray_node == "own" and not pool.workers:
        raise ConfigError(
            'pool.workers = 0 is one per core of this machine, and with pool.ray_node = "own" it lends none: give this '
            "member's share of the cluster's cores"
        )


def cluster_of(pool: Pool, run_folder: Path, actors: int) -> Cluster:
    """Start or join it, with room for so many actors; from the main thread. Raises ConfigError, SetupError."""
    if not pool.ray_address:
        return LocalRay.start(run_folder, actors, pool.object_store_bytes)
    token_file = Path(pool.ray_token_file)
    if pool.ray_node == "host":
        return join(pool.ray_address, token_file)
    head, ports = RayHead.at(pool.ray_address, token_file), RayPorts.read(pool.ray_ports)
    return OwnNode.start(run_folder, head, ports, pool.object_store_bytes)


def tell_of_cores(pool: Pool, actors: int) -> None:
    """Members share a cluster: who asks for more than is left waits for it, and should not do so in silence. For a
    cluster that was joined; a Ray of our own has a core for each."""
    if not pool.ray_address:
        return
    there, free = cores()
    if free < actors:
        _log.warning("ray_cores_short", wanted=actors, free=free, cluster=there)
