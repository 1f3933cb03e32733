"""Whether a snapshot normalises its scores and why: for people and for machines."""

from __future__ import annotations

from hadir.index.normalisation_choice import LEAST_PEOPLE, Normalisation, Reason, Trial

__all__ = ["normalisation_document", "normalisation_words"]

_WHY: dict[Reason, str] = {
    "asked": "as asked for",
    "too_few_people": f"fewer than {LEAST_PEOPLE} people are too small a cohort",
    "not_enough_data": "too few people have two photos to measure whether it helps",
    "no_better": "it measured no better on held-out people",
    "fewer_missed": "fewer held-out people were missed, though by no more than chance could do",
    "better": "it measured better on held-out people",
}


def normalisation_document(chosen: Normalisation | None) -> dict[str, object] | None:
    """For machines; None where the snapshot is from before there was a choice. FNMR are fractions."""
    if chosen is None:
        return None
    trial = chosen.trial
    return {
        "on": chosen.on,
        "reason": _reason(chosen),
        "nearest": chosen.k,
        "trial": None
        if trial is None
        else {
            "rate": trial.rate,
            "people": trial.people,
            "fnmr_cosine": trial.missed_cosine / trial.people,
            "fnmr_normalised": trial.missed_normalised / trial.people,
            "change_ci95": list(trial.difference95),
        },
        "z_at_fmr": {
            rate: supported
            for rate, cells in chosen.table.similarity.items()
            if (supported := {cell: z for cell, z in cells.items() if z is not None})
        },
    }


def normalisation_words(chosen: Normalisation | None) -> str:
    """For people, one line."""
    if chosen is None or not chosen.on:
        why = "built before there was a choice" if chosen is None else _WHY[chosen.reason]
        return f"mati · off: {why}{_measured(None if chosen is None else chosen.trial)}"
    return f"aktif · on (AS-norm, {chosen.k} nearest): {_WHY[_reason(chosen)]}{_measured(chosen.trial)}"


def _reason(chosen: Normalisation) -> Reason:
    """Snapshots from before chance had a reason of its own say `better` for both."""
    return chosen.trial.reason if chosen.reason == "better" and chosen.trial is not None else chosen.reason


def _measured(trial: Trial | None) -> str:
    if trial is None:
        return ""
    low, high = trial.difference95
    before, after = trial.missed_cosine / trial.people, trial.missed_normalised / trial.people
    return (
        f"; FNMR at FMR {trial.rate} {before:.2%} by cosine, {after:.2%} normalised "
        f"({trial.people:,} people, 95 % interval of the change {low:+.2%} to {high:+.2%})"
    )
