"""A face actor's work and nothing else: no Ray, no log, no ledger, one thread.

`python -m benchmarks._bare_worker STAGE SELFIES BATCH` answers every line on standard input, which says how
often to go through the selfies, with one line of JSON.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import cv2
import msgspec
import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks._selfies import Selfie, read_selfies
from hadir.faces import onnx
from hadir.faces.onnx import Session, Slot, open_session
from hadir.faces.runtime import CPU, Runtime
from hadir.pipeline.ports import FaceJob, Stage
from hadir.pipeline.stage_spec import StageSpec

__all__ = ["Work", "face_jobs"]


RAY_NICENESS = 15
"""As Ray's workers run: other load on the machine must not slow one side of a comparison alone."""


class Work(msgspec.Struct, frozen=True):
    """What was done: seconds in all, seconds inside the models' `session.run`, resident memory after it."""

    photos: int
    seconds: float
    inside_s: float
    rss_bytes: int


class _Stopwatch:
    """Sums up the time inside `run` of every session that it has opened: two clock readings a call."""

    def __init__(self) -> None:
        self.inside_s = 0.0

    def open(self, model: bytes, name: str, runtime: Runtime = CPU) -> Session:
        return _TimedSession(open_session(model, name, runtime), self)


class _TimedSession:
    def __init__(self, session: Session, watch: _Stopwatch) -> None:
        self._session, self._watch = session, watch

    def get_inputs(self) -> Sequence[Slot]:
        return self._session.get_inputs()

    def get_outputs(self) -> Sequence[Slot]:
        return self._session.get_outputs()

    def get_providers(self) -> list[str]:
        return self._session.get_providers()

    def run(self, output_names: list[str], input_feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        start_s = time.perf_counter()
        outputs = self._session.run(output_names, input_feed)
        self._watch.inside_s += time.perf_counter() - start_s
        return outputs


def face_jobs(selfies: Sequence[Selfie], batch: int) -> list[list[FaceJob]]:
    """One photo a job, as a check-in has, in batches as the pool sends them."""
    jobs = [FaceJob(number, one.person, (one.photo,)) for number, one in enumerate(selfies)]
    return [jobs[start : start + batch] for start in range(0, len(jobs), batch)]


def _work(stage: Stage, watch: _Stopwatch, batches: Sequence[Sequence[FaceJob]], passes: int) -> Work:
    inside_s, start_s = watch.inside_s, time.perf_counter()
    for _ in range(passes):
        for jobs in batches:
            stage.process(jobs)
    seconds = time.perf_counter() - start_s
    photos = passes * sum(map(len, batches))
    return Work(photos, seconds, watch.inside_s - inside_s, psutil.Process().memory_info().rss)


def _main(arguments: Sequence[str]) -> None:
    spec, selfies, batch = arguments
    cv2.setNumThreads(1)
    os.nice(RAY_NICENESS)
    watch = _Stopwatch()
    with patch.object(onnx, "open_session", watch.open):
        stage = msgspec.json.decode(spec, type=StageSpec)()
    batches = face_jobs(read_selfies(Path(selfies)), int(batch))
    for line in sys.stdin:
        print(msgspec.json.encode(_work(stage, watch, batches, int(line))).decode(), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1:])
