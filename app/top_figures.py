"""From readings of the members' metrics to what an operator looks at: rates, percentiles, shares. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from hadir.app.board import Latency
from hadir.app.metrics_reading import Reading
from hadir.core.metrics import MetricName

__all__ = ["MemberFigures", "TopFigures", "figures_of", "increase", "quantile"]

_BUCKET = "_bucket"


@dataclass(frozen=True, slots=True)
class MemberFigures:
    """One member of the group between two readings; `error` where the later one failed, and then nothing else counts.

    `use` is the share of its ready workers' time that went into batches. None: not told, or nothing to tell yet.
    """

    url: str
    error: str
    ready: bool | None
    lacks: str
    received_per_s: float | None
    workers: int | None
    workers_wanted: int | None
    use: float | None
    oldest_s: float | None
    lag_records: int | None
    partitions: int | None
    snapshot: str
    embedding_space: str
    pack: str


@dataclass(frozen=True, slots=True)
class TopFigures:
    """All members together. `seconds` is the time between the readings; rates and `latency_s` are of it alone,
    `latency_total_s` since the members started. `stages` is the share of the measured stage seconds, by stage.
    `failures` counts what failed in that time and is tried again, by part. Nobody answered: `answering` is 0."""

    seconds: float
    members: tuple[MemberFigures, ...]
    answering: int
    received_per_s: float | None
    verdicts_per_s: Mapping[str, float]
    verdicts: Mapping[str, int]
    oldest_s: float | None
    lag_records: int | None
    in_flight: int | None
    unpublished: int | None
    latency_s: Latency | None
    latency_total_s: Latency | None
    stages: Mapping[str, float]
    use: float | None
    dead_letters: int
    failures: Mapping[str, int]
    agree: bool

    @property
    def ready(self) -> int:
        """Members that call themselves ready."""
        return sum(one.ready is True for one in self.members)


def figures_of(before: Sequence[Reading], now: Sequence[Reading]) -> TopFigures:
    """Two readings of every member, parallel. A member whose earlier one failed has no rates yet."""
    pairs = list(zip(before, now, strict=True))
    good = [(old, new) for old, new in pairs if not old.error and not new.error]
    answering = [new for new in now if not new.error]
    members = tuple(_member(old, new) for old, new in pairs)
    seconds = max((new.at_s - old.at_s for old, new in good), default=0.0)
    spaces = {(one.snapshot, one.embedding_space) for one in members if not one.error and one.snapshot}
    return TopFigures(
        seconds=seconds,
        members=members,
        answering=len(answering),
        received_per_s=_sum([one.received_per_s for one in members]),
        verdicts_per_s=_rates(good, MetricName.VERDICTS, "outcome"),
        verdicts={label: int(value) for label, value in _totals(answering, MetricName.VERDICTS, "outcome").items()},
        oldest_s=max(
            (value for one in answering if (value := one.total(MetricName.OLDEST_UNDECIDED)) is not None), default=None
        ),
        lag_records=_whole(answering, MetricName.CONSUMER_LAG),
        in_flight=_whole(answering, MetricName.IN_FLIGHT),
        unpublished=max(
            (int(value) for one in answering if (value := one.total(MetricName.OUTBOX)) is not None), default=None
        ),
        latency_s=_latency(good),
        latency_total_s=_latency([(Reading(new.url, 0.0), new) for new in answering]),
        stages=_shares(_rates(good, f"{MetricName.STAGE_DURATION}_sum", "stage")),
        use=_use(members),
        dead_letters=_whole(answering, MetricName.DEAD_LETTERS) or 0,
        failures={
            part: round(count) for part, count in _counts(good, MetricName.PART_FAILURES, "part").items() if count
        },
        agree=len(spaces) <= 1,
    )


def increase(before: float | None, now: float) -> float:
    """By how much a counter has grown; one that is smaller than before began anew at 0, as its process did."""
    return now if before is None or now < before else now - before


def quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """As Prometheus' `histogram_quantile`: linear inside the bucket, the last finite edge where it is beyond it.

    Args:
        q: in 0..1.
        buckets: upper edge to how many observations were at most that, inf among the edges.

    Returns:
        None where nothing was observed.
    """
    edges = sorted(buckets.items())
    if not edges or edges[-1][0] != inf or edges[-1][1] <= 0:
        return None
    rank = q * edges[-1][1]
    for (low, below), (high, count) in pairwise([(0.0, 0.0), *edges]):
        if count >= rank and count > below:
            return low if high == inf else low + (high - low) * (rank - below) / (count - below)
    return None


def _member(before: Reading, now: Reading) -> MemberFigures:
    serves = now.told(MetricName.SNAPSHOT_INFO)
    workers = now.total(MetricName.POOL_WORKERS)
    busy_s = _grown(before, now, MetricName.WORKER_BUSY)
    seconds = now.at_s - before.at_s
    received = _grown(before, now, MetricName.RECEIVED)
    return MemberFigures(
        url=now.url,
        error=now.error,
        ready=now.ready,
        lacks=now.lacks,
        received_per_s=received / seconds if received is not None and seconds > 0 else None,
        workers=_int(workers),
        workers_wanted=_int(now.total(MetricName.POOL_WORKERS_WANTED)),
        use=min(1.0, busy_s / seconds / workers) if busy_s is not None and workers and seconds > 0 else None,
        oldest_s=now.total(MetricName.OLDEST_UNDECIDED),
        lag_records=_int(now.total(MetricName.CONSUMER_LAG)),
        partitions=_int(now.total(MetricName.PARTITIONS)),
        snapshot=serves.get("snapshot", ""),
        embedding_space=serves.get("embedding_space", ""),
        pack=serves.get("pack", ""),
    )


def _grown(before: Reading, now: Reading, name: str) -> float | None:
    """None where either reading failed or knows nothing of it."""
    total = now.total(name)
    return None if before.error or now.error or total is None else increase(before.total(name), total)


_Pairs = Sequence[tuple[Reading, Reading]]


def _counts(pairs: _Pairs, name: str, label: str) -> dict[str, float]:
    """By how much the counters have grown, by one label, over all members."""
    found: dict[str, float] = {}
    for before, now in pairs:
        old = before.by_label(name, label)
        for key, value in now.by_label(name, label).items():
            found[key] = found.get(key, 0.0) + increase(old.get(key), value)
    return found


def _rates(pairs: _Pairs, name: str, label: str) -> dict[str, float]:
    seconds = max((now.at_s - before.at_s for before, now in pairs), default=0.0)
    return {key: count / seconds for key, count in _counts(pairs, name, label).items()} if seconds > 0 else {}


def _totals(readings: Sequence[Reading], name: str, label: str) -> dict[str, float]:
    return _counts([(Reading(one.url, 0.0), one) for one in readings], name, label)


def _latency(pairs: _Pairs) -> Latency | None:
    counted = _counts(pairs, f"{MetricName.VERDICT_LATENCY}{_BUCKET}", "le")
    buckets = {float(edge): count for edge, count in counted.items() if edge}
    found = [quantile(q, buckets) for q in (0.5, 0.95, 0.99)]
    p50, p95, p99 = found
    return None if p50 is None or p95 is None or p99 is None else Latency(p50, p95, p99)


def _shares(seconds: Mapping[str, float]) -> dict[str, float]:
    whole = sum(seconds.values())
    return {stage: one / whole for stage, one in seconds.items()} if whole > 0 else {}


def _use(members: Sequence[MemberFigures]) -> float | None:
    told = [(one.use, one.workers) for one in members if one.use is not None and one.workers]
    workers = sum(count for _, count in told)
    return sum(use * count for use, count in told) / workers if workers else None


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _whole(readings: Sequence[Reading], name: str) -> int | None:
    return _int(_sum([one.total(name) for one in readings]))


def _int(value: float | None) -> int | None:
    return None if value is None else int(value)
