"""The folder of a demo: known by its mark, held by one demo at a time, emptied of what a demo makes and no more."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadir.app.run_folder import LOCK, held
from hadir.core.errors import InputError

__all__ = ["MARK", "demo_folder", "forget_earlier_demo"]

MARK = "demo.json"
_FORMAT = "hadir-demo/1"
_MADE = (
    *("hadir.toml", "site", "photos", "gallery", "snapshots", "case-photos", "log.jsonl", "ray.json"),
    *("truth.csv", "report.json", "report.html", "ledger-heads.jsonl"),
    *("ledger.db", "ledger.db-wal", "ledger.db-shm", "tampered.db", "tampered.db-wal", "tampered.db-shm"),
)
"""Every name that a demo writes beside the mark and the lock."""


@contextmanager
def demo_folder(folder: Path) -> Iterator[None]:
    """Keep a folder for one demo, from before its first question to after its report; it is made where it is missing.

    Raises:
        InputError: the folder holds something, and no mark that a demo has left. Nothing was touched.
        SetupError: another demo or run uses it.
    """
    _require_ours(folder)
    with held(folder):
        (folder / MARK).write_text(
            json.dumps({"format": _FORMAT, "says": "The next demo in this folder replaces what this one made."}) + "\n",
            encoding="utf-8",
        )
        yield


def forget_earlier_demo(folder: Path) -> None:
    """Delete what an earlier demo made; whatever else somebody has put into the folder stays."""
    for path in (folder / name for name in _MADE):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _require_ours(folder: Path) -> None:
    """A settings file is no mark: every site has one."""
    if not folder.exists() or {path.name for path in folder.iterdir()} <= {LOCK} or _is_marked(folder):
        return
    raise InputError(
        f"{folder} holds other things than a demo of this Hadir and stays as it is: name another folder with --folder"
    )


def _is_marked(folder: Path) -> bool:
    try:
        found = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("format") == _FORMAT
