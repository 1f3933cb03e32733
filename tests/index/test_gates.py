"""Every gate fails for its own reason, and for no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.thresholds import Thresholds, ThresholdTable
from hadir.index.acknowledgements import Acknowledgement, Agreement
from hadir.index.calibration import Calibration, Interval
from hadir.index.gate_limits import CalibrationLimits, read_limits
from hadir.index.gates import (
    accuracy_gate,
    calibration_gate,
    pack_gate,
    people_gate,
    rates_gate,
    replicas_gate,
    self_recall_gate,
    shadow_gate,
    snapshot_gate,
    unsupported_probes,
)
from hadir.index.honest_trials import Trials
from hadir.index.normalisation_choice import Normalisation

LIMITS = read_limits(Path(__file__).parents[2] / "configs" / "gates.toml")
TABLE = {"1e-2": {"1/1": 0.2, "1/2": 0.21}, "1e-3": {"1/1": 0.3, "1/2": 0.31}}
NOTHING = ThresholdTable({})


def trials(people: int, before: int, after: int, photos: int = 2) -> Trials:
    """`before` and `after` of the first photos were missed, one of each person first."""
    order = np.argsort(np.arange(people * photos) % photos, kind="stable")
    owners = np.repeat(np.arange(people), photos)
    missed = [np.zeros(people * photos, dtype=np.bool_) for _ in range(2)]
    missed[0][order[:before]] = True
    missed[1][order[:after]] = True
    return Trials(owners, missed[0], missed[1])


def calibration(
    table: Mapping[str, Mapping[str, float | None]], interval: Mapping[str, Mapping[str, Interval | None]] | None = None
) -> Calibration:
    return Calibration(ThresholdTable(table), interval or {}, {})


def test_one_lost_person_fails_and_gained_ones_do_not() -> None:
    assert people_gate({"a", "b"}, {"a", "b", "c"}, LIMITS.people).ok
    lost = people_gate({"a", "b"}, {"a", "c"}, LIMITS.people)
    assert not lost.ok
    assert lost.figures == {"lost": 1, "gained": 1, "people": 2}


def test_where_nothing_serves_nobody_can_be_lost() -> None:
    assert people_gate(None, {"a"}, LIMITS.people).ok
    assert accuracy_gate(None, space_changes=False, limits=LIMITS.accuracy).ok
    assert replicas_gate(None).ok


def test_one_person_who_does_not_find_themselves_fails() -> None:
    assert self_recall_gate(13_000, 13_000, LIMITS.self_recall).ok
    assert not self_recall_gate(12_999, 13_000, LIMITS.self_recall).ok


def test_a_rise_beyond_the_limit_and_beyond_chance_fails() -> None:
    found = accuracy_gate(trials(500, before=10, after=40), space_changes=True, limits=LIMITS.accuracy)
    assert not found.ok
    assert (found.figures["fnmr_before"], found.figures["fnmr_after"]) == (0.01, 0.04)
    low = found.figures["rise_ci95_low"]
    assert isinstance(low, float)
    assert low > 0


def test_a_rise_within_chance_passes() -> None:
    """Three more of 1,000 photos is above .2 %, and three people would do it by luck."""
    found = accuracy_gate(trials(500, before=10, after=13), space_changes=True, limits=LIMITS.accuracy)
    assert found.ok
    assert not accuracy_gate(trials(500, before=10, after=16), space_changes=True, limits=LIMITS.accuracy).ok


@given(st.integers(50, 300), st.integers(0, 100), st.integers(0, 100))
def test_what_is_not_worse_passes_whatever_the_noise(people: int, before: int, after: int) -> None:
    before, after = min(before, people), min(after, before, people)
    assert accuracy_gate(trials(people, before, after), space_changes=True, limits=LIMITS.accuracy).ok


def test_photos_of_one_person_count_as_one_persons() -> None:
    """The same missed photos, all of few people, say less about people."""
    spread = trials(400, before=0, after=8)
    owners = np.repeat(np.arange(100), 8)
    clustered = Trials(owners, spread.missed_before[:800], owners < 1)
    assert spread.count == clustered.count
    assert not accuracy_gate(spread, space_changes=False, limits=LIMITS.accuracy).ok
    assert accuracy_gate(clustered, space_changes=False, limits=LIMITS.accuracy).ok


def test_too_few_people_say_nothing_which_fails_only_where_the_space_changes() -> None:
    few = trials(49, before=0, after=0)
    same = accuracy_gate(few, space_changes=False, limits=LIMITS.accuracy)
    other = accuracy_gate(few, space_changes=True, limits=LIMITS.accuracy)
    assert same.ok
    assert not other.ok
    assert "not enough data" in same.value
    assert "not enough data" in other.value


def judged(
    own: Calibration, pack: ThresholdTable = NOTHING, rates: tuple[str, ...] = ("1e-3", "1e-2")
) -> tuple[bool, str]:
    found = calibration_gate(own, Thresholds(own.table, pack), rates, {1, 2}, LIMITS.calibration)
    return found.ok, found.value


ALL_CELLS: dict[str, dict[str, float | None]] = {
    rate: {f"{p}/{k}": t for p in range(1, 5) for k in range(1, 5)}
    for rate, t in (("1e-1", 0.1), ("1e-2", 0.2), ("1e-3", 0.3), ("1e-4", 0.4))
}


def test_thresholds_of_its_own_within_their_uncertainty_pass() -> None:
    ok, said = judged(calibration(ALL_CELLS, {"1e-3": {"1/1": (0.28, 0.32)}}))
    assert ok
    assert said == "16 of 16 thresholds its own, the real rate up to 1.6 times the nominal"


def test_a_rate_that_neither_snapshot_nor_pack_supports_fails() -> None:
    ok, said = judged(calibration({}))
    assert not ok
    assert said == "neither snapshot nor pack supports 0.001 in cell 1/1"


def test_check_ins_of_several_photos_may_lack_a_threshold_and_are_counted() -> None:
    """With three photos of each person no probe of four can be made, and a pack need not have a table."""
    singles = {rate: {cell: t for cell, t in cells.items() if cell[0] != "4"} for rate, cells in ALL_CELLS.items()}
    ok, said = judged(calibration(singles, {"1e-3": {"1/1": (0.3, 0.3)}}))
    assert ok
    assert said.endswith("; check-ins of 4 photos have no threshold and go to a reviewer")


def test_check_ins_that_would_lose_their_threshold_fail() -> None:
    """Honest people with two clear photos would all wait for a reviewer, where they were accepted before."""
    singles = {rate: {cell: t for cell, t in cells.items() if cell[0] == "1"} for rate, cells in ALL_CELLS.items()}
    own, rates = calibration(singles, {"1e-3": {"1/1": (0.3, 0.3)}}), ("1e-3", "1e-2")
    thresholds = Thresholds(own.table, NOTHING)
    for before, ok in (([], False), ([4], False), ([2, 3, 4], True), (None, True)):
        found = calibration_gate(own, thresholds, rates, {1, 2}, LIMITS.calibration, unsupported_before=before)
        assert found.ok is ok
        assert found.value.startswith("check-ins of 2 or 3") is not ok
        assert "go to a reviewer" in found.value
    one_photo = CalibrationLimits(LIMITS.calibration.fmr_factor_most, photos_most=1)
    assert calibration_gate(own, thresholds, rates, {1, 2}, one_photo, unsupported_before=[]).ok, "phones send no more"
    assert unsupported_probes(thresholds, rates, {1, 2}) == [2, 3, 4]
    assert unsupported_probes(Thresholds(ThresholdTable(ALL_CELLS), NOTHING), rates, {1, 2}) == []


def test_the_packs_thresholds_serve_where_there_is_not_enough_data() -> None:
    assert judged(calibration({}), ThresholdTable(ALL_CELLS)) == (
        True,
        "not enough data here, the pack's thresholds serve",
    )


def test_a_stricter_rate_with_a_lower_threshold_fails() -> None:
    bent = {**ALL_CELLS, "1e-4": {**ALL_CELLS["1e-4"], "2/2": 0.29}}
    ok, said = judged(calibration(bent))
    assert not ok
    assert "cell 2/2" in said


def test_thresholds_of_normalised_scores_must_be_sound_as_well() -> None:
    sound = calibration(ALL_CELLS)
    bent = ThresholdTable({**ALL_CELLS, "1e-3": {**ALL_CELLS["1e-3"], "3/1": 0.1}})
    loose: dict[str, dict[str, Interval | None]] = {"1e-3": {"1/1": (0.2, 0.4)}}
    for on, table, intervals, ok in (
        (True, ThresholdTable(ALL_CELLS), {}, True),
        (True, bent, {}, False),
        (True, ThresholdTable(ALL_CELLS), loose, False),
        (False, bent, loose, True),
    ):
        choice = Normalisation(on, "asked", table=table, interval95=intervals)
        assert judged(replace(sound, normalisation=choice))[0] is ok


def test_a_threshold_that_may_let_in_far_more_than_its_rate_fails() -> None:
    """The interval begins half way between the thresholds of 1e-3 and 1e-2: 10 ** 0.5 times the rate."""
    found = calibration_gate(
        calibration(ALL_CELLS, {"1e-3": {"1/1": (0.25, 0.35)}}),
        Thresholds(ThresholdTable(ALL_CELLS), NOTHING),
        ("1e-3",),
        {1},
        LIMITS.calibration,
    )
    assert not found.ok
    assert found.figures["fmr_factor"] == pytest.approx(10**0.5)


def test_a_replica_that_serves_another_snapshot_or_refuses_fails_by_name() -> None:
    on_it = Acknowledgement("kantor-1", "h", 1, "a" * 16, "s", 1, 0)
    behind = replace(on_it, replica="kantor-2", snapshot="b" * 16)
    refusing = replace(behind, refused="a" * 16, problem="people.json was altered")
    assert replicas_gate(Agreement("a" * 16, (on_it,), (), ())).ok
    assert replicas_gate(Agreement("a" * 16, (), (), ())).ok
    assert not replicas_gate(Agreement("a" * 16, (on_it,), (), (behind,))).ok
    found = replicas_gate(Agreement("a" * 16, (on_it,), (refusing,), ()))
    assert not found.ok
    assert "kantor-2" in found.value
    assert "people.json was altered" in found.value


def test_a_pack_that_is_not_here_and_an_unsound_snapshot_fail_with_the_reason() -> None:
    assert pack_gate("open", None).ok
    assert (pack_gate("open", "no pack here").ok, pack_gate("open", "no pack here").value) == (False, "no pack here")
    assert (rates_gate(None).ok, rates_gate("accept_fmr = 1e-06 is supported by neither").ok) == (True, False)
    assert snapshot_gate([]).ok
    assert (snapshot_gate(["people.json was altered"]).ok, snapshot_gate(["x"]).value) == (False, "x")


def test_too_many_changed_verdicts_or_too_few_compared_fail() -> None:
    assert shadow_gate(1, 100, 200, LIMITS.shadow).ok
    assert not shadow_gate(2, 100, 200, LIMITS.shadow).ok
    assert not shadow_gate(0, 99, 200, LIMITS.shadow).ok
    assert not shadow_gate(0, 0, 1, LIMITS.shadow).ok
    assert not shadow_gate(0, 0, 1, msgspec.structs.replace(LIMITS.shadow, compared_least=0.0)).ok
