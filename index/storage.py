"""A folder on any file system that pyarrow knows: local, `s3://`, `gs://`, `hdfs://`."""

from __future__ import annotations

from pathlib import Path

from pyarrow import fs

from hadir.core.errors import ConfigError, StoreUnavailable
from hadir.index.durable import write_durably
from hadir.index.envelope import OVERHEAD_BYTES, Envelope, is_sealed, key_name

__all__ = ["Storage"]


class Storage:
    """Whole files by name, `/` between folders. Every call blocks on the store; safe to share between threads.

    Raises, every method: StoreUnavailable where the store refuses or does not answer; nothing was changed then, or a
    write may have been: write again.
    """

    def __init__(self, uri: str | Path, envelope: Envelope | None = None) -> None:
        """`uri` is a local path or a pyarrow file-system URI; with an `envelope` every file is encrypted.

        Raises:
            ConfigError: it is neither.
        """
        self.uri = str(uri)
        self._envelope = envelope
        try:
            # pyarrow takes an absolute path, but no relative one, for a URI.
            place = self.uri if "://" in self.uri else str(Path(uri).absolute())
            self._files, self._root = fs.FileSystem.from_uri(place)
        except (ValueError, OSError) as err:
            raise ConfigError(f"{self.uri!r} is not a place that files can be kept in: {err}") from err

    @classmethod
    def on(cls, files: fs.FileSystem, root: str, uri: str, envelope: Envelope | None = None) -> Storage:
        """A folder of a file system that is open already; `uri` is how messages name it."""
        storage = cls.__new__(cls)
        storage.uri, storage._envelope, storage._files, storage._root = uri, envelope, files, root
        return storage

    def within(self, folder: str) -> Storage:
        """The storage of one folder of this one."""
        return Storage.on(self._files, self._path(folder), f"{self.uri.rstrip('/')}/{folder}", self._envelope)

    def under(self, envelope: Envelope | None) -> Storage:
        """The same folder, with this key or without one."""
        return Storage.on(self._files, self._root, self.uri, envelope)

    @property
    def local(self) -> Path | None:
        """The folder, where it is one of this machine."""
        return Path(self._root) if isinstance(self._files, fs.LocalFileSystem) else None

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """The file's first `most_bytes` + 1 bytes at most (one more tells that it is too large); None where it is not
        there.

        Raises:
            ConfigError: it is encrypted and no key is named, or another one, or it is not and a key is named.
            GalleryError: it was altered since it was encrypted.
        """
        content = self.read_raw(name, most_bytes + OVERHEAD_BYTES)
        if content is None:
            return None
        if len(content) > most_bytes + OVERHEAD_BYTES or (self._envelope is None and not is_sealed(content)):
            return content[: most_bytes + 1]
        if self._envelope is None:
            raise ConfigError(
                f"{self.uri}/{name} is encrypted with key {key_name(content)}: name its file in [stores] key_file"
            )
        return self._envelope.open(name.rpartition("/")[2], content)[: most_bytes + 1]

    def read_raw(self, name: str, most_bytes: int) -> bytes | None:
        """As `read`, the bytes that lie there, encrypted or not."""
        try:
            with self._files.open_input_stream(self._path(name)) as stream:
                content: bytes = stream.read(most_bytes + 1)
                return content
        except FileNotFoundError:
            return None
        except OSError as err:
            raise self._unavailable("read", err) from err

    def write(self, name: str, content: bytes) -> None:
        """Replace or make the file: a reader sees the old or the new content, whole; durable on return."""
        path = self._path(name)
        if self._envelope is not None:
            content = self._envelope.seal(name.rpartition("/")[2], content)
        try:
            if self.local is not None:
                for folder in (self.local, Path(path).parent):
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_durably(Path(path), content)
                return
            try:
                self._write_stream(path, content)
            except FileNotFoundError:  # a store that has real folders, and not this one yet
                self._files.create_dir(path.rpartition("/")[0], recursive=True)
                self._write_stream(path, content)
        except OSError as err:
            raise self._unavailable("written", err) from err

    def delete(self, name: str) -> bool:
        """Whether it was there."""
        try:
            self._files.delete_file(self._path(name))
        except FileNotFoundError:
            return False
        except OSError as err:
            raise self._unavailable("deleted", err) from err
        return True

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        try:
            return bool(self._files.get_file_info(self._path(name)).type == fs.FileType.File)
        except OSError as err:
            raise self._unavailable("looked up", err) from err

    def names(self, folder: str = "") -> list[str]:
        """All files below `folder`, ascending, relative to this storage; none where there is no such folder."""
        return sorted(self._name(info) for info in self._listed(folder))

    def written_before(self, moment_ms: int) -> list[str]:
        """As `names`, only those last written before this moment (UTC), which what was cut off may be among."""
        dated = ((info, info.mtime) for info in self._listed())
        return sorted(self._name(info) for info, at in dated if at is not None and at.timestamp() * 1000 < moment_ms)

    def _listed(self, folder: str = "") -> list[fs.FileInfo]:
        selector = fs.FileSelector(self._path(folder), recursive=True, allow_not_found=True)
        try:
            return [info for info in self._files.get_file_info(selector) if info.type == fs.FileType.File]
        except OSError as err:
            raise self._unavailable("listed", err) from err

    def _name(self, info: fs.FileInfo) -> str:
        return str(info.path[len(self._root) :].lstrip("/"))

    def _write_stream(self, path: str, content: bytes) -> None:
        with self._files.open_output_stream(path) as stream:
            stream.write(content)

    def _path(self, name: str) -> str:
        if any(part in {"", ".", ".."} for part in name.split("/")) and name:
            raise ValueError(f"{name!r} is not a name inside of a storage")
        return "/".join(part for part in (self._root, name) if part)

    def _unavailable(self, done: str, err: OSError) -> StoreUnavailable:
        why = err.strerror or type(err).__name__
        return StoreUnavailable(f"files under {self.uri} cannot be {done} ({why}): check the store")
