"""Keys and sealed files: what fits, what is named, what never shows."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.errors import ConfigError, GalleryError
from hadir.index.envelope import KEY_BYTES, OVERHEAD_BYTES, Envelope, is_sealed, read_key

KEY = Envelope(b"k" * KEY_BYTES)


@given(content=st.binary(max_size=300), file=st.text(max_size=20))
def test_what_is_sealed_opens_and_grows_by_a_known_length(content: bytes, file: str) -> None:
    sealed = KEY.seal(file, content)
    assert KEY.open(file, sealed) == content
    assert len(sealed) == len(content) + OVERHEAD_BYTES
    assert is_sealed(sealed)


@given(content=st.binary(max_size=50), data=st.data())
def test_any_altered_byte_is_found(content: bytes, data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal("f", content))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((ConfigError, GalleryError)):
        KEY.open("f", bytes(sealed))


def test_the_same_content_is_never_sealed_alike() -> None:
    assert KEY.seal("f", b"x") != KEY.seal("f", b"x")


def test_a_key_shows_in_no_text_and_travels_to_other_processes() -> None:
    assert "kkk" not in repr(KEY)
    assert "kkk" not in KEY.name
    assert pickle.loads(pickle.dumps(KEY)) == KEY  # noqa: S301 - our own value


def test_a_private_file_of_32_bytes_is_a_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"k" * KEY_BYTES)
    path.chmod(0o600)
    assert read_key(path) == KEY


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_key_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"k" * KEY_BYTES)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:o}.*chmod 600"):
        read_key(path)


@pytest.mark.parametrize(("size", "said"), [(0, "0 bytes"), (31, "31 bytes"), (33, "more than 32")])
def test_a_key_of_another_length_is_refused(tmp_path: Path, size: int, said: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"k" * size)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=said):
        read_key(path)


def test_a_key_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-key"):
        read_key(tmp_path / "no-key")
