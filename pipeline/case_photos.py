"""Photos of cases, kept for the people who must look: one file per content, in any folder or bucket of pyarrow.fs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

from pyarrow import fs

from hadir.core.errors import ConfigError, StoreUnavailable

__all__ = ["CasePhotos"]

_UNFINISHED = ".part"


class CasePhotos:
    """Keeps each photo under its SHA-256, so that keeping it again, after a crash or for a repeat, changes nothing."""

    def __init__(self, uri: str) -> None:
        """`uri` is a local path, `file://`, `s3://`, `gs://` or `hdfs://`. Raises ConfigError where it is none."""
        try:
            # pyarrow takes an absolute path, but no relative one, for a URI.
            self._files, self._root = fs.FileSystem.from_uri(uri if "://" in uri else str(Path(uri).absolute()))
        except (ValueError, OSError) as err:
            raise ConfigError(f"photos_uri {uri!r} is not a place that photos can be kept in: {err}") from err

    def keep(self, photos: Sequence[bytes]) -> tuple[str, ...]:
        """Store what is not there yet; returns the hex digests, parallel to `photos`. Blocks on the store.

        Raises:
            StoreUnavailable: the store refuses or does not answer; what was kept meanwhile is harmless.
        """
        try:
            return tuple(self._keep(photo) for photo in photos)
        except OSError as err:
            raise StoreUnavailable(f"photos of a case cannot be kept ({type(err).__name__}): check photos_uri") from err

    def sweep(self, named: Collection[str], before_ms: int) -> int:
        """Delete photos last written before `before_ms` (UTC) that `named` does not hold; returns how many.

        They were kept for a transaction that a crash undid, or their evidence has been erased. Give `before_ms` a good
        distance: a photo is kept before the row that names it.

        Raises:
            StoreUnavailable: the store refuses or does not answer; sweep again later.
        """
        try:
            there = self._files.get_file_info(fs.FileSelector(self._root, recursive=True, allow_not_found=True))
            orphans = [
                info.path
                for info in there
                if info.type == fs.FileType.File
                and info.base_name.removesuffix(_UNFINISHED) not in named
                and info.mtime is not None
                and info.mtime.timestamp() * 1000 < before_ms
            ]
            for path in orphans:
                self._files.delete_file(path)
        except OSError as err:
            raise StoreUnavailable(f"photos of cases cannot be swept ({type(err).__name__}): check photos_uri") from err
        return len(orphans)

    def path_of(self, sha256: str) -> str:
        """Where a photo of this digest lies inside the file system of `uri`. Two levels keep folders small."""
        return f"{self._root}/{sha256[:2]}/{sha256}"

    def _keep(self, photo: bytes) -> str:
        digest = hashlib.sha256(photo).hexdigest()
        path = self.path_of(digest)
        if self._files.get_file_info(path).type == fs.FileType.NotFound:
            self._files.create_dir(path.rpartition("/")[0], recursive=True)
            # Written aside and moved: a crash in between never leaves half a photo under a name that promises it all.
            with self._files.open_output_stream(f"{path}{_UNFINISHED}") as out:
                out.write(photo)
            if isinstance(self._files, fs.LocalFileSystem):
                for place in (Path(path).parent, Path(self._root)):
                    place.chmod(0o700)
                Path(f"{path}{_UNFINISHED}").chmod(0o600)
            self._files.move(f"{path}{_UNFINISHED}", path)
        return digest
