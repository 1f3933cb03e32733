"""A vector is only ever searched in the space that it was made in, whatever is exchanged when."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadir.core.errors import SpaceMismatch
from hadir.pipeline.face_stage import FaceStage
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.ports import FaceJob, JobResult
from tests.pipeline.test_face_stage import TinyIndex, TinyPack


class SpacedIndex(TinyIndex):
    """Refuses vectors that another space's pack has made, as every index does."""

    def __init__(self, space: str) -> None:
        super().__init__()
        self.embedding_space = space


@given(st.text(max_size=4), st.text(max_size=4))
def test_pack_and_index_of_two_spaces_never_make_a_stage(made: str, searched: str) -> None:
    if made == searched:
        FaceStage(TinyPack(made), SpacedIndex(searched), "snapshot")
    else:
        with pytest.raises(SpaceMismatch):
            FaceStage(TinyPack(made), SpacedIndex(searched), "snapshot")


@settings(max_examples=20)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_across_any_exchanges_a_vector_is_searched_in_the_space_it_was_made_in(spaces: list[str]) -> None:
    """Pack and index of a stage change together: `SpacedIndex.search` asserts it, and the finding names both."""
    stages = [partial(_spaced_stage, space) for space in spaces]
    pool, bell = InlinePool(stages[0]), threading.Event()
    results: list[JobResult] = []
    pool.start(bell.set)
    try:
        for ticket, stage in enumerate(stages):
            pool.submit([FaceJob(ticket, "enrolled", (b"a",))])
            pool.exchange(stage)
            while pool.exchanged().under_way or len(results) <= ticket:
                assert bell.wait(60)
                bell.clear()
                results += pool.take()
    finally:
        pool.close()
    findings = [result.finding for result in results]
    assert all(f is not None and f.snapshot == f"snapshot in {f.embedding_space}" for f in findings)


def _spaced_stage(space: str) -> FaceStage:
    return FaceStage(TinyPack(space), SpacedIndex(space), f"snapshot in {space}")
