"""What the members' workers do in a run: the product's stage, with tokens where the run asks for them, and with photos
that kill their worker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import current_process
from pathlib import Path

from dev.token_pack import TokenPack
from hadir.faces.pack import FacePack, PackInfo, PhotoResult, PhotoRules
from hadir.faces.packs import load_pack
from hadir.pipeline.stage_spec import BuiltStage, StageSpec

__all__ = ["DEADLY", "ChaosStageSpec"]

DEADLY = b"HADIR-CHAOS-DEADLY"
"""A photo that begins so ends its worker as a segmentation fault would."""

SEGMENTATION_FAULT = 139


@dataclass(frozen=True, slots=True)
class ChaosStageSpec(StageSpec):
    """`tokens` is the file of vectors, empty where photos are looked at. `workers_die`: the worker has a process of its
    own, which a deadly photo ends; else it raises, because the process is everybody's."""

    tokens: str = ""
    workers_die: bool = False

    def __call__(self) -> BuiltStage:
        pack = load_pack(self.pack, self.precision, self.runtime)
        looking = TokenPack(pack.info, Path(self.tokens)) if self.tokens else pack
        return self._around(_DeadlyPack(looking, self.workers_die))


class _DeadlyPack:
    """A pack that some photos kill."""

    def __init__(self, pack: FacePack, dies: bool) -> None:
        self._pack, self._dies = pack, dies

    @property
    def info(self) -> PackInfo:
        return self._pack.info

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        if any(photo.startswith(DEADLY) for photo in photos):
            if self._dies:
                os._exit(SEGMENTATION_FAULT)
            raise RuntimeError(f"a deadly photo in {current_process().name}")
        return self._pack.analyse(photos, rules)
