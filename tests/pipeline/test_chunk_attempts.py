"""Every chunk comes back once; only what killed its worker alone is condemned."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hadir.index.reindex_chunks import EmbeddedPhoto
from hadir.pipeline.chunk_attempts import ATTEMPTS, KILLS_WORKER, ChunkAttempts
from hadir.pipeline.embedding import EmbeddedChunk, EnrolledPhoto, PhotoChunk


def chunk_of(number: int, photos: int) -> PhotoChunk:
    return PhotoChunk(number, tuple(EnrolledPhoto(f"{number}.{place}", b"", None) for place in range(photos)))


def embedded(photos: list[EnrolledPhoto]) -> list[EmbeddedPhoto]:
    return [EmbeddedPhoto(photo.id, vector=b"v") for photo in photos]


def finish(attempts: ChunkAttempts, chunk: PhotoChunk, killers: set[str], deaths: int = 0) -> EmbeddedChunk:
    """Calls until the chunk is back. Photos in `killers` always kill, and the first `deaths` calls die of nothing."""
    calls, made = [attempts.open(chunk)], 0
    while calls:
        call, made = calls.pop(0), made + 1
        photos = attempts.photos(call)
        if made <= deaths or any(photo.id in killers for photo in photos):
            again, back = attempts.crashed(call)
            calls += again
        else:
            back = attempts.landed(call, embedded(photos))
        if back is not None:
            assert not calls
            return back
    raise AssertionError("the chunk never came back")


@given(photos=st.integers(0, 9), killers=st.sets(st.integers(0, 8)))
def test_neighbours_of_photos_that_kill_are_embedded(photos: int, killers: set[int]) -> None:
    attempts = ChunkAttempts()
    back = finish(attempts, chunk_of(3, photos), {f"3.{place}" for place in killers})
    assert [photo.id for photo in back.photos] == [f"3.{place}" for place in range(photos)]
    condemned = {place for place, photo in enumerate(back.photos) if photo.reason == KILLS_WORKER}
    assert condemned == {place for place in killers if place < photos}
    assert len(attempts) == 0


def test_a_worker_that_dies_once_splits_nothing() -> None:
    attempts = ChunkAttempts()
    call = attempts.open(chunk_of(0, 4))
    again, back = attempts.crashed(call)
    assert back is None
    assert [(c.places, c.attempt) for c in again] == [((0, 1, 2, 3), 2)]


def test_a_photo_is_condemned_after_three_attempts_the_last_alone() -> None:
    attempts = ChunkAttempts()
    call, back, made = attempts.open(chunk_of(0, 2)), None, 0
    calls = [call]
    while calls:
        call, made = calls.pop(0), made + 1
        again, back = attempts.crashed(call)
        calls += again
        assert len(call.places) == (1 if call.attempt == ATTEMPTS else 2)
    assert made == 4
    assert back is not None
    assert [photo.reason for photo in back.photos] == [KILLS_WORKER] * 2


def test_an_empty_chunk_comes_back_whatever_happens() -> None:
    assert finish(ChunkAttempts(), chunk_of(0, 0), set()).photos == ()
    assert finish(ChunkAttempts(), chunk_of(0, 0), set(), deaths=1).photos == ()
