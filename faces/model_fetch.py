"""One file over HTTP, whole or not at all: resumed where a connection broke, bounded, and checked by its SHA-256.

What has arrived lies in `TARGET.part` and survives a kill; `TARGET.part.json` says which file it is a part of. A part
is only ever continued by the same version of the same file (If-Range); the server decides that, the checksum proves it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import requests

from hadir.core.errors import PackError, SetupError

__all__ = ["MOST_BYTES", "Fetched", "Progress", "fetch"]

MOST_BYTES = 2 << 30
MOST_TRIES = 20
FRUITLESS_TRIES = 4
"""A fetch is given up after so many tries in a row that brought not one byte."""

_TIMEOUT_S = (15.0, 60.0)
_CHUNK_BYTES = 1 << 16
"""What is lost of a body where a connection is cut, at most."""

_NEVER_AGAIN = range(400, 500)
_TRY_LATER = frozenset({408, 425, 429})

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the whole size, None where the server does not say."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that is whole."""

    path: Path
    sha256: str
    bytes: int


class _Broken(Exception):
    """The connection, or what came over it, is of no use; what is there may be continued."""


def fetch(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    size_bytes: int | None = None,
    most_bytes: int = MOST_BYTES,
    progress: Progress = lambda _done, _whole: None,
    pause: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Bring `url` to `target`, whose folder exists; an older file there is replaced, unless it is the one wanted.

    Blocks until it is whole, for at most `MOST_TRIES` connections; waits between fruitless ones with `pause`.

    Args:
        url: http or https; a mirror of one's own may be named.
        target: where the whole file goes.
        sha256: the file's digest in hex, None where nobody knows it.
        size_bytes: its size, None where nobody knows it.
        most_bytes: more is never written.
        progress: called after every 64 KiB.
        pause: how to wait, in seconds.

    Raises:
        SetupError: the server is not to be reached, or does not have the file.
        PackError: what it sends is too large, is not of the size or digest that was expected; the part is then deleted.
    """
    if not re.match(r"https?://[^/]+/", url):
        raise PackError(f"{url!r} is no address to fetch from: expected http:// or https://")
    if sha256 is not None and (there := _there(target)) is not None and there.sha256 == sha256.lower():
        return there
    with _part(target) as part, closing(_session()) as session:
        errand = _Errand(session, url, part, min(most_bytes, size_bytes or most_bytes), progress)
        whole = _bring(errand, pause)
        size = part.size()
        digest = part.digest()
        expected_bytes = size_bytes if size_bytes is not None else whole
        if expected_bytes is not None and size != expected_bytes:
            part.forget()
            raise PackError(f"{url} gave {size} bytes, expected {expected_bytes}: fetch it again, or from a mirror")
        if sha256 is not None and digest != sha256.lower():
            part.forget()
            raise PackError(f"{url} gave a file with SHA-256 {digest}, expected {sha256}: it is not used")
        part.become(target)
    return Fetched(target, digest, size)


def _there(target: Path) -> Fetched | None:
    try:
        with target.open("rb") as file:
            return Fetched(target, hashlib.file_digest(file, "sha256").hexdigest(), file.tell())
    except FileNotFoundError:
        return None


def _session() -> requests.Session:
    session = requests.Session()
    session.headers.update({"User-Agent": "hadir", "Accept-Encoding": "identity"})
    return session


@dataclass(frozen=True, slots=True)
class _Errand:
    session: requests.Session
    url: str
    part: _Part
    most_bytes: int
    progress: Progress


def _bring(errand: _Errand, pause: Callable[[float], None]) -> int | None:
    """Fill the part until the server has said it is whole; the size that it says, where it does."""
    part, fruitless, problem = errand.part, 0, ""
    for _ in range(MOST_TRIES):
        before = part.size()
        try:
            return _one_try(errand)
        except (_Broken, requests.RequestException) as err:
            problem = str(err) if isinstance(err, _Broken) else _connection_problem(err)
        fruitless = 0 if part.size() > before else fruitless + 1
        if fruitless >= FRUITLESS_TRIES:
            break
        if fruitless:
            pause(2.0 ** (fruitless - 1))
    raise SetupError(
        f"{errand.url} cannot be fetched ({problem}), {part.size()} bytes are there: check the connection and run it "
        "again, it goes on where it stopped; where it stops at the same byte again the server is at fault: name a "
        "mirror (--url), or bring the file yourself (hadir models add --from-zip)"
    )


def _connection_problem(err: requests.RequestException) -> str:
    if isinstance(err, requests.Timeout):
        return "no answer in time"
    if isinstance(err, requests.exceptions.ChunkedEncodingError):
        return "the connection broke, or the file is shorter than the server says"
    return "no connection" if isinstance(err, requests.ConnectionError) else type(err).__name__


def _one_try(errand: _Errand) -> int | None:
    """One request for what is missing; returns when the body ended where its headers said."""
    url, part = errand.url, errand.part
    tag, start = part.tag(url), part.size()
    headers = {"Range": f"bytes={start}-", "If-Range": tag} if start and tag is not None else {}
    with errand.session.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        _refuse_downgrade(url, response)
        if response.status_code == 416 and headers:
            if response.headers.get("Content-Range") == f"bytes */{start}":
                return start
            part.restart()
            raise _Broken("it is shorter now than the part that is here")
        if response.status_code not in {200, 206}:
            raise _status_problem(url, response.status_code)
        whole = _whole_size(response, start)
        if whole is not None and whole > errand.most_bytes:
            raise PackError(
                f"{url} says it has {whole} bytes, at most {errand.most_bytes} are taken: check the address"
            )
        if response.status_code == 200:
            part.restart()
            part.remember(url, _tag_of(response))
        _take(errand, response, whole)
    if whole is not None and part.size() != whole:
        raise _Broken(f"it ended after {part.size()} of {whole} bytes")
    return whole


def _take(errand: _Errand, response: requests.Response, whole: int | None) -> None:
    """Append the body; what came before an error stays."""
    part = errand.part
    try:
        for chunk in response.iter_content(_CHUNK_BYTES):
            if part.size() + len(chunk) > errand.most_bytes:
                part.forget()
                raise PackError(f"{errand.url} sends more than {errand.most_bytes} bytes: check the address")
            part.append(chunk)
            errand.progress(part.size(), whole)
    finally:
        part.flush()


def _status_problem(url: str, status: int) -> Exception:
    if status in _NEVER_AGAIN and status not in _TRY_LATER:
        return SetupError(f"{url} answers {status}: check the name or the mirror's address")
    return _Broken(f"it answers {status}")


def _refuse_downgrade(url: str, response: requests.Response) -> None:
    """Nobody may lead from an encrypted connection to one that can be read and changed."""
    if url.startswith("https://") and any(not hop.url.startswith("https://") for hop in (*response.history, response)):
        raise PackError(f"{url} leads to an address without encryption: it is not fetched")


def _whole_size(response: requests.Response, start: int) -> int | None:
    """The size of the whole file; checks that a part is the one asked for."""
    if response.status_code == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            raise SetupError(
                f"{response.url} answers with another part than the one from byte {start}: delete the .part file, or "
                "use a mirror"
            )
        return None if match[2] == "*" else int(match[2])
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _tag_of(response: requests.Response) -> str | None:
    """What If-Range takes (RFC 9110, 13.1.5): a strong entity tag, else a date."""
    tag = response.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")


class _Part:
    """What has arrived so far, and a note of what it is a part of."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self._note = path.with_name(f"{path.name}.json")
        self._size = file.seek(0, os.SEEK_END)

    def size(self) -> int:
        return self._size

    def tag(self, url: str) -> str | None:
        """The version of `url` that this is a part of; None where it cannot be continued."""
        try:
            note = json.loads(self._note.read_bytes())
            return str(note["tag"]) if note["url"] == url and note["tag"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, url: str, tag: str | None) -> None:
        self._note.write_text(json.dumps({"url": url, "tag": tag}), encoding="utf-8")

    def append(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._size += len(chunk)

    def flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def restart(self) -> None:
        self._size = self._file.seek(0)
        self._file.truncate()
        self._note.unlink(missing_ok=True)

    def digest(self) -> str:
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()  # type: ignore[arg-type]  # a BufferedRandom is one

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def become(self, target: Path) -> None:
        self._path.replace(target)
        self._note.unlink(missing_ok=True)


@contextmanager
def _part(target: Path) -> Iterator[_Part]:
    """The part of `target`, ours alone. Raises PackError where another process is fetching the same."""
    path = target.with_name(f"{target.name}.part")
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise PackError(f"another process is fetching {target.name}: wait for it") from err
        part = _Part(path, file)
        try:
            yield part
        finally:
            if not part.size():
                part.forget()
