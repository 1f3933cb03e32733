"""Photos per second of one card with a recogniser of IResNet-50's size, against that recogniser's own raw batches."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks._conditions import cores
from benchmarks._iresnet import IRESNET_50, SIDE_PX, WIDTH, write_iresnet
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import alternate, ratio
from benchmarks._selfies import SEED, take_selfies
from hadir.faces.insightface_pack import load_insightface_pack
from hadir.faces.onnx import Session, open_session
from hadir.faces.pack import CHECK_IN_PHOTOS, FacePack
from hadir.faces.runtime import BATCH_SIZES, Provider, Runtime

__all__ = ["CardSize", "measure"]

VIEWS = 2
"""A photo costs two crops: chip and mirror image."""


@dataclass(frozen=True, slots=True)
class CardSize:
    """`photos` per thread, round and side, in batches of `batch`; `threads` feed one card, each with a pack of its own,
    since one cannot decode as fast as a card embeds. The processor as `runtime` is for trying the benchmark out."""

    photos: int = 1024
    batch: int = 32
    threads: int = 0
    blocks: tuple[int, ...] = IRESNET_50
    width: int = WIDTH
    runtime: Provider = "cuda"


def measure(rounds: int, size: CardSize = CardSize()) -> Report:
    """Encoded photos to vectors on one card, in turns with the recogniser alone on full batches of crops."""
    threads = size.threads or cores()
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name:
        model = Path(name) / "iresnet.onnx"
        write_iresnet(model, size.blocks, size.width)
        runtime = Runtime(size.runtime)
        # Loading says in one sentence what is missing where there is no card.
        packs = [load_insightface_pack(Path(name), runtime) for _ in range(threads)]
        session = open_session(model.read_bytes(), model.name, runtime)
        photos = [selfie.photo for selfie in take_selfies(packs[0], size.photos)[0]]
        sides = {
            "raw": partial(_raw_photos_per_s, session, size.photos * threads),
            "whole": partial(_whole_photos_per_s, packs, photos, size.batch),
        }
        for run in sides.values():
            run()
        figures = alternate(sides, rounds)
    figures["whole_of_raw"] = ratio(figures["whole_photos_per_s"], figures["raw_photos_per_s"])
    conditions = {
        "recogniser": f"IResNet of {'-'.join(map(str, size.blocks))} blocks from {size.width} channels, random weights",
        "photos_per_round": size.photos * threads,
        "batch": size.batch,
        "raw_batch": BATCH_SIZES[-1],
        "views": VIEWS,
        "threads": threads,
        "runtime": packs[0].info.runtime,
        "rounds": rounds,
    }
    return Report("gpu", conditions, figures, [])


def _raw_photos_per_s(session: Session, photos: int) -> dict[str, float]:
    """Full batches of crops that lie ready in memory: what no path around it can exceed. Two crops count as a photo."""
    crops = np.random.default_rng(SEED).normal(size=(BATCH_SIZES[-1], 3, SIDE_PX, SIDE_PX)).astype(np.float32)
    batches = -(-photos * VIEWS // len(crops))
    output, name = session.get_outputs()[0].name, session.get_inputs()[0].name
    start_s = time.perf_counter()
    for _ in range(batches):
        session.run([output], {name: crops})
    return {"photos_per_s": batches * len(crops) / VIEWS / (time.perf_counter() - start_s)}


def _whole_photos_per_s(packs: Sequence[FacePack], photos: Sequence[bytes], batch: int) -> dict[str, float]:
    def work(pack: FacePack) -> int:
        found = 0
        for start in range(0, len(photos), batch):
            results = pack.analyse(photos[start : start + batch], CHECK_IN_PHOTOS)
            found += sum(result.vector is not None for result in results)
        return found

    start_s = time.perf_counter()
    with ThreadPoolExecutor(len(packs)) as pool:
        found = sum(pool.map(work, packs))
    seconds = time.perf_counter() - start_s
    total = len(photos) * len(packs)
    return {"photos_per_s": total / seconds, "embedded_share": found / total}


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.gpu", measure, sys.argv[1:]))
