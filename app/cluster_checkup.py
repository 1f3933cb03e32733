"""What the doctor says of a cluster that the settings name: reached, let in, the same versions, large enough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hadir.actors.cluster_look import ClusterFacts, look_at
from hadir.actors.ray_head import RayHead
from hadir.actors.ray_ports import RayPorts
from hadir.app.finding import Finding
from hadir.app.ray_cluster import require_members_share
from hadir.core.settings import Pool, Settings

__all__ = ["cluster_findings", "judged"]


def cluster_findings(settings: Settings) -> Iterator[Finding]:
    """Raises what `RayHead.at` and `look_at` raise: a line each."""
    require_members_share(settings.pool)
    RayPorts.read(settings.pool.ray_ports)
    head = RayHead.at(settings.pool.ray_address, Path(settings.pool.ray_token_file))
    if head.token_file.stat().st_mode & 0o007:
        yield Finding("ray", "bad", f"everybody can read {head.token_file.name}", "chmod o= it: it opens the cluster")
    yield judged(look_at(head), settings.pool)


def judged(facts: ClusterFacts, pool: Pool) -> Finding:
    """The finding of one look."""
    ray, python = facts.versions
    here = f"cluster at {pool.ray_address}: Ray {ray}, Python {python}, {facts.nodes} nodes, {facts.cores:.0f} cores"
    if facts.versions != facts.ours:
        ours = f"Ray {facts.ours[0]}, Python {facts.ours[1]}"
        return Finding("ray", "bad", f"{here}; this machine: {ours}", "use one image for head, workers and members")
    if facts.cores < pool.workers:
        short = f"{here}; this member wants {pool.workers} workers"
        return Finding("ray", "bad", short, "more worker nodes, or fewer pool.workers; members share the cores")
    return Finding("ray", "ok", here)
