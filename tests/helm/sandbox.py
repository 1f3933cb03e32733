"""A container of a rendered pod without an engine: its user, its variables, and nothing to write but its mounts.

A mount namespace with this machine's root below an overlay that is then made read-only. Making it needs root; what runs
in it is not root. Its network is a namespace too, with one address and nobody else in it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.helm.pods import Pod
from tests.source_tree import ROOT

__all__ = ["ADDRESS", "missing_sandbox", "run_in"]

ADDRESS = "10.42.0.7"
"""Of the pod."""

_PROGRAMS = ("unshare", "setpriv", "chroot", "mount", "ip")


def missing_sandbox() -> str | None:
    """What is missing, in one sentence; None: nothing."""
    if os.geteuid():
        return "only root can make a pod's mounts here"
    if gone := [program for program in _PROGRAMS if not shutil.which(program)]:
        return f"no {', '.join(gone)} here: apt-get install util-linux iproute2"
    overlay = "lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w"
    probe = f"mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w /mnt/r && mount -t overlay o -o {overlay} /mnt/r"
    done = subprocess.run(["unshare", "-m", "-n", "-p", "-f", "sh", "-c", probe], capture_output=True, check=False)
    return None if done.returncode == 0 else "mount namespaces or overlays are not to be had here"


def run_in(
    pod: Pod, script: str, folder: Path, volumes: Mapping[str, Path], variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `script` with bash as the pod's (last) container would.

    Args:
        pod: As rendered.
        script: What to run; `hadir`, `python` and `ray` are on the path.
        folder: Scratch, and the claim: what two pods write to it, both see.
        volumes: What lies in ConfigMaps and Secrets, a folder for each by the volume's name.
        variables: Instead of, or beside, those of the container; its own from Secrets are left out.
    """
    container = pod.spec["containers"][-1]
    root = folder / "m" / "root"
    owner = pod.spec["securityContext"]
    script_file = folder / "script.sh"
    script_file.write_text(script, "utf-8")
    lines = [*_overlay(folder, root), *_mounts(pod, container, folder, root, volumes), f"mount -o remount,ro {root}"]
    environment = " ".join(shlex.quote(f"{k}={v}") for k, v in _variables(container, variables or {}).items())
    user = (
        f"--reuid={owner['runAsUser']} --regid={owner['runAsGroup']} --clear-groups --no-new-privs --bounding-set=-all"
    )
    lines.append(f"exec chroot {root} setpriv {user} env -i {environment} bash /script.sh")
    recipe = "set -e\n" + "\n".join(lines)
    command = ["unshare", "-m", "-n", "-p", "-f", "--kill-child", "bash", "-c", recipe]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


def _overlay(folder: Path, root: Path) -> Iterator[str]:
    tree = folder / "m"
    # An address as a pod has one, and a way out that leads nowhere: Ray looks which address it would go out by.
    yield f"ip link set lo up && ip addr add {ADDRESS}/32 dev lo && ip route add default dev lo src {ADDRESS}"
    yield f"mkdir -p {tree} && mount -t tmpfs tmpfs {tree} && mkdir {tree}/u {tree}/w {root}"
    yield f"mount -t overlay overlay -o lowerdir=/,upperdir={tree}/u,workdir={tree}/w {root}"
    for place in (ROOT, Path(sys.base_prefix)):
        yield f"mkdir -p {root}{place} && mount --bind {place} {root}{place} && mount -o remount,bind,ro {root}{place}"
        for parent in place.parents[:-1]:
            yield f"chmod o+x {root}{parent}"
    yield f"mount -t proc proc {root}/proc && mount --bind /dev {root}/dev && cp {folder}/script.sh {root}/script.sh"


def _mounts(
    pod: Pod, container: Mapping[str, Any], folder: Path, root: Path, volumes: Mapping[str, Path]
) -> Iterator[str]:
    kinds = {volume["name"]: volume for volume in pod.spec["volumes"]}
    owner = f"{pod.spec['securityContext']['runAsUser']}:{pod.spec['securityContext']['fsGroup']}"
    for mount in container["volumeMounts"]:
        volume, at = kinds[mount["name"]], f"{root}{mount['mountPath']}"
        if "emptyDir" in volume:
            size = volume["emptyDir"].get("sizeLimit", "")
            options = f"mode=0770,uid={owner.partition(':')[0]},gid={owner.partition(':')[2]}"
            yield f"mkdir -p {at} && mount -t tmpfs -o {options}{size and f',size={size[:-1].lower()}'} tmpfs {at}"
            continue
        if "persistentVolumeClaim" in volume:
            source = folder / "claim" / mount["subPath"]
            yield f"mkdir -p {source} && chown {owner} {source}"
        else:
            source = volumes[mount["name"]] / mount.get("subPath", "")
        yield f"mkdir -p {at if source.suffix == '' else Path(at).parent}"
        yield f"{'touch ' + at if source.suffix else 'true'} && mount --bind {source} {at}"
        if mount.get("readOnly"):
            yield f"mount -o remount,bind,ro {at}"


def _variables(container: Mapping[str, Any], instead: Mapping[str, str]) -> dict[str, str]:
    """The image's own, then the container's."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    found = {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "POD_NAME": "pod-0"}
    own = {one["name"]: one["value"] for one in container.get("env", ()) if "value" in one}
    return found | {name: value.replace("$(POD_NAME)", "pod-0") for name, value in own.items()} | dict(instead)
