"""What a snapshot must pass before it serves: figures and limits to a table of results. Pure.

Who measures the figures is the caller's business; here stands what they mean. A gate that has too little to measure on
says so, and fails only where going on unmeasured would be a guess.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hadir.core.thresholds import CELLS, RATES, Thresholds, ThresholdTable
from hadir.index.acknowledgements import Agreement
from hadir.index.calibration import Calibration
from hadir.index.gate_limits import (
    AccuracyLimits,
    CalibrationLimits,
    PeopleLimits,
    SelfRecallLimits,
    ShadowLimits,
)
from hadir.index.honest_trials import Trials

__all__ = [
    "Figure",
    "GateResult",
    "accuracy_gate",
    "calibration_gate",
    "pack_gate",
    "people_gate",
    "rates_gate",
    "replicas_gate",
    "self_recall_gate",
    "shadow_gate",
    "snapshot_gate",
    "unsupported_probes",
]

Figure = str | int | float | bool | None

NORMAL_97_5 = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""

_PROBES = range(1, 5)
"""Photos of one check-in."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """One row: what was found and what was allowed, in words, and the figures behind them for machines."""

    name: str
    value: str
    limit: str
    ok: bool
    figures: Mapping[str, Figure] = field(default_factory=dict)


def snapshot_gate(problems: Sequence[str]) -> GateResult:
    """Every check of `verify_snapshot`; `problems` are those that failed, one line each."""
    return GateResult("snapshot sound", problems[0] if problems else "every check passed", "all", not problems)


def pack_gate(pack: str, problem: str | None) -> GateResult:
    """The pack that makes the snapshot's vectors must be here; `problem` says why it is not."""
    return GateResult("pack is here", pack if problem is None else problem, "loads, same space", problem is None)


def rates_gate(problem: str | None) -> GateResult:
    """Whoever decides refuses a snapshot in which nothing at all supports the policy's rates; `problem` says which."""
    return GateResult("rates supported", problem or "accept and review", "accept and review", problem is None)


def people_gate(current: Collection[str] | None, candidate: Collection[str], limits: PeopleLimits) -> GateResult:
    """Nobody may be forgotten by accident. `current` are those who serve, and those whom the gallery behind it holds
    since; None: nothing serves yet."""
    if current is None:
        return GateResult("people kept", f"nothing serves yet, {len(candidate)} people here", "–", ok=True)
    lost, gained = len(set(current) - set(candidate)), len(set(candidate) - set(current))
    told = f"{lost} lost, {gained} gained, {len(candidate)} here"
    if lost > limits.lost_most:
        # Who it is stands nowhere: this is kept in the history, and an erasure must hold.
        told += ": hadir reindex with the candidate's pack, then hadir index build, take along who was enrolled since"
    return GateResult(
        "people kept",
        told,
        f"≤ {limits.lost_most} lost",
        lost <= limits.lost_most,
        {"lost": lost, "gained": gained, "people": len(candidate)},
    )


def self_recall_gate(found: int, people: int, limits: SelfRecallLimits) -> GateResult:
    """Everybody's own template must find them before anybody else."""
    share = found / people
    return GateResult(
        "self-recall",
        f"{found} of {people} people ({share:.2%})",
        f"≥ {limits.least:.2%}",
        share >= limits.least,
        {"found": found, "people": people},
    )


