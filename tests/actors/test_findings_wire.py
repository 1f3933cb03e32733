"""What a worker finds reaches the driver whole: a lost mark would be a copy that nobody recognises."""

from __future__ import annotations

import msgspec

from hadir.actors.face_actor import read_findings
from hadir.core.evidence import Candidate, FaceFinding, PhotoFinding
from hadir.core.verdict import Reason


def test_marks_come_through_as_they_are() -> None:
    photos = (PhotoFinding(None, mark=bytes(range(33))), PhotoFinding(Reason.NO_FACE))
    found = FaceFinding(photos, 1, None, True, Candidate("a", 0.9, 2), (), None, "space", "snapshot")
    assert read_findings(msgspec.msgpack.encode([found])) == [found]
