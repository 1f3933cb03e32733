"""Why scores are normalised is said as it was measured: better only where chance is excluded."""

from __future__ import annotations

import pytest

from hadir.app.normalisation_words import normalisation_document, normalisation_words
from hadir.index.normalisation_choice import Interval, Normalisation, Reason, Trial


@pytest.mark.parametrize(
    ("missed", "difference95", "reason"),
    [
        ((40, 20), (-0.04, -0.01), "better"),
        ((40, 36), (-0.02, 0.01), "fewer_missed"),
        ((40, 40), (-0.01, 0.01), "no_better"),
        ((40, 44), (-0.01, 0.02), "no_better"),
    ],
)
def test_better_is_said_only_beyond_chance(missed: tuple[int, int], difference95: Interval, reason: Reason) -> None:
    trial = Trial("1e-3", 1000, *missed, difference95)
    assert trial.reason == reason
    chosen = Normalisation(reason != "no_better", "better" if reason == "fewer_missed" else reason, trial=trial)
    assert ("measured better" in normalisation_words(chosen)) is (reason == "better"), "also of a snapshot from before"
    document = normalisation_document(chosen)
    assert document is not None
    assert document["reason"] == reason
