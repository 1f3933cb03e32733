"""One contract for every file system that photos and templates may lie on, encrypted or not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pyarrow import fs

from hadir.core.errors import ConfigError, GalleryError, StoreUnavailable
from hadir.index.envelope import Envelope
from hadir.index.photo_store import PhotoStore
from hadir.index.storage import Storage

KEY, OTHER_KEY = Envelope(b"k" * 32), Envelope(b"o" * 32)

Open = Callable[[Envelope | None], Storage]


@pytest.fixture(params=["local", "uri", "memory", "subtree"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """The same empty folder, opened again with any key."""
    root = tmp_path / "store"
    memory = fs._MockFileSystem() if request.param == "memory" else None

    def opened(envelope: Envelope | None = None) -> Storage:
        if request.param == "local":
            return Storage(root, envelope)
        if request.param == "uri":
            return Storage(root.as_uri(), envelope)
        if memory is not None:
            return Storage.on(memory, "bucket/store", "mock:///bucket/store", envelope)
        return Storage.on(fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), "store", "sub:store", envelope)

    return opened


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def storage(request: pytest.FixtureRequest, place: Open) -> Storage:
    envelope: Envelope | None = request.param
    return place(envelope)


def test_what_is_written_is_read_and_replaced_whole(storage: Storage) -> None:
    storage.write("a/b", b"first, and longer")
    storage.write("a/b", b"second")
    assert storage.read("a/b", 100) == b"second"


def test_one_byte_more_than_the_limit_tells_that_a_file_is_too_large(storage: Storage) -> None:
    storage.write("a", b"12345")
    assert storage.read("a", 5) == b"12345"
    assert len(storage.read("a", 4) or b"") == 5
    storage.write("b", bytes(1000))
    assert len(storage.read("b", 4) or b"") == 5


def test_what_is_not_there_is_none_and_not_listed(storage: Storage) -> None:
    assert storage.read("gone", 10) is None
    assert storage.read("no/folder", 10) is None
    assert not storage.exists("gone")
    assert not storage.delete("gone")
    assert storage.names() == []
    assert storage.names("no/folder") == []


def test_a_folder_is_no_file(storage: Storage) -> None:
    storage.write("a/b", b"x")
    assert not storage.exists("a")
    assert storage.exists("a/b")


def test_all_files_below_are_listed_in_order(storage: Storage) -> None:
    for name in ("b", "a/2", "a/1", "a/c/d"):
        storage.write(name, b"x")
    assert storage.names() == ["a/1", "a/2", "a/c/d", "b"]
    assert storage.names("a") == ["a/1", "a/2", "a/c/d"]
    assert storage.within("a").names() == ["1", "2", "c/d"]


def test_a_deleted_file_is_gone_once(storage: Storage) -> None:
    storage.write("a/b", b"x")
    assert storage.delete("a/b")
    assert not storage.delete("a/b")
    assert storage.read("a/b", 10) is None


@pytest.mark.parametrize("name", ["../a", "a/../b", "a//b", ".", "/a"])
def test_no_name_leads_out_of_the_folder(storage: Storage, name: str) -> None:
    for use in (lambda: storage.read(name, 1), lambda: storage.write(name, b""), lambda: storage.within(name)):
        with pytest.raises(ValueError, match="inside of a storage"):
            use()


def test_a_storage_within_another_reads_what_the_other_wrote(storage: Storage) -> None:
    storage.write("a/b", b"x")
    assert storage.within("a").read("b", 10) == b"x"


def test_encrypted_files_show_nothing_of_what_is_in_them(place: Open) -> None:
    place(KEY).write("photo", b"a face" * 10)
    raw = place(None).read_raw("photo", 1000) or b""
    assert b"face" not in raw
    assert KEY.key not in raw


def test_a_missing_key_and_a_wrong_one_are_named(place: Open) -> None:
    place(KEY).write("photo", b"a face")
    with pytest.raises(ConfigError, match=KEY.name):
        place(None).read("photo", 100)
    with pytest.raises(ConfigError, match=f"{KEY.name}.*{OTHER_KEY.name}"):
        place(OTHER_KEY).read("photo", 100)


def test_what_was_kept_without_a_key_is_refused_with_one(place: Open) -> None:
    place(None).write("photo", b"a face")
    with pytest.raises(ConfigError, match="hadir gallery encrypt"):
        place(KEY).read("photo", 100)


@pytest.mark.parametrize("at", [8, 16, 30, -1])
def test_one_altered_byte_of_an_encrypted_file_is_found(place: Open, at: int) -> None:
    place(KEY).write("photo", b"a face")
    raw = bytearray(place(None).read_raw("photo", 1000) or b"")
    raw[at] ^= 1
    place(None).write("photo", bytes(raw))
    with pytest.raises((GalleryError, ConfigError), match="photo"):
        place(KEY).read("photo", 100)


def test_an_encrypted_file_in_the_place_of_another_is_found(place: Open) -> None:
    place(KEY).write("one", b"a face")
    place(None).write("other", place(None).read_raw("one", 1000) or b"")
    with pytest.raises(GalleryError, match="altered"):
        place(KEY).read("other", 100)


def test_photos_come_back_by_their_digest(storage: Storage) -> None:
    store = PhotoStore(storage)
    identity = store.keep(b"photo")
    assert store.keep(b"photo") == identity
    assert (store.read(identity), store.ids()) == (b"photo", [identity])
    assert store.forget(identity)
    assert not store.forget(identity)
    assert store.read(identity) is None


def test_a_photo_that_was_swapped_is_refused(storage: Storage) -> None:
    store = PhotoStore(storage)
    identity = store.keep(b"photo")
    storage.write(f"{identity[:2]}/{identity}", b"another")
    with pytest.raises(GalleryError, match=identity[:12]):
        store.read(identity)


def test_local_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    Storage(tmp_path / "s").write("a/b", b"x")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "s").rglob("*"))


def test_a_place_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="nowhere://"):
        Storage("nowhere://bucket")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_refuses_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        Storage(tmp_path).write("a", b"x")


def test_a_file_where_a_folder_should_be_is_a_store_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="cannot be"):
        Storage(tmp_path).write("a/b", b"x")