def accuracy_gate(trials: Trials | None, space_changes: bool, limits: AccuracyLimits) -> GateResult:
    """Honest people must be recognised as well as before; `trials` None: nothing serves yet.

    The rise of the FNMR is a ratio of sums over people, compared photo by photo; its interval is over people, by
    linearisation (Cochran, Sampling Techniques, 3rd edition, 1977, 6.4). A rise above the limit fails, unless the
    interval reaches down to nothing: then it may as well be chance.
    """
    if trials is None:
        return GateResult("FNMR", "nothing serves yet to compare with", "–", ok=True)
    limit = f"rise ≤ {limits.rise_most:.2%}"
    if trials.people < limits.people_least:
        return _unmeasured(trials, space_changes, limits)
    rise, half_width = _rise(trials)
    before, after = float(trials.missed_before.mean()), float(trials.missed_after.mean())
    low, high = rise - half_width, rise + half_width
    return GateResult(
        "FNMR",
        f"{before:.2%} → {after:.2%} (rise {low:+.2%} to {high:+.2%}) on {trials.count} photos of {trials.people}",
        limit,
        rise <= limits.rise_most or low <= 0,
        {
            "fnmr_before": before,
            "fnmr_after": after,
            "rise_ci95_low": low,
            "rise_ci95_high": high,
            "photos": trials.count,
            "people": trials.people,
        },
    )


def _unmeasured(trials: Trials, space_changes: bool, limits: AccuracyLimits) -> GateResult:
    said = f"not enough data: {trials.people} people with photos to compare, {limits.people_least} are needed"
    if space_changes and not limits.unmeasured_space_change:
        limit = "measured, the space changes"
    else:
        limit = "measured where the space changes"
    ok = not space_changes or limits.unmeasured_space_change
    return GateResult("FNMR", said, limit, ok, {"people": trials.people, "photos": trials.count})


def _rise(trials: Trials) -> tuple[float, float]:
    """The rise, and half the width of its 95 % interval."""
    change = trials.missed_after.astype(np.float64) - trials.missed_before
    rise = float(change.mean())
    people = trials.people
    residual = np.bincount(trials.owners, weights=change) - rise * np.bincount(trials.owners)
    variance = people / (people - 1) * float(np.square(residual).sum()) / trials.count**2
    return rise, NORMAL_97_5 * math.sqrt(variance)


def calibration_gate(
    calibration: Calibration,
    thresholds: Thresholds,
    rates: Sequence[str],
    template_photos: Collection[int],
    limits: CalibrationLimits,
    *,
    unsupported_before: Collection[int] | None = None,
) -> GateResult:
    """A single photo has a threshold against every template, a stricter rate never a lower one, and none is a guess.

    Check-ins of several photos without a threshold go to a reviewer, however honest and clear: where what serves has
    one for them and people send so many, that fails; else the gate says which they are.

    Args:
        calibration: The snapshot's own.
        thresholds: As they will serve: the snapshot's own, then the pack's.
        rates: The policy's accept and review rates, as keys of tables.
        template_photos: How many photos people's templates were fused from.
        limits: Of the uncertainty of the snapshot's own thresholds, and how many photos people send.
        unsupported_before: `unsupported_probes` of what serves; None where nothing does.
    """
    unsupported = unsupported_probes(thresholds, rates, template_photos)
    kept = () if unsupported_before is None else set(range(1, limits.photos_most + 1)) - set(unsupported_before)
    newly = [p for p in unsupported if p in kept]
    served = {p: [thresholds.at(float(r), p, k) for r in rates for k in sorted(set(template_photos))] for p in _PROBES}
    flat = [threshold for probes in served.values() for threshold in probes]
    own, without = sum(t.source == "snapshot" for t in flat), [t for t in flat if t.similarity is None]
    missing = [t for t in served[1] if t.similarity is None]
    scales = _scales(calibration)
    falling = [cell for table, _ in scales for cell in _not_monotone(table)]
    factors = [f for of in scales for rate in rates for cell in CELLS if (f := _factor(*of, rate, cell)) is not None]
    worst = max(factors, default=None)
    if missing:
        said = f"neither snapshot nor pack supports {missing[0].fmr:g} in cell {missing[0].cell}"
    elif falling:
        said = f"thresholds fall with a stricter rate in cell {falling[0]}"
    elif newly:
        said = f"{_check_ins(newly)} would have no threshold any more: every one of them would go to a reviewer"
    else:
        said = _uncertainty(worst, own, len(flat))
        said += f"; {_check_ins(unsupported)} have no threshold and go to a reviewer" if unsupported else ""
    return GateResult(
        "calibration",
        said,
        f"≤ {limits.fmr_factor_most:g} times, monotone",
        not missing and not falling and not newly and (worst is None or worst <= limits.fmr_factor_most),
        {"own": own, "served": len(flat), "without": len(without), "newly_without": len(newly), "fmr_factor": worst},
    )


