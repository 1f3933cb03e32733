"""The token pack serves tests, and nobody who did not ask for it by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dev.token_pack import MOST_TOKEN_BYTES, SWITCH, TokenPack, token
from hadir.core.errors import PackError
from hadir.core.thresholds import ThresholdTable
from hadir.core.verdict import Reason
from hadir.faces.pack import CHECK_IN_PHOTOS, PackInfo
from hadir.faces.packs import load_pack

INFO = PackInfo("p", "CC0", "space", 4, "fp32", ThresholdTable({}), 0.02)
NONCE = bytes(16)


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    np.save(tmp_path / "vectors.npy", np.eye(4, dtype=np.float32)[:3])
    return tmp_path / "vectors.npy"


def test_without_the_switch_of_a_test_it_refuses(vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    with pytest.raises(PackError, match="tokens are for tests"):
        TokenPack(INFO, vectors)


@pytest.mark.parametrize("name", ["token", "tokens", "dev/token_pack.py"])
def test_no_setting_names_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    with pytest.raises(PackError, match="no face pack"):
        load_pack(name)


def test_a_token_gives_its_vector_and_anything_else_is_no_image(vectors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    photos = [token(2, NONCE), token(3, NONCE), b"", token(0, NONCE)[:-1], b"\xff\xd8\xff"]
    first, *others = TokenPack(INFO, vectors).analyse(photos, CHECK_IN_PHOTOS)
    assert first.finding.code is None
    assert first.vector is not None
    assert first.vector.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert {one.finding.code for one in others} == {Reason.PHOTO_NOT_AN_IMAGE}
    assert len(photos[0]) <= MOST_TOKEN_BYTES


def test_vectors_of_another_pack_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    np.save(tmp_path / "vectors.npy", np.eye(5, dtype=np.float32))
    with pytest.raises(PackError, match="not \\(N, 4\\)"):
        TokenPack(INFO, tmp_path / "vectors.npy")
