"""Mornings as Prometheus would have scraped them, computed: arrivals along a curve, two members, and what goes wrong.

Every series of `core/metrics.py` that a rule looks at is there, with counters that grow as they do when all is well.
Minutes count from the beginning, which is 05:00; the surge has its top at 07:15.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hadir.core.metrics import LATENCY_EDGES_S

__all__ = ["MEMBERS", "STEP_S", "Morning", "quiet_night", "surge", "usual_week"]

STEP_S: Final = 30
MEMBERS: Final = ("hadir-0", "hadir-1")
TOP_MIN: Final = 135
WIDTH_MIN: Final = 28
NIGHT_PER_S: Final = 1 / 400
SURGE_PER_S: Final = 12.0
DAY_MIN: Final = 24 * 60
UNMATCHED: Final = 0.03
_WITHIN: Final = {0.05: 0.5, 0.1: 0.9, 0.25: 0.995, 0.5: 0.999, 0.75: 0.9995, 1.0: 0.9998, 1.5: 0.9999, 2.0: 1.0}
"""Share of verdicts within an edge on a good morning: a p99 of .24 s."""

Arrivals = Callable[[float], float]


def surge(minute: float) -> float:
    """Check-ins per second of all members."""
    return NIGHT_PER_S + SURGE_PER_S * math.exp(-(((minute % DAY_MIN - TOP_MIN) / WIDTH_MIN) ** 2))


def quiet_night(minute: float) -> float:
    """One check-in in some minutes, as the guards and the nurses send them."""
    del minute
    return NIGHT_PER_S


def usual_week(minute: float) -> float:
    """Mornings on five days, nothing but the night's check-ins on the sixth and seventh."""
    return surge(minute) if minute % (7 * DAY_MIN) < 5 * DAY_MIN else NIGHT_PER_S


