"""The checkout that the tests lie in: its files, as git knows them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

__all__ = ["CODE", "ROOT", "source_files"]

ROOT = Path(__file__).parents[1]
CODE = ("core", "faces", "index", "attendance", "pipeline", "actors", "app")


def source_files(*folders: str) -> list[str]:
    """Paths of tracked files, and of new ones that git does not ignore; skips where the sources are not there."""
    if not (ROOT / "app").is_dir():
        pytest.skip("the sources are not here: these are the tests of a built wheel")
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *folders],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    return sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file())
