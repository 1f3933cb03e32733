"""Whether normalisation is on: by what the gallery's own people show, or because somebody asked."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hadir.core.errors import CalibrationError
from hadir.core.vectors import Vectors, fuse, normalise
from hadir.index import calibrate as calibrate_module
from hadir.index import normalisation_trial
from hadir.index.calibrate import calibrate
from hadir.index.calibration import Calibration, impostor_table
from hadir.index.calibration_file import calibration_from_json, calibration_to_json
from hadir.index.normalisation import as_norm, cohort_statistics
from hadir.index.normalisation_choice import NEAREST
from hadir.index.normalisation_trial import try_normalisation

RATE = "1e-2"


def crowded(people: int, photos: int = 2, seed: int = 0) -> dict[str, Vectors]:
    """Half of the people lie close together, half far apart: one cosine cannot serve both."""
    rng = np.random.default_rng(seed)
    spread = np.where(np.arange(people) % 4 < 2, 0.25, 1.0)[:, None]
    centres = normalise(1 + spread * rng.normal(size=(people, 24)))
    noise = 0.12 * spread[:, :, None] * rng.normal(size=(people, photos, 24)) / np.sqrt(2)
    vectors = centres[:, None, :] + noise
    return {f"p{n:04d}": normalise(vectors[n]) for n in range(people)}


def alike(people: int, seed: int = 0) -> dict[str, Vectors]:
    """Every face is as far from all others as any: nothing to normalise away, and nobody is missed."""
    rng = np.random.default_rng(seed)
    centres = normalise(rng.normal(size=(people, 64)))
    return {f"p{n:04d}": normalise(centres[n] + 0.01 * rng.normal(size=(2, 64))) for n in range(people)}


def test_the_trial_is_its_definition_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalisation_trial, "LEAST_TESTED", 1)
    people = crowded(320)
    missed = [0, 0]
    names = sorted(people)
    for half in (0, 1):
        tested, cohort = names[half::2], np.stack([fuse(people[name]) for name in names[1 - half :: 2]])
        probes, templates = (np.stack([people[name][place] for name in tested]) for place in (1, 0))
        near, far = (cohort_statistics(side, cohort, NEAREST) for side in (probes, templates))
        cosines = (probes @ templates.T).astype(np.float64)
        z = as_norm(cosines, near[:, :1], near[:, 1:], far[None, :, 0], far[None, :, 1])
        for place, scores in enumerate((cosines, z)):
            impostors = np.sort(scores[~np.eye(len(tested), dtype=bool)])[::-1]
            missed[place] += int((np.diag(scores) <= impostors[int(len(impostors) * 0.01)]).sum())
    trial = try_normalisation(people, RATE)
    assert trial is not None
    assert (trial.rate, trial.people) == (RATE, 320)
    assert abs(trial.missed_cosine - missed[0]) <= 1
    assert abs(trial.missed_normalised - missed[1]) <= 1
    assert trial.missed_normalised < trial.missed_cosine
    low, high = trial.difference95
    assert low < (trial.missed_normalised - trial.missed_cosine) / 320 < high


def test_it_switches_itself_on_where_people_are_many_and_it_measures_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate_module, "LEAST_PEOPLE", 320)
    found = calibrate(crowded(320), RATE)
    assert found.normalisation is not None
    assert (found.normalisation.on, found.normalisation.reason, found.normalisation.k) == (True, "better", NEAREST)
    assert found.normalisation.table.get(RATE, "1/1") is not None
    assert found.table == impostor_table(crowded(320)).table


def test_it_stays_off_below_a_thousand_people() -> None:
    chosen = calibrate(crowded(320), RATE).normalisation
    assert chosen is not None
    assert (chosen.on, chosen.reason, chosen.trial) == (False, "too_few_people", None)


def test_it_stays_off_where_too_few_people_have_two_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate_module, "LEAST_PEOPLE", 320)
    chosen = calibrate(crowded(320, photos=1), RATE).normalisation
    assert chosen is not None
    assert (chosen.on, chosen.reason, chosen.trial) == (False, "not_enough_data", None)


def test_it_stays_off_where_it_is_no_better(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate_module, "LEAST_PEOPLE", 320)
    chosen = calibrate(alike(320), RATE).normalisation
    assert chosen is not None
    assert chosen.trial is not None
    assert (chosen.on, chosen.reason, chosen.trial.missed_cosine) == (False, "no_better", 0)


@pytest.mark.parametrize(("mode", "on"), [("on", True), ("off", False)])
def test_whoever_asks_decides(mode: str, on: bool) -> None:
    chosen = calibrate(crowded(100), RATE, "on" if mode == "on" else "off").normalisation
    assert chosen is not None
    assert (chosen.on, chosen.reason, chosen.mode) == (on, "asked", mode)


def test_on_with_too_few_people_is_refused() -> None:
    with pytest.raises(CalibrationError, match="62 people or more, this gallery has 61"):
        calibrate(crowded(61), RATE, "on")


@pytest.mark.parametrize("mode", ["on", "off", "auto"])
def test_a_choice_survives_its_file(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate_module, "LEAST_PEOPLE", 320)
    found = calibrate(crowded(320), RATE, mode)  # type: ignore[arg-type]  # one of the modes
    assert calibration_from_json(calibration_to_json(found)) == found


def test_a_calibration_from_before_normalisation_is_read() -> None:
    plain = impostor_table(crowded(40), ("1e-1",))
    document = json.loads(calibration_to_json(plain))
    del document["normalisation"]
    document["schema"] = 1
    assert calibration_from_json(json.dumps(document).encode()) == plain


@pytest.mark.parametrize(
    "change", [{"k": 1}, {"reason": "luck"}, {"on": "yes"}, {"similarity": {"1e-2": {"1/1": 17}}}, {"trial": {"x": 1}}]
)
def test_a_choice_that_makes_no_sense_is_refused(change: dict[str, object]) -> None:
    document = json.loads(calibration_to_json(_on()))
    document["normalisation"].update(change)
    with pytest.raises(ValueError, match=r"none we know|not a table|cells|expected one"):
        calibration_from_json(json.dumps(document).encode())


def _on() -> Calibration:
    return calibrate(crowded(80), RATE, "on")
