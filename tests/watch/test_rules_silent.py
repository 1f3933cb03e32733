"""No alert on a normal morning, at night, or on what passes by itself; and what is usual comes from other days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dev.prometheus import missing_part
from dev.watch.rule import rule_file
from dev.watch.rules import rule_groups
from tests.watch.promtool_test import Expected, run_promtool
from tests.watch.simulated import Morning, quiet_night, surge, usual_week

pytestmark = pytest.mark.skipif(missing_part() is not None, reason=missing_part() or "")

RULES = Path(__file__).resolve().parents[2] / "helm" / "hadir" / "files" / "rules.yaml"
FIRST, SECOND = "hadir-0", "hadir-1"
DAY = 24 * 60
SELDOM_S = 300
"""Of a week no scrape every half minute: windows of ten minutes and an hour see enough."""


def steep(minute: float) -> float:
    return surge(minute + 100)


def restarts(morning: Morning) -> None:
    """A member is killed and starts again: its counters begin at 0, and what it had in hand is read again."""
    morning.silence(30, 31, FIRST, down=True)
    morning.restart(31, FIRST)
    morning.set("hadir_oldest_undecided_age_seconds", 20, 30, 31.5)
    morning.set("hadir_pool_workers", 0, 31, 33, FIRST)


def rebalances(morning: Morning) -> None:
    """One pod goes, the other takes all partitions over, and gives half of them back."""
    morning.silence(30, 36, FIRST, down=False)
    morning.set("hadir_partitions_assigned", 0, 30, 30.5, SECOND)
    morning.set("hadir_partitions_assigned", 12, 30.5, 36, SECOND)
    morning.set("hadir_oldest_undecided_age_seconds", 25, 30, 31)
    morning.grow("hadir_part_failures_total", 0.2, 36, 38, SECOND, part="position", code="position_unavailable")


def fails_over(morning: Morning) -> None:
    """The database is away for a minute and a half."""
    morning.set("hadir_oldest_undecided_age_seconds", 95, 31, 31.6)
    morning.set("hadir_intake_paused", 1, 30, 31.6)
    morning.grow("hadir_part_failures_total", 0.3, 30, 31.6, part="ledger", code="ledger_unavailable")
    for member in (FIRST, SECOND):
        morning.hold("hadir_stage_duration_seconds_count", 30, 31.6, member, stage="ledger")


def rolls_out(morning: Morning) -> None:
    """Another snapshot is taken into use by one member after the other."""
    one = {"snapshot": "s-1", "embedding_space": "e-1", "pack": "open", "licence": "free"}
    two = {**one, "snapshot": "s-2"}
    for member, at in ((FIRST, 30), (SECOND, 36)):
        morning.set("hadir_snapshot_info", None, at, 1_000, member, **one)
        morning.set("hadir_snapshot_info", None, 0, at, member, **two)
        morning.set("hadir_snapshot_info", 1, at, 1_000, member, **two)


def loses_a_worker(morning: Morning) -> None:
    """One worker dies and is replaced within two minutes."""
    morning.set("hadir_pool_workers", 3, 30, 32, FIRST)
    morning.grow("hadir_pool_replacements_total", 1 / 30, 30, 30.5, FIRST, cause="died")


PASSES: Mapping[str, Callable[[Morning], None]] = {
    "a member restarts": restarts,
    "the group rebalances": rebalances,
    "the database fails over": fails_over,
    "a snapshot is rolled out": rolls_out,
    "a worker is replaced": loses_a_worker,
}


def test_nothing_fires_on_a_normal_morning_from_five_to_nine(tmp_path: Path) -> None:
    run_promtool(tmp_path, RULES, Morning(240, surge), Expected(silent_until=240))


@pytest.mark.parametrize("what", PASSES)
def test_nothing_fires_on_what_passes_by_itself(what: str, tmp_path: Path) -> None:
    morning = Morning(60, steep)
    PASSES[what](morning)
    run_promtool(tmp_path, RULES, morning, Expected(silent_until=60))


def test_a_night_whose_single_check_ins_come_late_wakes_nobody(tmp_path: Path) -> None:
    morning = Morning(90, quiet_night, late=lambda minute: 1.0 if 20 <= minute < 70 else 0.0)
    run_promtool(tmp_path, RULES, morning, Expected(silent_until=90))


def test_a_shift_of_the_match_rate_is_seen_against_the_same_hour_last_week(tmp_path: Path) -> None:
    next_monday = 7 * DAY
    shifted = Morning(
        next_monday + 200,
        usual_week,
        step_s=SELDOM_S,
        unmatched=lambda minute: 0.12 if minute >= next_monday else 0.03,
    )
    firing: dict[float, list[str]] = {next_monday + 150: ["HadirMatchRateShift/ticket"]}
    run_promtool(tmp_path, judging(tmp_path), shifted, Expected(firing, silent_until=next_monday))


def test_a_slow_morning_is_seen_against_those_before_while_the_objective_still_holds(tmp_path: Path) -> None:
    """At five times their usual time 99.5 % of verdicts come within 2 s."""
    friday = 4 * DAY
    slow = Morning(friday + 200, usual_week, step_s=SELDOM_S, slower=lambda minute: 5.0 if minute >= friday else 1.0)
    firing: dict[float, list[str]] = {friday + 150: ["HadirVerdictLatencyRegression/ticket"]}
    run_promtool(tmp_path, judging(tmp_path), slow, Expected(firing, silent_until=friday))


def test_the_same_morning_is_nothing_where_no_other_is_known(tmp_path: Path) -> None:
    run_promtool(tmp_path, RULES, Morning(75, steep, slower=lambda _: 5.0), Expected(silent_until=75))


def test_a_day_without_a_comparison_makes_a_ticket(tmp_path: Path) -> None:
    rules = some_rules(tmp_path, "hadir-member-alerts")
    morning = Morning(30 * 60, quiet_night, step_s=SELDOM_S)
    morning.set("hadir_reconcile_timestamp_seconds", 3600, 61, 40 * 60)
    firing: dict[float, list[str]] = {27 * 60: ["HadirReconcileFaults/ticket"]}
    run_promtool(tmp_path, rules, morning, Expected(firing, silent_until=26 * 60))


def judging(folder: Path) -> Path:
    return some_rules(folder, "hadir-usual", "hadir-judgement-alerts")


def some_rules(folder: Path, *groups: str) -> Path:
    """Over a week the others would be evaluated a hundred thousand times for nothing."""
    path = folder / "some-rules.yaml"
    chosen = [group for group in rule_groups() if group.name in groups]
    path.write_text(rule_file(chosen, "https://r", "https://d", "Some of them."), encoding="utf-8")
    return path
