"""Sealed files: every single altered byte is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.sealed_json import MOST_BYTES, seal, unseal

DOCUMENT = {"name": "p", "files": {"a.onnx": {"bytes": 3}}, "none": None, "letters": "é"}


def test_what_was_sealed_comes_back() -> None:
    assert unseal(seal(DOCUMENT)) == DOCUMENT


@given(place=st.integers(0, len(seal(DOCUMENT)) - 1), byte=st.integers(0, 255))
def test_any_altered_byte_is_found(place: int, byte: int) -> None:
    content = seal(DOCUMENT)
    altered = content[:place] + bytes([byte]) + content[place + 1 :]
    if altered == content:
        return
    with pytest.raises(ValueError, match=r"."):
        unseal(altered)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"[" * 100_000, b" " * (MOST_BYTES + 1), seal({}) + b" "])
def test_what_is_no_sealed_object_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unseal(content)