def unsupported_probes(thresholds: Thresholds, rates: Sequence[str], template_photos: Collection[int]) -> list[int]:
    """How many photos those check-ins have, ascending, that have no threshold at one of the rates against somebody."""
    return [
        p
        for p in _PROBES
        if any(thresholds.at(float(r), p, k).similarity is None for r in rates for k in template_photos)
    ]


def _check_ins(photos: Sequence[int]) -> str:
    return f"check-ins of {' or '.join(map(str, photos))} photos"


def _uncertainty(worst: float | None, own: int, served: int) -> str:
    if worst is None:
        return "not enough data here, the pack's thresholds serve"
    return f"{own} of {served} thresholds its own, the real rate up to {worst:.1f} times the nominal"


def _not_monotone(table: ThresholdTable) -> list[str]:
    """Cells in which a stricter rate has a lower threshold."""
    falling = []
    for cell in CELLS:
        ascending = [t for rate in RATES if (t := table.get(rate, cell)) is not None]
        if any(stricter < looser for looser, stricter in itertools.pairwise(ascending)):
            falling.append(cell)
    return falling


_Intervals = Mapping[str, Mapping[str, tuple[float, float] | None]]


def _scales(calibration: Calibration) -> list[tuple[ThresholdTable, _Intervals]]:
    """The tables of cosines and, where scores are normalised, of z, with their intervals."""
    scales: list[tuple[ThresholdTable, _Intervals]] = [(calibration.table, calibration.interval95)]
    if calibration.normalisation is not None and calibration.normalisation.on:
        scales.append((calibration.normalisation.table, calibration.normalisation.interval95))
    return scales


def _factor(table: ThresholdTable, intervals: _Intervals, rate: str, cell: str) -> float | None:
    """How many times its nominal rate a threshold may let in: the rate whose threshold lies where this one's interval
    begins, between two rates of the table along the logarithm of the rate."""
    interval = intervals.get(rate, {}).get(cell)
    if interval is None:
        return None
    known = [(t, math.log(float(r))) for r in RATES if (t := table.get(r, cell)) is not None]
    similarities, logs = zip(*sorted(known), strict=True)
    return math.exp(float(np.interp(interval[0], similarities, logs))) / float(rate)


def replicas_gate(agreement: Agreement | None) -> GateResult:
    """Who runs must agree on what serves now, or a switch would leave two answers to one face; None: nothing serves."""
    if agreement is None:
        return GateResult("replicas agree", "nothing serves yet", "–", ok=True)
    apart = [*agreement.refusing, *agreement.pending]
    live = len(agreement.serving) + len(apart)
    said = f"{len(agreement.serving)} of {live} live on {agreement.snapshot}" if live else "none is running"
    if apart:
        said += f"; {apart[0].replica} on {apart[0].snapshot}" + (f": {apart[0].problem}" if apart[0].problem else "")
    return GateResult("replicas agree", said, "all live ones", not apart, {"live": live, "apart": len(apart)})


def shadow_gate(changed: int, compared: int, asked: int, limits: ShadowLimits) -> GateResult:
    """Live check-ins, decided by both: how many verdicts would be others, and whether enough came to tell."""
    share = changed / compared if compared else 0.0
    enough = compared > 0 and compared >= limits.compared_least * asked
    said = f"{changed} of {compared} verdicts change ({share:.2%})" if compared else "no check-in was compared"
    return GateResult(
        "shadow",
        said + (f", too few of the {asked} asked for" if not enough else ""),
        f"≤ {limits.changed_most:.2%}",
        enough and share <= limits.changed_most,
        {"changed": changed, "compared": compared, "asked": asked},
    )
