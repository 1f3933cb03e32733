"""Below who serves what on the ML engineer's page: where scores lie, which errors follow, and what happened."""

from __future__ import annotations

from typing import Final

from dev.watch.expressions import COURSE, MEMBER, quantile, share, usual
from dev.watch.panels import Kind, Look, Panel, Query

__all__ = ["ERRORS", "EVENTS", "MATCH_RATE", "SCORES"]

_RATES: Final = ("1e-3", "1e-4")
"""The false match rates that are watched, of the policy that ships: accept, identify. Others are drawn, but not
divided."""
_RATE_LOOKS: Final = {"1e-3": Look("orange"), "1e-4": Look("purple")}
_USUAL: Final = Look("#8e8e8e", dashed=True)
_NEEDS_A_WEEK: Final = "compares with the same weekday of earlier weeks: empty in the first week"
_ONLY_FAULTS: Final = "counts faults: none on a good day"

_CLAIMED: Final = "hadir_claimed_cosine_similarity"
_OTHER: Final = "hadir_other_cosine_similarity"
_NOT_MATCHED: Final = "face_mismatch|impostor_suspected|similarity_uncertain"
_FACES: Final = f'sum(rate(hadir_verdicts_total{{{MEMBER}, channel="face"}}[1h] OFFSET))'
MATCH_RATE: Final = "1 - " + share(
    f'(sum(rate(hadir_verdict_reasons_total{{{MEMBER}, reason=~"{_NOT_MATCHED}"}}[1h] OFFSET)) or on() vector(0))',
    _FACES,
)
"""Of an hour's face verdicts: 1 less those that did not match. `OFFSET` stands where one may."""

SCORES: Final = (
    Panel(
        "Similarity to the claimed person",
        "Cosines of new face verdicts, counted by bucket. Two bands: the upper are the right people, the lower are "
        "strangers; a threshold belongs between them.",
        "none",
        (Query(f"sum by (le) (increase({_CLAIMED}_bucket{{{MEMBER}}}[{COURSE}]))", "{{le}}"),),
        Kind.HEATMAP,
        12,
    ),
    Panel(
        "Similarity to the best other person",
        "Cosines of the same verdicts to whoever else is nearest. Must stay below the band on the left; where it "
        "climbs, cameras, light or the model have changed.",
        "none",
        (Query(f"sum by (le) (increase({_OTHER}_bucket{{{MEMBER}}}[{COURSE}]))", "{{le}}"),),
        Kind.HEATMAP,
        12,
    ),
    Panel(
        "Where the scores lie",
        "Median and 5th percentile of the claimed, median and 99th of the best other (15 minutes). The two inner lines "
        "must not meet.",
        "none",
        (
            Query(quantile(0.5, _CLAIMED, "15m"), "claimed p50"),
            Query(quantile(0.05, _CLAIMED, "15m"), "claimed p5"),
            Query(quantile(0.99, _OTHER, "15m"), "other p99"),
            Query(quantile(0.5, _OTHER, "15m"), "other p50"),
        ),
        width=12,
        least=None,
        most=1,
        decimals=2,
        looks={
            "claimed p50": Look("green"),
            "claimed p5": Look("light-green"),
            "other p99": Look("light-red"),
            "other p50": Look("red"),
        },
        runbook="HadirMatchRateShift",
    ),
    Panel(
        "Match rate",
        "Of face verdicts (1 h), and, dashed, of the same moment and weekday, mean of up to four weeks. A step with a "
        "promotion is the model, one without is the cameras, the light or an attack.",
        "percentunit",
        (Query(MATCH_RATE.replace(" OFFSET", ""), "now"), Query(usual(MATCH_RATE), "usual", quiet=_NEEDS_A_WEEK)),
        width=12,
        least=None,
        most=1,
        looks={"now": Look("green"), "usual": _USUAL},
        runbook="HadirMatchRateShift",
    ),
)

ERRORS: Final = (
    Panel(
        "Live false match rate",
        "Of live probes against everybody whom nobody claimed (1 h), one line for each rate of the policy, on a "
        "logarithmic axis: each should run along its own rate, 1e-3 at 0.001.",
        "none",
        (
            Query(
                f"sum by (rate) (rate(hadir_impostor_matches_total{{{MEMBER}}}[1h])) / ignoring (rate) group_left () "
                f"(sum(rate(hadir_impostor_comparisons_total{{{MEMBER}}}[1h])) > 0)",
                "{{rate}}",
            ),
        ),
        log=True,
        least=None,
        looks=_RATE_LOOKS,
    ),
    Panel(
        "Live over nominal",
        "The same over the rate itself (24 h), for the rates of the policy that ships. 1 is as calibrated.",
        "suffix: ×",
        tuple(
            Query(
                share(
                    f'sum(rate(hadir_impostor_matches_total{{{MEMBER}, rate="{rate}"}}[24h]))',
                    f"sum(rate(hadir_impostor_comparisons_total{{{MEMBER}}}[24h]))",
                )
                + f" / {rate}",
                rate,
            )
            for rate in _RATES
        ),
        steps=((None, "green"), (3, "red")),
        marks=True,
        looks=_RATE_LOOKS,
    ),
    Panel(
        "Faces that could not be compared",
        "Share of face verdicts by why their photos were of no use (15 minutes). Rises with new cameras, dark rooms or "
        "unclear instructions.",
        "percentunit",
        (
            Query(
                "sum by (reason) (rate(hadir_verdict_reasons_total{"
                + MEMBER
                + ', reason=~"no_face|several_faces|face_too_small|blurred|too_dark|turned_away|cut_off"}[15m])) '
                f'/ on() group_left () (sum(rate(hadir_verdicts_total{{{MEMBER}, channel="face"}}[15m])) > 0)',
                "{{reason}}",
                quiet="every photo may be of use",
            ),
        ),
        stacked=True,
        nothing="every photo is of use",
    ),
)

EVENTS: Final = (
    Panel(
        "Faces that did not match",
        "Verdicts in 15 minutes by reason. impostor_suspected: somebody else stands out, and reviewers are told who.",
        "none",
        (
            Query(
                f'sum by (reason) (increase(hadir_verdict_reasons_total{{{MEMBER}, reason=~"{_NOT_MATCHED}"}}[15m]))',
                "{{reason}}",
                quiet="everybody may match",
            ),
        ),
        stacked=True,
        looks={
            "face_mismatch": Look("orange"),
            "impostor_suspected": Look("red"),
            "similarity_uncertain": Look("yellow"),
        },
        runbook="HadirMatchRateShift",
    ),
    Panel(
        "Photos that came before",
        "Photos of an earlier check-in that came again, by match (the same bytes, or near) and person, in 15 minutes. "
        "Of another person: tell the security officer; many near ones of the same: [replay] distance_bits is too wide.",
        "none",
        (
            Query(
                f"sum by (match, person) (increase(hadir_photo_replays_total{{{MEMBER}}}[15m]))",
                "{{match}}, {{person}} person",
            ),
        ),
    ),
    Panel(
        "Indexes taken into use and refused",
        "In 5 minutes; refusals by code. Each switch should be a promotion that you know of.",
        "none",
        (
            Query(f"sum(increase(hadir_snapshot_switches_total{{{MEMBER}}}[5m]))", "taken into use"),
            Query(
                f"sum by (code) (increase(hadir_snapshot_refusals_total{{{MEMBER}}}[5m]))",
                "refused: {{code}}",
                quiet=_ONLY_FAULTS,
            ),
        ),
        looks={"taken into use": Look("blue")},
        runbook="HadirSnapshotMismatch",
    ),
)
