"""From a gallery's people to everything that turns rates into thresholds: cosines, and z where that helps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from hadir.core.errors import CalibrationError
from hadir.core.vectors import Vectors
from hadir.index.calibration import Calibration, impostor_table, impostor_tables
from hadir.index.normalisation_choice import LEAST_PEOPLE, NEAREST, Mode, Normalisation, Reason, Trial
from hadir.index.normalisation_trial import try_normalisation

__all__ = ["calibrate"]


def calibrate(
    people: Mapping[str, Vectors],
    rate: str,
    mode: Mode = "auto",
    on_cell: Callable[[str], None] | None = None,
) -> Calibration:
    """Thresholds of real people (person to (photos, D) unit vectors), with the choice whether scores are normalised.

    Args:
        people: Whose vectors; never synthetic ones.
        rate: The policy's accept rate, at which `auto` compares both scales.
        mode: `auto` lets the people decide, see `hadir.index.normalisation_choice`.
        on_cell: Hears each of the sixteen cells when it is done.

    Raises:
        CalibrationError: `on` was asked for with too few people for the statistics.
        ValueError: a vector is not unit norm, or dimensions differ.
    """
    on, reason, trial = _chosen(people, rate, mode)
    if not on:
        plain = impostor_table(people, on_cell=on_cell)
        return replace(plain, normalisation=Normalisation(False, reason, trial=trial))
    cosine, normalised = impostor_tables(people, NEAREST, on_cell=on_cell)
    choice = Normalisation(True, reason, NEAREST, trial, normalised.table, normalised.interval95)
    return replace(cosine, normalisation=choice)


def _chosen(people: Mapping[str, Vectors], rate: str, mode: Mode) -> tuple[bool, Reason, Trial | None]:
    if mode == "off":
        return False, "asked", None
    if mode == "on" and len(people) < NEAREST + 2:
        raise CalibrationError(
            f"normalisation needs {NEAREST + 2} people or more, this gallery has {len(people)}: enrol more, or build "
            "with --normalisation auto"
        )
    if mode == "auto" and len(people) < LEAST_PEOPLE:
        return False, "too_few_people", None
    trial = try_normalisation(people, rate)
    if mode == "on":
        return True, "asked", trial
    if trial is None:
        return False, "not_enough_data", None
    return trial.reason != "no_better", trial.reason, trial
