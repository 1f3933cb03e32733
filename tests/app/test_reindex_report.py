"""What a re-embedding says about itself: a sentence for every reason, and lines for those who have no bar."""

from __future__ import annotations

import pytest
import structlog

from hadir.app.reindex_report import ProgressLines, why
from hadir.core.clock import ManualClock
from hadir.core.verdict import PHOTO_CODES, Reason
from hadir.pipeline.chunk_attempts import KILLS_WORKER
from hadir.pipeline.embedding import ANOTHER_FACE
from hadir.pipeline.photo_reads import PHOTO_ALTERED, PHOTO_MISSING


@pytest.mark.parametrize(
    "reason", [*sorted(PHOTO_CODES), Reason.NO_FACE, PHOTO_MISSING, PHOTO_ALTERED, ANOTHER_FACE, KILLS_WORKER]
)
def test_every_reason_has_a_sentence_in_both_languages(reason: str) -> None:
    says = why(reason)
    assert says.id
    assert says.en
    assert says.id != says.en


def test_a_line_comes_every_ten_seconds_with_the_rate_since_the_last() -> None:
    clock = ManualClock()
    with structlog.testing.capture_logs() as told:
        lines = ProgressLines(1000, clock)
        lines(64)
        assert told == []
        for _ in range(2):
            clock.advance(10)
            lines(200)
    assert [(line["done"], line["photos_per_s"], line["left_s"]) for line in told] == [(264, 26.4, 28), (464, 20.0, 27)]
