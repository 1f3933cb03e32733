"""A re-embedding worker's work and nothing else: photos in memory, one thread, no Ray, no store, no gallery.

`python -m benchmarks._bare_embedder SPEC PHOTOS BATCH` answers every line on standard input, which says how often to go
through the photos, with one line of JSON.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import psutil

from benchmarks._bare_worker import Work
from hadir.actors.embed_actor import keep_to_idle_time
from hadir.pipeline.embedding import EmbedSpec, EmbedStage, EnrolledPhoto

__all__ = ["read_photos", "write_photos"]


def write_photos(path: Path, photos: Sequence[EnrolledPhoto]) -> None:
    """For another process."""
    path.write_bytes(msgspec.msgpack.encode(photos))


def read_photos(path: Path) -> list[EnrolledPhoto]:
    """What `write_photos` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=list[EnrolledPhoto])


def _work(stage: EmbedStage, photos: Sequence[EnrolledPhoto], batch: int, passes: int) -> Work:
    start_s = time.perf_counter()
    for _ in range(passes):
        for start in range(0, len(photos), batch):
            stage.embed(photos[start : start + batch])
    seconds = time.perf_counter() - start_s
    return Work(passes * len(photos), seconds, seconds, psutil.Process().memory_info().rss)


def _main(arguments: Sequence[str]) -> None:
    spec, photos, batch = arguments
    cv2.setNumThreads(1)
    keep_to_idle_time()  # as the workers of the job: what else runs on the machine slows both sides alike
    stage = msgspec.json.decode(spec, type=EmbedSpec)()
    read = read_photos(Path(photos))
    for line in sys.stdin:
        print(msgspec.json.encode(_work(stage, read, int(batch), int(line))).decode(), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
