"""The 18-digit number (NIP, NI PPPK) that names a public servant: its shape, and its mask for logs."""

from __future__ import annotations

import re

__all__ = ["is_nip", "mask_nip"]

_SHAPE = re.compile(r"[12]\d{3}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{6}[12]?\d{3,4}")


def is_nip(text: str) -> bool:
    """Whether `text` has the shape of a NIP: 18 digits that begin with a birth date.

    Lenient after the birth date on purpose: an NI PPPK holds a year and an agreement number where a NIP holds year and
    month, and there is no check digit (docs/domain: Perka BKN 43/2007).
    """
    return len(text) == 18 and _SHAPE.fullmatch(text) is not None


def mask_nip(text: str) -> str:
    """The first four digits and asterisks: what a log or a screen may show."""
    return text[:4] + "*" * max(0, len(text) - 4)
