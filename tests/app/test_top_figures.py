"""What `hadir top` makes of two readings: rates over restarts, percentiles, members that come and go."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.app.metrics_reading import Labels, Reading
from hadir.app.top_figures import figures_of, increase, quantile
from hadir.core.metrics import MetricName

EMPTY: Labels = frozenset()


def reading(at_s: float, url: str = "http://a:1", **counts: float) -> Reading:
    """A member that has received, decided and worked so much; `snapshot` is its index's number."""
    latency = {
        frozenset({("le", "0.1"), ("channel", "face")}): counts.get("fast", 0.0),
        frozenset({("le", "2.0"), ("channel", "face")}): counts.get("fast", 0.0) + counts.get("slow", 0.0),
        frozenset({("le", "+Inf"), ("channel", "face")}): counts.get("fast", 0.0) + counts.get("slow", 0.0),
    }
    snapshot = frozenset(
        {("snapshot", f"s-{counts.get('snapshot', 1):.0f}"), ("embedding_space", "e"), ("pack", "open")}
    )
    return Reading(
        url,
        at_s,
        {
            MetricName.RECEIVED: {EMPTY: counts.get("received", 0.0)},
            MetricName.OLDEST_UNDECIDED: {EMPTY: counts.get("oldest", 0.0)},
            MetricName.POOL_WORKERS: {EMPTY: 2.0},
            MetricName.POOL_WORKERS_WANTED: {EMPTY: 2.0},
            MetricName.WORKER_BUSY: {EMPTY: counts.get("busy", 0.0)},
            MetricName.SNAPSHOT_INFO: {snapshot: 1.0},
            f"{MetricName.VERDICT_LATENCY}_bucket": latency,
        },
        ready=True,
    )


def test_a_counter_that_began_anew_has_grown_by_what_it_holds() -> None:
    assert increase(100.0, 130.0) == 30.0
    assert increase(100.0, 7.0) == 7.0
    assert increase(None, 7.0) == 7.0


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any), st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_lies_in_the_bucket_that_holds_that_rank(counts: list[int], q: float) -> None:
    edges = (0.1, 1.0, inf)
    upto = [sum(counts[: at + 1]) for at in range(3)]
    found = quantile(q, dict(zip(edges, map(float, upto), strict=True)))
    first = next(at for at, count in enumerate(upto) if count >= q * upto[-1] and count > (upto[at - 1] if at else 0))
    low, high = (0.0, *edges)[first], edges[first]
    assert found is not None
    assert low <= found <= (low if high == inf else high)


def test_where_nothing_was_observed_there_is_no_percentile() -> None:
    assert quantile(0.99, {0.1: 0.0, inf: 0.0}) is None
    assert quantile(0.99, {}) is None


def test_rates_are_of_the_time_between_the_readings_and_of_all_members() -> None:
    before = [reading(10.0, received=100, busy=4), reading(10.0, "http://b:1", received=5)]
    now = [reading(20.0, received=300, busy=14), reading(20.0, "http://b:1", received=15)]
    figures = figures_of(before, now)
    assert figures.received_per_s == pytest.approx(21.0)
    assert figures.members[0].use == pytest.approx(0.5)
    assert figures.use == pytest.approx(0.25)
    assert figures.ready == 2


def test_latency_now_is_apart_from_latency_since_the_start() -> None:
    figures = figures_of([reading(0.0, fast=1000)], [reading(10.0, fast=1000, slow=10)])
    assert figures.latency_s is not None
    assert figures.latency_s.p50 > 0.1
    assert figures.latency_total_s is not None
    assert figures.latency_total_s.p50 < 0.1


def test_a_member_that_does_not_answer_counts_for_nothing_and_is_still_shown() -> None:
    gone = Reading("http://b:1", 20.0, error="does not answer (ConnectionError)")
    figures = figures_of(
        [reading(10.0, received=1), reading(10.0, "http://b:1", received=9)], [reading(20.0, received=11), gone]
    )
    assert (figures.answering, len(figures.members)) == (1, 2)
    assert figures.received_per_s == pytest.approx(1.0)
    assert figures.members[1].error == gone.error


def test_a_member_that_has_just_come_has_no_rate_yet() -> None:
    before = [Reading("http://a:1", 10.0, error="does not answer (ConnectionError)")]
    figures = figures_of(before, [reading(20.0, received=500)])
    assert figures.received_per_s is None
    assert figures.members[0].use is None
    assert figures.answering == 1


def test_nobody_answers() -> None:
    gone = Reading("http://a:1", 10.0, error="does not answer (ConnectionError)")
    figures = figures_of([gone], [gone])
    assert (figures.answering, figures.oldest_s, figures.latency_s, figures.agree) == (0, None, None, True)


def test_the_oldest_of_all_members_is_told_and_two_indexes_are_no_agreement() -> None:
    now = [reading(20.0, oldest=0.2), reading(20.0, "http://b:1", oldest=7.5, snapshot=2)]
    figures = figures_of(now, now)
    assert figures.oldest_s == 7.5
    assert not figures.agree
