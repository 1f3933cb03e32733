"""Alerts on the stream: it stands still, falls behind, cannot write, cannot publish, or sets records aside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dev.watch.rule import Alerting, Group
from dev.watch.times import Scale

__all__ = ["stream_alerts"]

WAITING_S: Final = 60
"""Thirty times the objective."""
CROWD: Final = 20
"""Check-ins: fewer that wait are not yet a morning that goes wrong."""
STUCK_S: Final = 300
"""Longer than three attempts with a worker that dies each time: at any hour, whatever waits for so long is stuck."""
BEHIND: Final = 100
"""Records, several batches: less lies in the log of a busy pipeline at any moment."""
CATCH_UP_S: Final = 60
UNPUBLISHED_S: Final = 30
_OLDEST: Final = 'max by (namespace) (hadir_oldest_undecided_age_seconds{job="hadir"})'
_LAG: Final = 'sum by (namespace) (hadir_consumer_lag_records{job="hadir"})'
_DECIDED: Final = """(
    sum by (namespace) (rate(hadir_verdicts_total{job="hadir"}[WINDOW]))
    + sum by (namespace) (rate(hadir_duplicates_total{job="hadir"}[WINDOW]))
  )"""


def stream_alerts(scale: Scale) -> Group:
    """From the log through the ledger to the verdicts' topic."""
    return Group(
        "hadir-stream-alerts",
        (*_stalled(scale), _lag_growing(scale), _ledger_failing(scale), _unpublished(scale), _dead_letters(scale)),
    )


def _stalled(scale: Scale) -> Iterator[Alerting]:
    summary = "Check-ins are not being decided"
    yield Alerting(
        "HadirPipelineStalled",
        "page",
        f"""{_OLDEST} > {scale.age(WAITING_S)}
and
(
  {_LAG} >= {CROWD}
  or max by (namespace) (hadir_intake_paused{{job="hadir"}}) == 1
)""",
        scale.span("1m"),
        summary,
        "The oldest check-in without a verdict has waited {{ $value | humanizeDuration }}, and it is not alone.",
        "hadir-latency",
        cause="many-wait",
    )
    yield Alerting(
        "HadirPipelineStalled",
        "page",
        f"{_OLDEST} > {scale.age(STUCK_S)}",
        scale.span("1m"),
        summary,
        "A check-in has waited {{ $value | humanizeDuration }}, or neither log nor ledger has answered for so long.",
        "hadir-latency",
        cause="stuck",
    )
    yield Alerting(
        "HadirPipelineStalled",
        "page",
        'sum by (namespace) (hadir_partitions_assigned{job="hadir"}) == 0',
        scale.span("3m"),
        summary,
        "No member reads any partition of the check-in topic: whatever is sent lies in the log.",
        "hadir-latency",
        cause="nobody-reads",
    )


def _lag_growing(scale: Scale) -> Alerting:
    five_minutes = scale.span("5m")
    return Alerting(
        "HadirLagGrowing",
        "ticket",
        f"""{_LAG}
  / {_DECIDED.replace("WINDOW", five_minutes)} > {scale.age(CATCH_UP_S)}
and
{_LAG} >= {BEHIND}
and
{_LAG}
  > sum by (namespace) (hadir_consumer_lag_records{{job="hadir"}} offset {five_minutes})""",
        five_minutes,
        "More check-ins arrive than are decided",
        "At the present pace what lies in the log takes {{ $value | humanizeDuration }}, and it grows.",
        "hadir-latency",
    )


def _ledger_failing(scale: Scale) -> Alerting:
    # A server that says nothing is given up after 65 s: failures then come that seldom.
    failures, writes = scale.span("3m"), scale.span("90s")
    return Alerting(
        "HadirLedgerFailing",
        "page",
        f"""sum by (namespace, instance, part) (
  increase(hadir_part_failures_total{{job="hadir", part=~"ledger|photos"}}[{failures}])
) > 0
unless on (namespace, instance)
  increase(hadir_stage_duration_seconds_count{{job="hadir", stage="ledger"}}[{writes}]) > 0""",
        # A failover of the database takes less than these 90 s and this together.
        scale.span("1m"),
        "{{ $labels.instance }} cannot write verdicts ({{ $labels.part }})",
        "Writing fails again and again, and nothing was written meanwhile: the ledger's database, or for part=photos "
        "the store of case photos, does not take what it is given. Nothing is lost: it is tried until it works.",
        "hadir-latency",
    )


def _unpublished(scale: Scale) -> Alerting:
    five_minutes = scale.span("5m")
    return Alerting(
        "HadirVerdictsUnpublished",
        "page",
        f"""max by (namespace) (hadir_outbox_unpublished{{job="hadir"}}) >= {CROWD}
and
max by (namespace) (hadir_outbox_unpublished{{job="hadir"}})
  / sum by (namespace) (rate(hadir_verdicts_total{{job="hadir"}}[{five_minutes}])) > {scale.age(UNPUBLISHED_S)}""",
        scale.span("2m"),
        "Verdicts stand in the ledger and do not get onto their topic",
        "{{ $value }} verdicts wait in the outbox: people are decided about and not answered.",
        "hadir-latency",
    )


def _dead_letters(scale: Scale) -> Alerting:
    return Alerting(
        "HadirDeadLetters",
        "ticket",
        f'sum by (namespace, code) (increase(hadir_dead_letters_total{{job="hadir"}}[{scale.span("30m")}])) > 0',
        "0s",
        "Records were set aside ({{ $labels.code }})",
        "{{ $value | printf `%.0f` }} records became dead letters within half an hour. Somebody's check-in may be "
        "among them.",
        "hadir-latency",
    )
