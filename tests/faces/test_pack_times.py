"""A pack says what a batch took, stage by stage, and no more than it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hadir.core.evidence import LivenessFinding
from hadir.core.timings import StageName, Timed
from hadir.faces.alignment import arcface_points
from hadir.faces.analysis import AssembledPack
from hadir.faces.front import Front
from hadir.faces.image import Image, Points
from hadir.faces.insightface_pack import load_insightface_pack
from hadir.faces.pack import CHECK_IN_PHOTOS, FacePack
from hadir.faces.watched_pack import WatchedPack
from tests.faces.pack_folders import write_tiny_arcface, write_tiny_scrfd

Encode = Callable[[Image], bytes]

IN_A_PACK = {StageName.DECODE, StageName.DETECT, StageName.ALIGN, StageName.EMBED}


class Blind:
    """A liveness model that looks at nothing."""

    name = "blind"

    def judge(self, image: Image, box_px: Sequence[float], five_px: Points) -> LivenessFinding:  # noqa: ARG002
        return LivenessFinding(None, "not_aligned")


def analysed(pack: FacePack, photos: Sequence[bytes]) -> tuple[dict[StageName, float], float]:
    """What it says that it took, and what it took."""
    began_s = time.perf_counter()
    pack.analyse(photos, CHECK_IN_PHOTOS)
    took_s = time.perf_counter() - began_s
    assert isinstance(pack, Timed)
    return dict(pack.spent()), took_s


def test_the_open_pack_accounts_for_every_stage_of_a_batch(
    open_pack: AssembledPack, astronaut: Image, jpeg: Encode
) -> None:
    spent, took_s = analysed(open_pack, [jpeg(astronaut), b"", jpeg(astronaut)])
    assert spent.keys() == IN_A_PACK
    assert min(spent.values()) > 0
    assert 0.9 * took_s < sum(spent.values()) <= took_s


def test_a_pack_behind_its_own_detector_does_too(front: Front, astronaut: Image, jpeg: Encode, tmp_path: Path) -> None:
    face = front.locator.locate([astronaut])[0]
    assert face is not None
    write_tiny_arcface(tmp_path / "rec.onnx")
    write_tiny_scrfd(tmp_path / "det.onnx", [(0.9, list(face.detection.box_px), arcface_points(face.mesh))])
    spent, took_s = analysed(load_insightface_pack(tmp_path, front="own"), [jpeg(astronaut), b"nothing"])
    assert spent.keys() == IN_A_PACK
    assert 0.9 * took_s < sum(spent.values()) <= took_s


def test_the_second_look_of_a_watched_pack_belongs_to_no_stage(
    open_pack: AssembledPack, astronaut: Image, jpeg: Encode
) -> None:
    spent, took_s = analysed(WatchedPack(open_pack, Blind()), [jpeg(astronaut)])
    assert spent.keys() == IN_A_PACK
    assert spent == open_pack.spent()
    assert sum(spent.values()) < took_s


def test_each_batch_is_told_alone(open_pack: AssembledPack, astronaut: Image, jpeg: Encode) -> None:
    many, _ = analysed(open_pack, [jpeg(astronaut)] * 8)
    one, _ = analysed(open_pack, [jpeg(astronaut)])
    assert sum(one.values()) < sum(many.values())
