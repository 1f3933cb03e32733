"""Where the parts of a real Kubernetes lie once `dev/kube/build.sh` has built them, and what is missing where not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from hadir.core.errors import SetupError

__all__ = ["BIN", "CACHE", "GO", "ROOT", "TYPES", "build", "go_environment", "missing_part", "program"]

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "kube"
BIN = CACHE / "bin"
GO = Path(__file__).resolve().parent / "go"
"""A folder with go.mod and go.sum for each tool: versions and hashes are pinned as Python's are in the locks."""
TYPES = Path(__file__).resolve().parent / "types"
"""The same for the modules whose Go types custom resource definitions are made from."""

_MADE_BY = {"kube-apiserver": "apiserver", "kubectl": "apiserver", "etcd": "apiserver"}
"""Programs that come out of another folder of dev/kube/go than the one with their own name."""


def program(name: str) -> Path:
    """The built program. Raises SetupError where it is missing, with what to do."""
    if (missing := missing_part(name)) is not None:
        raise SetupError(missing)
    return BIN / name


def missing_part(*names: str) -> str | None:
    """What is missing of these programs, in one sentence; None: nothing."""
    for name in names:
        if not (BIN / name).exists():
            made_by = _MADE_BY.get(name, name)
            return f"no {name} in .cache/kube/bin: bash dev/kube/build.sh {made_by} (needs Go 1.26 or newer)"
    return None


def build(*tools: str) -> None:
    """Build what is not yet built as `dev/kube/go/` says. Raises SetupError where that cannot be done."""
    done = subprocess.run(["bash", str(ROOT / "dev" / "kube" / "build.sh"), *tools], check=False)
    if done.returncode:
        raise SetupError(f"not everything of {', '.join(tools)} could be built: see the line above")


def go_environment() -> dict[str, str]:
    """For a `go` that keeps its caches in `.cache/kube/go`, as `dev/kube/build.sh` does."""
    caches = {"GOMODCACHE": str(CACHE / "go" / "mod"), "GOCACHE": str(CACHE / "go" / "build")}
    return {**os.environ, **caches, "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false", "GOTOOLCHAIN": "local"}
