"""The ML engineer's page: who serves which index with which models, and do scores lie where they usually lie?"""

from __future__ import annotations

from typing import Final

from dev.watch.dashboard_index_scores import ERRORS, EVENTS, MATCH_RATE, SCORES
from dev.watch.expressions import MEMBER, share
from dev.watch.panels import Board, Kind, Panel, Query, Row, Steps, Word

__all__ = ["INDEX"]

_ANY_IS_BAD: Final[Steps] = ((None, "green"), (0.5, "red"))
_DAY_S: Final = 86_400

_TILES: Final = (
    Panel(
        "Indexes that serve",
        "How many different snapshots the members serve. More than one for longer than a switch takes: some member did "
        "not follow a promotion, and two people can get different verdicts for the same photo.",
        "none",
        (Query(f"count(count by (snapshot) (hadir_snapshot_info{{{MEMBER}}}))"),),
        Kind.STAT,
        3,
        still=True,
        steps=((None, "red"), (1, "green"), (2, "red")),
        decimals=0,
        runbook="HadirSnapshotMismatch",
    ),
    Panel(
        "Age of the index",
        "Since the oldest index that serves was built. Who enrolled later is not in it: build one (`hadir index "
        "build`).",
        "s",
        (Query(f"time() - min(hadir_snapshot_built_timestamp_seconds{{{MEMBER}}})"),),
        Kind.STAT,
        3,
        still=True,
        steps=((None, "green"), (30 * _DAY_S, "orange"), (90 * _DAY_S, "red")),
    ),
    Panel(
        "People in the index",
        "Enrolled people in the smallest index that serves. Compare with the roster.",
        "locale",
        (Query(f"min(hadir_snapshot_people{{{MEMBER}}})"),),
        Kind.STAT,
        3,
        still=True,
        steps=((None, "red"), (1, "blue")),
        decimals=0,
    ),
    Panel(
        "In use since",
        "Since the last switch of any member. Short after a bend in a curve below: suspect the promotion, roll back "
        "(`hadir index rollback`).",
        "s",
        (Query(f"min(hadir_snapshot_serving_seconds{{{MEMBER}}})"),),
        Kind.STAT,
        3,
        still=True,
        steps=((None, "blue"),),
    ),
    Panel(
        "Match rate, 1 h",
        "Face verdicts in which the claimed person matched: less mismatches, suspected impostors and uncertain ones. "
        "Where the colours change is assumed; what counts is the usual, below.",
        "percentunit",
        (Query(MATCH_RATE.replace(" OFFSET", "")),),
        Kind.STAT,
        3,
        steps=((None, "red"), (0.8, "orange"), (0.9, "green")),
        nothing="no faces",
        most=1,
        decimals=1,
        runbook="HadirMatchRateShift",
    ),
    Panel(
        "Models run on",
        "AS ASKED: the processor or the card that the settings name. CPU INSTEAD: a card was asked for and is not to "
        "be had; the surge will be slower than it was sized for.",
        "none",
        (Query(f"max(hadir_model_fallback{{{MEMBER}}})"),),
        Kind.STAT,
        3,
        still=True,
        steps=_ANY_IS_BAD,
        words={0: Word("AS ASKED", "green"), 1: Word("CPU INSTEAD", "red")},
        runbook="HadirModelFallback",
    ),
    Panel(
        "Live over nominal FMR",
        "Accept rate: false matches of live probes with people whom nobody claimed, over what the threshold promises "
        "(24 h). 1 is as calibrated; above 3, calibrate anew (`hadir calibrate`) and look at cameras and light.",
        "suffix: ×",
        (
            Query(
                share(
                    f'sum(increase(hadir_impostor_matches_total{{{MEMBER}, rate="1e-3"}}[24h]))',
                    f"sum(increase(hadir_impostor_comparisons_total{{{MEMBER}}}[24h]))",
                )
                + " / 1e-3"
            ),
        ),
        Kind.STAT,
        3,
        still=True,
        steps=((None, "green"), (2, "orange"), (3, "red")),
        nothing="no faces",
        decimals=2,
    ),
    Panel(
        "Indexes refused, 24 h",
        "Indexes that were to serve and could not; the one before serves on. The code is in the curve below and in the "
        "log.",
        "none",
        (Query(f"sum(increase(hadir_snapshot_refusals_total{{{MEMBER}}}[24h])) or on() vector(0)"),),
        Kind.STAT,
        3,
        still=True,
        steps=_ANY_IS_BAD,
        decimals=0,
        runbook="HadirSnapshotMismatch",
    ),
)

_WHO: Final = (
    Panel(
        "Who serves what",
        "One line for each member: index, embedding space and pack must be the same in all.",
        "none",
        (Query(f"max by (instance, snapshot, embedding_space, pack, licence) (hadir_snapshot_info{{{MEMBER}}})"),),
        Kind.TABLE,
        16,
        columns={
            "instance": "Member",
            "snapshot": "Snapshot",
            "pack": "Pack",
            "embedding_space": "Embedding space",
            "licence": "Licence",
        },
        runbook="HadirSnapshotMismatch",
    ),
    Panel(
        "What the models run on",
        "One line for each member: the runtime asked for, the provider in use, the precision.",
        "none",
        (Query(f"max by (instance, runtime, provider, precision) (hadir_model_info{{{MEMBER}}})"),),
        Kind.TABLE,
        8,
        columns={"instance": "Member", "runtime": "Asked", "provider": "In use", "precision": "Precision"},
        runbook="HadirModelFallback",
    ),
)

INDEX: Final = Board(
    "index",
    "hadir-index",
    "Hadir: Index and models",
    "Which index and which models serve, how old they are, and whether scores lie where they usually lie.",
    "now-6h",
    "1m",
    (
        Row("", 4, _TILES),
        Row("Serving", 5, _WHO),
        Row("Scores", 9, SCORES),
        Row("Error rates", 8, ERRORS),
        Row("Events", 8, EVENTS),
    ),
)
