"""What a worker found, and how long it took, reaches the driver whole: a mark lost is a copy nobody knows."""

from __future__ import annotations

import msgspec

from hadir.actors.face_actor import FaceActor, read_worked
from hadir.core.evidence import Candidate, FaceFinding, PhotoFinding
from hadir.core.timings import BatchTimes, StageName
from hadir.core.verdict import Reason
from hadir.pipeline.ports import FaceJob
from hadir.pipeline.worked import Worked
from tests.pipeline.timed_stage import TimedStage


def test_marks_and_times_come_through_as_they_are() -> None:
    photos = (PhotoFinding(None, mark=bytes(range(33))), PhotoFinding(Reason.NO_FACE))
    found = FaceFinding(photos, 1, None, True, Candidate("a", 0.9, 2), (), None, "space", "snapshot")
    worked = Worked([found], BatchTimes(2, 0.5, {StageName.DECODE: 0.25, StageName.SEARCH: 0.125}))
    assert read_worked(msgspec.msgpack.encode(worked)) == worked


def test_an_actor_says_what_each_stage_took_and_how_long_it_was_busy() -> None:
    jobs = [FaceJob(1, "p", (b"photo", b"another")), FaceJob(2, "q", (b"third",))]
    worked = read_worked(FaceActor(TimedStage).process(msgspec.msgpack.encode(jobs)))
    assert len(worked.findings) == 2
    assert worked.times.photos == 3
    assert worked.times.stages == TimedStage.SPENT
    assert worked.times.busy_s > 0
