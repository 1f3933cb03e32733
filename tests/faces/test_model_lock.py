"""The lock names what insightface names, and digests only where they are known."""

from __future__ import annotations

import re

import pytest

from hadir.faces.model_lock import known_packs


def test_the_packs_that_insightface_names_can_be_fetched() -> None:
    downloads = pytest.importorskip("insightface.gui.core.model_downloads")
    named = {name.removesuffix(".zip") for name in downloads.INSIGHTFACE_MODEL_ASSET_NAMES if name.endswith(".zip")}
    assert set(known_packs()) == named
    storage = pytest.importorskip("insightface.utils.storage")
    for name, pack in known_packs().items():
        assert pack.url == storage.model_zoo_download_url(f"{name}.zip")


def test_digests_are_whole_or_absent_and_licences_always_there() -> None:
    for pack in known_packs().values():
        assert pack.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", pack.sha256)
        assert pack.bytes is None or pack.sha256 is not None
        assert "non-commercial" in pack.licence
    digests = [pack.sha256 for pack in known_packs().values() if pack.sha256 is not None]
    assert len(digests) == len(set(digests)) == 6