@dataclass(slots=True)
class Morning:
    """`minutes` of scrapes every `step_s`; the series lie in `series`, by name and labels as Prometheus writes them."""

    minutes: int
    arrivals: Arrivals = surge
    step_s: int = STEP_S
    late: Arrivals = lambda _: 0.0
    """The share of verdicts that take ten seconds, by minute."""
    unmatched: Arrivals = lambda _: UNMATCHED
    """The share of face verdicts whose face is not the claimed person's."""
    slower: Arrivals = lambda _: 1.0
    """How many times as slow as usual everybody is."""
    series: dict[str, list[float | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for member in MEMBERS:
            self._count(member)
            self._gauges(member)

    @property
    def scrapes(self) -> int:
        return self.minutes * 60 // self.step_s + 1

    def minute(self, scrape: int) -> float:
        return scrape * self.step_s / 60

    def name(self, metric: str, member: str, **labels: str) -> str:
        """The series' key."""
        shown = {"job": "hadir", "instance": member, **labels}
        pairs = ", ".join(f'{key}="{value}"' for key, value in shown.items())
        return f"{metric}{{{pairs}}}"

    def set(self, metric: str, value: float | None, start: float, end: float, member: str = "", **labels: str) -> None:
        """A gauge has this value from minute to minute; None: it is not there. Of every member by default."""
        self.change(metric, lambda _minute, _before: value, start, end, member, **labels)

    def grow(self, metric: str, per_s: float, start: float, end: float, member: str = "", **labels: str) -> None:
        """A counter grows by so much more than it did, from minute to minute."""

        def grown(minute: float, before: float) -> float:
            return before + max(0.0, min(minute, end) - start) * 60 * per_s

        self.change(metric, grown, start, self.minutes + 1, member, **labels)

    def hold(self, metric: str, start: float, end: float, member: str, **labels: str) -> None:
        """A counter of this member stands still from minute to minute, and makes up for it afterwards."""
        before = [n for n in range(self.scrapes) if self.minute(n) <= start][-1]
        held = self.series[self.name(metric, member, **labels)][before]
        self.change(metric, lambda *_: held, start, end, member, **labels)

    def change(
        self,
        metric: str,
        change: Callable[[float, float], float | None],
        start: float,
        end: float,
        member: str = "",
        **labels: str,
    ) -> None:
        """`change(minute, value)` of the series that are there, from minute to minute (the last left out)."""
        for one in (member,) if member else MEMBERS:
            points = self.series.setdefault(self.name(metric, one, **labels), [0.0] * self.scrapes)
            for scrape, value in enumerate(points):
                if start <= self.minute(scrape) < end:
                    points[scrape] = change(self.minute(scrape), value or 0.0)

    def silence(self, start: float, end: float, member: str, *, down: bool) -> None:
        """This member's page is not read: its series end, and `up` is 0 (or, where its pod is gone, nothing)."""
        for key, points in self.series.items():
            if f'instance="{member}"' in key:
                is_up = key.startswith("up{")
                for scrape in range(self.scrapes):
                    if start <= self.minute(scrape) < end:
                        points[scrape] = 0.0 if is_up and down else None

    def restart(self, at: float, member: str) -> None:
        """All of this member's counters begin again at 0."""
        for key, points in self.series.items():
            metric = key.partition("{")[0]
            if f'instance="{member}"' in key and metric.endswith(("_total", "_count", "_bucket")):
                scrape = next(n for n in range(self.scrapes) if self.minute(n) >= at)
                base = points[scrape] or 0.0
                points[scrape:] = [None if value is None else value - base for value in points[scrape:]]

    def _count(self, member: str) -> None:
        within = [[0.0] for _ in (*LATENCY_EDGES_S, math.inf)]
        decided, lost = [0.0], [0.0]
        for scrape in range(1, self.scrapes):
            minute = self.minute(scrape)
            new = self.arrivals(minute) * self.step_s / len(MEMBERS)
            decided.append(decided[-1] + new)
            lost.append(lost[-1] + new * self.unmatched(minute))
            for edge, points in zip((*LATENCY_EDGES_S, math.inf), within, strict=True):
                points.append(points[-1] + new * self._share_within(edge, minute))
        face = {"channel": "face"}
        for edge, points in zip((*LATENCY_EDGES_S, math.inf), within, strict=True):
            le = "+Inf" if edge == math.inf else f"{edge}"
            self._have("hadir_verdict_latency_seconds_bucket", member, points, **face, le=le)
        self._have("hadir_verdict_latency_seconds_count", member, decided, **face)
        self._have("hadir_verdicts_total", member, decided, outcome="accepted", **face)
        self._have("hadir_received_total", member, decided)
        self._have("hadir_stage_duration_seconds_count", member, decided, stage="ledger")
        self._have("hadir_verdict_reasons_total", member, lost, outcome="rejected", reason="face_mismatch")

    def _share_within(self, edge: float, minute: float) -> float:
        late = self.late(minute)
        reached = max((share for e, share in _WITHIN.items() if e * self.slower(minute) <= edge), default=0.0)
        return reached * (1 - late) + (late if edge >= 10.0 else 0.0)

    def _gauges(self, member: str) -> None:
        busy = [self.arrivals(self.minute(scrape)) for scrape in range(self.scrapes)]
        self._have("up", member, [1.0] * self.scrapes)
        self._have("hadir_oldest_undecided_age_seconds", member, [min(1.2, per_s / 10) for per_s in busy])
        self._have("hadir_consumer_lag_records", member, [float(round(per_s)) for per_s in busy])
        self._have("hadir_outbox_unpublished", member, [float(round(per_s / 2)) for per_s in busy])
        levels = {
            "hadir_partitions_assigned": 6,
            "hadir_intake_paused": 0,
            "hadir_pool_workers": 4,
            "hadir_pool_workers_wanted": 4,
            "hadir_model_fallback": 0,
            "hadir_duplicates_total": 0,
        }
        for metric, level in levels.items():
            self._have(metric, member, [float(level)] * self.scrapes)
        self._have("hadir_pool_replacements_total", member, [0.0] * self.scrapes, cause="died")
        self._have("hadir_reconcile_faults", member, [0.0] * self.scrapes, kind="missing")
        hourly = [float(scrape * self.step_s // 3600 * 3600) for scrape in range(self.scrapes)]
        self._have("hadir_reconcile_timestamp_seconds", member, hourly)
        for code in ("undecodable", "id_conflict", "processing_failed"):
            self._have("hadir_dead_letters_total", member, [0.0] * self.scrapes, code=code)
        for part in ("ledger", "photos", "outbox", "position"):
            self._have("hadir_part_failures_total", member, [0.0] * self.scrapes, part=part, code=f"{part}_unavailable")
        served = {"snapshot": "s-1", "embedding_space": "e-1", "pack": "open", "licence": "free"}
        self._have("hadir_snapshot_info", member, [1.0] * self.scrapes, **served)

    def _have(self, metric: str, member: str, points: list[float], **labels: str) -> None:
        self.series[self.name(metric, member, **labels)] = list(points)
