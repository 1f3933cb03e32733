"""What a worker's models run on is its own word: the driver may have another machine, or no card."""

from __future__ import annotations

from hadir.actors.face_actor import FaceActor, WorkerFacts
from hadir.actors.staff import Staff
from tests.actors.watched_stages import FELL_BACK, ON_THE_CARD, OnTheCpu
from tests.pipeline.world import PhotoStage


def test_an_actor_says_what_its_models_run_on_where_its_stage_knows() -> None:
    assert FaceActor(OnTheCpu).facts().models == FELL_BACK
    assert FaceActor(PhotoStage).facts().models is None


def test_a_seat_keeps_the_latest_word_of_whoever_sits_there() -> None:
    staff = Staff(2)
    assert [info.models for info in staff.infos()] == [None, None]
    staff.ready(1, WorkerFacts(7, 1, FELL_BACK))
    assert [info.models for info in staff.infos()] == [None, FELL_BACK]
    staff.ready(1, WorkerFacts(7, 1, ON_THE_CARD))
    assert staff.infos()[1].models == ON_THE_CARD
