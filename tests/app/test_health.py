"""What probes hear: what is missing by name, and nothing that a restart would not mend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hadir.app.health import Check, Health, Vitals
from hadir.pipeline.membership import Membership

STALL_S = 60.0
WELL = Vitals("pack open int8, snapshot 1f", 2, 2, 0.5, Membership(True, frozenset({0, 3})))


def missing(checks: list[Check]) -> list[str]:
    return [f"{check.name}: {check.said}" for check in checks if not check.holds]


def health(vitals: Vitals) -> Health:
    return Health(lambda: vitals, STALL_S)


def test_one_that_answers_check_ins_is_alive_started_and_ready() -> None:
    assert not missing(health(WELL).alive() + health(WELL).started() + health(WELL).ready())


def test_before_anything_is_loaded_it_is_alive_and_says_all_that_is_missing() -> None:
    cold = health(Vitals(workers_wanted=2))
    assert not missing(cold.alive())
    assert missing(cold.started()) == [
        "index: models and index are not loaded and tested yet",
        "workers: 0 of 2 serve",
        "start: not done yet",
    ]
    assert missing(cold.ready()) == [*missing(cold.started()), "group: not a member of the consumer group"]


@pytest.mark.parametrize(
    ("vitals", "said"),
    [
        (replace(WELL, serves=None), "index: models and index are not loaded and tested yet"),
        (replace(WELL, workers=0), "workers: 0 of 2 serve"),
        (replace(WELL, membership=Membership(False, frozenset({0}))), "group: not a member of the consumer group"),
        (replace(WELL, still_for_s=61.0), "loop: turned 61 s ago, limit 60 s"),
        (replace(WELL, stopping=True), "stay: stopping: finishes what is in hand"),
    ],
)
def test_each_thing_that_is_missing_is_named_alone(vitals: Vitals, said: str) -> None:
    assert missing(health(vitals).ready()) == [said]


def test_a_loop_that_hangs_is_not_alive() -> None:
    assert missing(health(replace(WELL, still_for_s=STALL_S)).alive()) == []
    assert missing(health(replace(WELL, still_for_s=STALL_S + 1)).alive()) == ["loop: turned 61 s ago, limit 60 s"]


def test_nothing_but_the_loop_is_a_reason_to_be_killed() -> None:
    sick = Vitals(None, 0, 2, 0.5, Membership(False, frozenset()))
    assert not missing(health(sick).alive())


def test_a_stop_is_given_its_time() -> None:
    assert not missing(health(replace(WELL, still_for_s=600.0, stopping=True)).alive())


def test_a_member_without_partitions_is_ready() -> None:
    assert not missing(health(replace(WELL, membership=Membership(True, frozenset()))).ready())


def test_one_worker_is_enough_while_another_is_replaced() -> None:
    assert not missing(health(replace(WELL, workers=1)).ready())
