"""What a figure was measured on: the commit, the machine, the versions."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

__all__ = ["commit", "cores", "machine"]

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("onnxruntime", "numpy", "faiss-cpu", "opencv-python-headless", "ray")


def commit() -> dict[str, object]:
    """The commit's hash, and whether files under version control differ from it. "unknown" outside of a checkout."""
    revision = _git("rev-parse", "HEAD")
    return {"revision": revision or "unknown", "dirty": bool(_git("status", "--porcelain", "--untracked-files=no"))}


def machine() -> dict[str, object]:
    """Processor, cores that this process may use, memory, system, and the versions that decide about speed."""
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def cores() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0))


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
