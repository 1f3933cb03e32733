"""The few shapes of PromQL that several panels share."""

from __future__ import annotations

from typing import Final

__all__ = ["COURSE", "FIRING", "INSTALLATION", "JOB", "MEMBER", "RANGE", "quantile", "rate", "share", "total", "usual"]

INSTALLATION: Final = 'namespace=~"$namespace"'
JOB: Final = f'job="$job", {INSTALLATION}'
MEMBER: Final = f'{JOB}, instance=~"$instance"'
COURSE: Final = "$__rate_interval"
"""Of a rate that is drawn: Grafana's choice, never under four scrapes."""
RANGE: Final = "$__range"
"""All that is shown."""
FIRING: Final = f'ALERTS{{alertname=~"Hadir.+", alertstate="firing", {INSTALLATION}}}'

_WEEKS: Final = (1, 2, 3, 4)


def quantile(of: float, histogram: str, window: str, by: str = "", where: str = MEMBER) -> str:
    """An estimate from a histogram's buckets, over all members; `by` keeps one label apart."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({of:g}, sum by ({labels}) (rate({histogram}_bucket{{{where}}}[{window}])))"


def rate(counter: str, by: str = "", window: str = COURSE) -> str:
    """Of a counter, over all members; `by` keeps labels apart."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({counter}{{{MEMBER}}}[{window}]))"


def total(gauge: str, by: str = "") -> str:
    """Of a gauge, over all members; `by` keeps labels apart."""
    return f"sum{f' by ({by}) ' if by else ''}({gauge}{{{MEMBER}}})"


def share(part: str, whole: str) -> str:
    """Part over whole, and nothing where the whole is nothing: no panel shows a share of no check-ins."""
    return f"{part} / ({whole} > 0)"


def usual(now: str) -> str:
    """The mean of the same moment on the same weekday in those of the last four weeks that Prometheus still holds.

    `now` is an expression in which `OFFSET` stands wherever an offset may. Weeks and not days: offices differ more by
    weekday than by week, and no weekend is among them.
    """
    weeks = (f'label_replace({now.replace("OFFSET", f"offset {n}w")}, "week", "{n}", "", "")' for n in _WEEKS)
    return f"avg without (week) ({' or '.join(weeks)})"
