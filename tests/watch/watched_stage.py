"""What the members' workers do while they are watched: the product's stage, with tokens for photos and a brake."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.token_pack import TokenPack
from hadir.faces.pack import FacePack, PackInfo, PhotoResult, PhotoRules
from hadir.faces.packs import load_pack
from hadir.pipeline.stage_spec import BuiltStage, StageSpec

__all__ = ["BrakedStageSpec"]


@dataclass(frozen=True, slots=True)
class BrakedStageSpec(StageSpec):
    """`tokens` is the file of vectors; while there is a file `brake`, every batch takes the seconds longer that stand
    in it."""

    tokens: str = ""
    brake: str = ""

    def __call__(self) -> BuiltStage:
        pack = load_pack(self.pack, self.precision, self.runtime)
        return self._around(_BrakedPack(TokenPack(pack.info, Path(self.tokens)), Path(self.brake)))


class _BrakedPack:
    """A pack that is as slow as it is told."""

    def __init__(self, pack: FacePack, brake: Path) -> None:
        self._pack, self._brake = pack, brake

    @property
    def info(self) -> PackInfo:
        return self._pack.info

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        if self._brake.exists():
            time.sleep(float(self._brake.read_text(encoding="utf-8")))
        return self._pack.analyse(photos, rules)
