"""Where a re-embedding keeps its notes and its finished work: beside the live run's folder, not in it."""

from __future__ import annotations

from pathlib import Path

from hadir.app.stores import key_of
from hadir.core.settings import Settings
from hadir.index.storage import Storage

__all__ = ["reindex_chunks", "reindex_folder"]


def reindex_folder(settings: Settings) -> Path:
    """Notes of its Ray, the finished chunks, the report, the log."""
    folder = Path(settings.run.folder)
    return folder.with_name(f"{folder.name}-reindex")


def reindex_chunks(settings: Settings) -> Storage:
    """Finished work: vectors of everybody, as secret as the gallery that they go to. Raises ConfigError as `key_of`."""
    return Storage(reindex_folder(settings) / "chunks", key_of(settings))
