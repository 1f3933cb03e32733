"""A NIP has a shape; it is personal data and never shown whole."""

from __future__ import annotations

import pytest

from hadir.core.nip import is_nip, mask_nip


@pytest.mark.parametrize("text", ["198503302003121002", "199001152023211005", "200012312024042001"])
def test_pns_and_pppk_numbers_pass(text: str) -> None:
    assert is_nip(text)


@pytest.mark.parametrize(
    "text", ["", "19850330200312100", "1985033020031210021", "198513302003121002", "ABCDEFGHIJKLMNOPQR"]
)
def test_other_shapes_do_not(text: str) -> None:
    assert not is_nip(text)


def test_the_mask_keeps_four_digits() -> None:
    assert mask_nip("198503302003121002") == "1985**************"
