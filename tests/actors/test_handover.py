"""Who has the next stage, and who must still be told: all or none, whoever dies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.actors.handover import DEATHS_WHILE_LOADING, Handover
from hadir.core.errors import PackError, PoolBusy, SetupError
from hadir.pipeline.ports import ExchangePhase

SEATS = 3


def begun(seats: int = SEATS) -> Handover:
    handover = Handover(seats, at_once=seats)
    for seat in range(seats):
        handover.seated(seat)
    handover.begin()
    assert handover.to_load() == list(range(seats))
    return handover


def test_nobody_adopts_before_the_last_has_loaded() -> None:
    handover = begun()
    for seat in (2, 0):
        handover.loaded(seat)
        assert handover.to_adopt() == []
        assert handover.exchange.phase is ExchangePhase.LOADING
    handover.loaded(1)
    assert handover.exchange.phase is ExchangePhase.ADOPTING
    assert handover.to_adopt() == [0, 1, 2]
    assert handover.to_adopt() == [], "each is told once"


def test_some_load_after_the_others() -> None:
    handover = Handover(9)
    for seat in range(9):
        handover.seated(seat)
    handover.begin()
    assert handover.to_load() == [0, 1]
    assert handover.to_load() == []
    assert handover.all_loading() == {0, 1}
    handover.loaded(1)
    assert handover.to_load() == [2]
    assert handover.all_loading() == {0, 2}


def test_it_is_over_when_the_last_has_adopted() -> None:
    handover = begun()
    for seat in range(SEATS):
        handover.loaded(seat)
    handover.to_adopt()
    for seat in range(SEATS):
        assert handover.exchange.phase is ExchangePhase.ADOPTING
        handover.adopted(seat)
    assert handover.exchange.phase is ExchangePhase.ADOPTED


def test_one_that_cannot_load_ends_it_for_all() -> None:
    handover = begun()
    handover.loaded(0)
    handover.failed(PackError("cut short"))
    assert handover.exchange.phase is ExchangePhase.FAILED
    assert isinstance(handover.exchange.failure, PackError)
    assert sorted(handover.to_abandon()) == [0, 1, 2]
    assert handover.to_adopt() == []
    handover.loaded(1)
    assert handover.exchange.phase is ExchangePhase.FAILED


def test_a_failure_after_the_last_has_loaded_changes_nothing() -> None:
    handover = begun(1)
    handover.loaded(0)
    handover.failed(PackError("too late"))
    assert handover.exchange.phase is ExchangePhase.ADOPTING


def test_who_replaces_a_worker_that_died_while_loading_loads_too() -> None:
    handover = begun()
    handover.loaded(0)
    handover.gone(0)
    handover.loaded(1)
    handover.loaded(2)
    assert handover.exchange.phase is ExchangePhase.LOADING, "somebody is missing"
    handover.seated(0)
    assert handover.to_load() == [0]
    handover.loaded(0)
    assert handover.to_adopt() == [0, 1, 2]


def test_who_dies_while_adopting_comes_back_with_the_new_stage() -> None:
    handover = begun()
    for seat in range(SEATS):
        handover.loaded(seat)
    handover.to_adopt()
    handover.adopted(0)
    handover.adopted(1)
    handover.gone(2)
    assert handover.exchange.phase is ExchangePhase.ADOPTED
    handover.seated(2)
    assert handover.to_load() == []


def test_models_that_kill_their_workers_are_not_tried_for_ever() -> None:
    handover = begun()
    for _ in range(DEATHS_WHILE_LOADING):
        assert handover.exchange.phase is ExchangePhase.LOADING
        handover.gone(1)
        handover.seated(1)
        handover.to_load()
    assert handover.exchange.phase is ExchangePhase.FAILED
    assert isinstance(handover.exchange.failure, SetupError)


def test_one_at_a_time() -> None:
    handover = begun()
    with pytest.raises(PoolBusy):
        handover.begin()


EVENTS = st.lists(
    st.tuples(st.sampled_from(["loaded", "adopted", "gone", "seated", "failed"]), st.integers(0, SEATS - 1)),
    max_size=60,
)


@given(EVENTS)
def test_in_any_order_of_events_all_adopt_or_none(events: list[tuple[str, int]]) -> None:
    """A worker is told to adopt only while every worker holds the new stage or was built with it, and never after a
    failure; what workers say is limited to what they were told."""
    handover = begun()
    holds_old, told_load, told_adopt = set(range(SEATS)), set(range(SEATS)), set[int]()
    failed = False
    for event, seat in events:
        phase = handover.exchange.phase
        if event == "loaded" and seat in told_load:
            told_load.discard(seat)
            handover.loaded(seat)
        elif event == "adopted" and seat in told_adopt:
            told_adopt.discard(seat)
            holds_old.discard(seat)
            handover.adopted(seat)
        elif event == "gone":
            told_load.discard(seat)
            told_adopt.discard(seat)
            holds_old.discard(seat)
            handover.gone(seat)
        elif event == "seated" and seat not in holds_old | told_adopt:
            if phase is ExchangePhase.LOADING:
                holds_old.add(seat)
            handover.seated(seat)
        elif event == "failed":
            handover.failed(PackError("one of them"))
        failed = failed or handover.exchange.phase is ExchangePhase.FAILED
        told_load |= set(handover.to_load())
        adopting = handover.to_adopt()
        told_adopt |= set(adopting)
        assert not (failed and adopting)
        if handover.exchange.phase is ExchangePhase.ADOPTED:
            assert not holds_old, "nobody works with the old stage any more"
