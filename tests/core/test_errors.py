"""The drawn tree of errors is the real one."""

from __future__ import annotations

import pickle

from hadir.core import errors
from hadir.core.errors import HadirError, PhotoError
from hadir.core.verdict import Reason


def test_every_error_stands_in_the_tree_with_its_code() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, HadirError)
        if kind is not PhotoError:
            assert any(
                name in line and (kind is HadirError or line.rstrip().endswith(kind.code))
                for line in (errors.__doc__ or "").splitlines()
            ), name


def test_a_photo_error_crosses_processes_whole() -> None:
    error = pickle.loads(pickle.dumps(PhotoError(Reason.PHOTO_EMPTY, "no bytes")))  # noqa: S301 - our own bytes
    assert (error.reason, str(error)) == (Reason.PHOTO_EMPTY, "no bytes")
