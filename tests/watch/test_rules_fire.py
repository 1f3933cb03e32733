"""Every alert fires on its fault, by promtool, and nothing else does; then it falls silent again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.prometheus import missing_part
from dev.watch.rules import alerts
from tests.watch.promtool_test import Expected, run_promtool
from tests.watch.simulated import Morning, quiet_night, surge

pytestmark = pytest.mark.skipif(missing_part() is not None, reason=missing_part() or "")

RULES = Path(__file__).resolve().parents[2] / "helm" / "hadir" / "files" / "rules.yaml"
FOREVER = 1_000
FIRST, SECOND = "hadir-0", "hadir-1"


def steep(minute: float) -> float:
    """A surge whose top comes at minute 35."""
    return surge(minute + 100)


def between(start: float, end: float, value: float, otherwise: float = 0.0) -> Callable[[float], float]:
    return lambda minute: value if start <= minute < end else otherwise


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens, and exactly what fires at which minute."""

    morning: Callable[[int], Morning]
    firing: Mapping[float, Sequence[str]]
    happens: Callable[[Morning], None] = lambda _: None


def a_morning(**options: Callable[[float], float]) -> Callable[[int], Morning]:
    return lambda minutes: Morning(minutes, **{"arrivals": steep, **options})  # type: ignore[arg-type]  # passed on


def grows(from_minute: float, per_s: float) -> Callable[[float, float], float]:
    return lambda minute, _: max(0.0, minute - from_minute) * 60 * per_s


def stall(morning: Morning) -> None:
    morning.change("hadir_oldest_undecided_age_seconds", grows(20, 1), 20, 30)
    morning.change("hadir_consumer_lag_records", grows(20, 2), 20, 30)


def intake_stands(morning: Morning) -> None:
    """The database is away: what is counted in the log is what was known before."""
    morning.change("hadir_oldest_undecided_age_seconds", grows(20, 1), 20, 30)
    morning.set("hadir_intake_paused", 1, 20, 30)


def one_is_stuck(morning: Morning) -> None:
    morning.change("hadir_oldest_undecided_age_seconds", grows(20, 1), 20, 40, FIRST)
    morning.set("hadir_consumer_lag_records", 1, 20, 40, FIRST)


def nobody_reads(morning: Morning) -> None:
    morning.set("hadir_partitions_assigned", 0, 20, 35)


def falls_behind(morning: Morning) -> None:
    morning.change("hadir_consumer_lag_records", grows(20, 2.5), 20, 50)


def cannot_write(part: str) -> Callable[[Morning], None]:
    def happens(morning: Morning) -> None:
        morning.grow("hadir_part_failures_total", 0.2, 20, 30, FIRST, part=part, code=f"{part}_unavailable")
        morning.hold("hadir_stage_duration_seconds_count", 20, 30, FIRST, stage="ledger")

    return happens


def outbox_stands(morning: Morning) -> None:
    morning.change("hadir_outbox_unpublished", grows(20, 10), 20, 40)


def another_index(morning: Morning) -> None:
    one = {"snapshot": "s-1", "embedding_space": "e-1", "pack": "open", "licence": "free"}
    morning.set("hadir_snapshot_info", None, 20, 45, SECOND, **one)
    morning.set("hadir_snapshot_info", None, 0, 20, SECOND, **{**one, "snapshot": "s-2"})
    morning.set("hadir_snapshot_info", 1, 20, 45, SECOND, **{**one, "snapshot": "s-2"})
    morning.set("hadir_snapshot_info", None, 45, FOREVER, SECOND, **{**one, "snapshot": "s-2"})


def refused(morning: Morning) -> None:
    morning.set("hadir_snapshot_refusals_total", None, 0, 20, SECOND, code="snapshot")
    morning.set("hadir_snapshot_refusals_total", 1, 20, FOREVER, SECOND, code="snapshot")


def worker_dies_again_and_again(morning: Morning) -> None:
    morning.grow("hadir_pool_replacements_total", 1 / 100, 20, 33, FIRST, cause="died")


def both_pods_go(morning: Morning) -> None:
    morning.silence(20, 30, FIRST, down=False)
    morning.silence(20, 30, SECOND, down=False)


