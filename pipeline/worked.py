"""A batch done by a stage, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hadir.core.evidence import FaceFinding
from hadir.core.timings import BatchTimes, Timed
from hadir.pipeline.ports import FaceJob, Stage

__all__ = ["OnWorked", "Worked", "work"]

OnWorked = Callable[[BatchTimes], None]
"""Told by a pool, in its `take`, what a batch took that a worker has done. Must return at once and never raise."""


@dataclass(frozen=True, slots=True)
class Worked:
    """`findings` are parallel to the batch's jobs."""

    findings: list[FaceFinding]
    times: BatchTimes


def work(stage: Stage, jobs: Sequence[FaceJob], since_s: float | None = None) -> Worked:
    """Let the stage do the batch, on this thread; `since_s` (perf_counter) where the worker was busy with it before.

    Raises:
        Exception: whatever the stage raises.
        ValueError: it gave another number of findings.
    """
    began_s = time.perf_counter() if since_s is None else since_s
    findings = stage.process(jobs)
    if len(findings) != len(jobs):
        raise ValueError(f"the stage gave {len(findings)} findings for {len(jobs)} check-ins")
    stages = stage.spent() if isinstance(stage, Timed) else {}
    busy_s = time.perf_counter() - began_s
    return Worked(findings, BatchTimes(sum(len(job.photos) for job in jobs), busy_s, stages))
