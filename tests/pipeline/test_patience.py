"""A question that is not answered takes its answer with it, and nothing else."""

from __future__ import annotations

import threading
from math import isnan

from hadir.core.errors import LedgerUnavailable
from hadir.pipeline.patience import Patience

PATIENCE_S = 30.0


def test_an_answer_that_comes_is_given() -> None:
    assert Patience(lambda: 7, PATIENCE_S)() == 7


def test_one_that_fails_is_not_known_and_is_asked_again() -> None:
    answers = [LedgerUnavailable("no database"), None]

    def question() -> float:
        if (failure := answers.pop(0)) is not None:
            raise failure
        return 3

    asked = Patience(question, PATIENCE_S)
    assert isnan(asked())
    assert asked() == 3


def test_whoever_hangs_is_waited_for_once_and_never_asked_twice_at_a_time() -> None:
    release, asked_times = threading.Event(), [0]

    def question() -> float:
        asked_times[0] += 1
        release.wait(PATIENCE_S)
        return 5

    asked = Patience(question, wait_s=0.01)
    assert all(isnan(asked()) for _ in range(3))
    assert asked_times == [1]
    release.set()
    thread = asked._thread
    assert thread is not None
    thread.join(PATIENCE_S)
    assert asked() == 5