FAULTS: Mapping[str, Fault] = {
    "HadirVerdictLatencyBudgetBurn": Fault(
        a_morning(late=between(20, 40, 0.3)),
        {19: [], 24: ["HadirVerdictLatencyBudgetBurn/page", "HadirVerdictLatencyBudgetBurn/ticket"], 74: []},
    ),
    "HadirVerdictLatencyBudgetBurn slowly": Fault(
        a_morning(late=between(10, 40, 0.04)),
        {
            9: [],
            39: [
                "HadirVerdictLatencyBudgetBurn/page",
                "HadirVerdictLatencyBudgetBurn/ticket",
                "HadirVerdictLatencyRegression/ticket",
            ],
            74: [],
        },
    ),
    "HadirDecisionBudgetBurn": Fault(
        a_morning(),
        {
            19: [],
            26: ["HadirDeadLetters/ticket", "HadirDecisionBudgetBurn/page", "HadirDecisionBudgetBurn/ticket"],
            74: [],
        },
        lambda morning: morning.grow("hadir_dead_letters_total", 0.1, 20, 35, code="undecodable"),
    ),
    "HadirPipelineStalled many-wait": Fault(a_morning(), {20: [], 22.5: ["HadirPipelineStalled/page"], 32: []}, stall),
    "HadirPipelineStalled many-wait, lag unknown": Fault(
        a_morning(), {20: [], 22.5: ["HadirPipelineStalled/page"], 32: []}, intake_stands
    ),
    "HadirPipelineStalled stuck, at night": Fault(
        a_morning(arrivals=quiet_night), {24: [], 26.5: ["HadirPipelineStalled/page"], 41: []}, one_is_stuck
    ),
    "HadirPipelineStalled nobody-reads": Fault(
        a_morning(), {22: [], 23.5: ["HadirPipelineStalled/page"], 36: []}, nobody_reads
    ),
    "HadirLagGrowing": Fault(a_morning(), {24: [], 40: ["HadirLagGrowing/ticket"], 56: []}, falls_behind),
    "HadirLedgerFailing": Fault(a_morning(), {21: [], 24: ["HadirLedgerFailing/page"], 32: []}, cannot_write("ledger")),
    "HadirLedgerFailing photos": Fault(
        a_morning(), {21: [], 24: ["HadirLedgerFailing/page"], 32: []}, cannot_write("photos")
    ),
    "HadirVerdictsUnpublished": Fault(
        a_morning(), {20: [], 25: ["HadirVerdictsUnpublished/page"], 41: []}, outbox_stands
    ),
    "HadirDeadLetters": Fault(
        a_morning(),
        {19: [], 22: ["HadirDeadLetters/ticket"], 53: []},
        lambda morning: morning.grow("hadir_dead_letters_total", 1 / 60, 20, 21, FIRST, code="id_conflict"),
    ),
    "HadirSnapshotMismatch differ": Fault(
        a_morning(), {29: [], 31: ["HadirSnapshotMismatch/page"], 46: []}, another_index
    ),
    "HadirSnapshotMismatch refused": Fault(
        a_morning(), {19: [], 21: ["HadirSnapshotMismatch/ticket"], 52: []}, refused
    ),
    "HadirModelFallback": Fault(
        a_morning(),
        {24: [], 26: ["HadirModelFallback/ticket"], 41: []},
        lambda morning: morning.set("hadir_model_fallback", 1, 20, 40, FIRST),
    ),
    "HadirMatchRateShift, no history": Fault(
        a_morning(unmatched=between(0, 60, 0.4, 0.03)), {14: [], 40: ["HadirMatchRateShift/ticket"]}
    ),
    "HadirVerdictLatencyRegression, no history": Fault(
        a_morning(slower=between(20, 45, 8.0, 1.0)),
        {29: [], 35: ["HadirVerdictLatencyRegression/ticket"], 60: []},
    ),
    "HadirReconcileFaults differ": Fault(
        a_morning(),
        {24: [], 26: ["HadirReconcileFaults/page"], 41: []},
        lambda morning: morning.set("hadir_reconcile_faults", 1, 20, 40, FIRST, kind="missing"),
    ),
    "HadirWorkersMissing most": Fault(
        a_morning(),
        {
            24: [],
            26: ["HadirWorkersMissing/page"],
            31: ["HadirWorkersMissing/page", "HadirWorkersMissing/ticket"],
            41: [],
        },
        lambda morning: morning.set("hadir_pool_workers", 1, 20, 40),
    ),
    "HadirWorkersMissing some": Fault(
        a_morning(),
        {29: [], 31: ["HadirWorkersMissing/ticket"], 41: []},
        lambda morning: morning.set("hadir_pool_workers", 3, 20, 40, FIRST),
    ),
    "HadirWorkersMissing dying": Fault(
        a_morning(), {24: [], 33: ["HadirWorkersMissing/ticket"], 64: []}, worker_dies_again_and_again
    ),
    "HadirMetricsAbsent all": Fault(a_morning(), {22: [], 24: ["HadirMetricsAbsent/page"], 31: []}, both_pods_go),
    "HadirMetricsAbsent one": Fault(
        a_morning(),
        {24: [], 26: ["HadirMetricsAbsent/ticket"], 41: []},
        lambda morning: morning.silence(20, 40, FIRST, down=True),
    ),
}


def test_every_alert_and_every_cause_of_it_has_its_fault() -> None:
    shown = {name.partition(",")[0] for name in FAULTS}
    elsewhere = {"HadirReconcileFaults not-compared"}
    wanted = {f"{alert.name} {alert.cause}".strip() for alert in alerts()}
    assert wanted - shown - elsewhere == set()


@pytest.mark.parametrize("name", FAULTS)
def test_an_alert_fires_on_its_fault_and_nothing_else_does(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    morning = fault.morning(round(max(fault.firing)) + 1)
    fault.happens(morning)
    run_promtool(tmp_path, RULES, morning, Expected(fault.firing))
