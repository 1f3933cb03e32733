"""The card's benchmark, tried on the processor: its arithmetic, and what it says where there is no card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks._iresnet import write_iresnet
from benchmarks.gpu import CardSize, measure
from hadir.core.errors import PackError
from hadir.faces.onnx import installed_runtimes, open_session

TINY = CardSize(photos=2, batch=2, threads=2, blocks=(1, 1, 1, 1), width=4, runtime="cpu")


def test_a_photo_is_two_crops_and_the_share_is_of_the_recognisers_own_rate() -> None:
    report = measure(2, TINY)
    figures = report.figures
    assert figures["whole_embedded_share"].median == 1.0
    for whole, raw, share in zip(
        figures["whole_photos_per_s"].rounds,
        figures["raw_photos_per_s"].rounds,
        figures["whole_of_raw"].rounds,
        strict=True,
    ):
        assert share == pytest.approx(whole / raw)
    assert report.conditions["photos_per_round"] == 4
    assert report.conditions["runtime"] == "cpu"


@pytest.mark.skipif("onnxruntime-gpu" in installed_runtimes(), reason="this machine may have a card")
def test_without_a_card_it_says_what_is_missing() -> None:
    with pytest.raises(PackError, match="runtime cuda was asked for"):
        measure(1, CardSize(photos=1, threads=1, blocks=(1, 1, 1, 1), width=4))


def test_the_recogniser_has_the_published_shape(tmp_path: Path) -> None:
    write_iresnet(tmp_path / "tiny.onnx", blocks=(2, 1, 1, 1), width=4)
    session = open_session((tmp_path / "tiny.onnx").read_bytes(), "tiny.onnx")
    crops = np.ones((3, 3, 112, 112), dtype=np.float32)
    (vectors,) = session.run([session.get_outputs()[0].name], {"input": crops})
    assert vectors.shape == (3, 512)
    assert np.isfinite(vectors).all()
