"""dlib's primitives: what is written is read, what is cut or foreign is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.dlib_stream import DlibStream
from hadir.core.errors import PackError
from tests.dev.dlib_bytes import alias, flag, floating, integer, tensor, text


@given(st.integers(-(2**64) + 1, 2**64 - 1))
def test_integers_of_up_to_eight_bytes_are_read_as_written(value: int) -> None:
    stream = DlibStream(integer(value))
    assert stream.integer() == value
    stream.finish()


@given(st.floats(allow_nan=False))
def test_floats_are_read_exactly(value: float) -> None:
    assert DlibStream(floating(value)).floating() == value


def test_not_a_number_is_read_as_one() -> None:
    assert math.isnan(DlibStream(floating(math.nan)).floating())


def test_an_integer_is_little_endian_with_its_sign_in_the_control_byte() -> None:
    assert DlibStream(bytes([0x82, 0x34, 0x12])).integer() == -0x1234


@pytest.mark.parametrize("control", [0x00, 0x09, 0x11, 0x41, 0x38])
def test_a_control_byte_that_dlib_never_writes_is_refused(control: int) -> None:
    with pytest.raises(PackError, match="start of a dlib integer"):
        DlibStream(bytes([control]) + bytes(8)).integer()


def test_flags_texts_aliases_and_tensors_follow_each_other() -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1)
    stream = DlibStream(flag(True) + text("con_4") + alias((1, 2, 3, 4)) + tensor(values) + flag(False))
    assert stream.flag() is True
    assert stream.text() == "con_4"
    assert stream.alias() == (1, 2, 3, 4)
    np.testing.assert_array_equal(stream.tensor(), values)
    assert stream.flag() is False
    stream.finish()


@given(st.data())
def test_a_tensor_cut_anywhere_is_refused(data: st.DataObject) -> None:
    whole = tensor(np.ones((1, 2, 3, 4), dtype=np.float32))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(PackError):
        DlibStream(whole[:cut]).tensor()


def test_bytes_left_over_are_refused() -> None:
    stream = DlibStream(integer(1) + b"?")
    stream.integer()
    with pytest.raises(PackError, match="1 bytes are left over"):
        stream.finish()


def test_an_unknown_version_is_refused_by_its_number() -> None:
    with pytest.raises(PackError, match="version 3 "):
        DlibStream(integer(3)).version(1, 2)
