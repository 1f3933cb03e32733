"""Recording and alerting rules as data, and the file in which Prometheus reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Alerting", "Group", "Recording", "Rule", "rule_file"]


@dataclass(frozen=True, slots=True)
class Recording:
    """A query whose answer is kept as a series of its own, named `hadir:<what>:<operation><window>`."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True)
class Alerting:
    """Somebody is told while `expr` answers anything for `held` (`0s`: at once).

    `severity` page: now, at any hour; ticket: on the next working day. `cause` tells rules of one name apart.
    `dashboard` is the uid of the one to look at. `summary` and `description` are Prometheus templates.
    """

    name: str
    severity: str
    expr: str
    held: str
    summary: str
    description: str
    dashboard: str
    cause: str = ""


Rule = Recording | Alerting


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other. `interval` "": as often as Prometheus does it anyway."""

    name: str
    rules: tuple[Rule, ...]
    interval: str = field(default="")


def rule_file(groups: Sequence[Group], runbooks: str, dashboards: str, heading: str) -> str:
    """The YAML file. `heading` is its comment; the bases of links have no slash at their end."""
    lines = [f"# {heading}", "groups:"]
    for group in groups:
        lines.append(f"  - name: {group.name}")
        if group.interval:
            lines.append(f"    interval: {group.interval}")
        lines.append("    rules:")
        for rule in group.rules:
            lines += _recording(rule) if isinstance(rule, Recording) else _alerting(rule, runbooks, dashboards)
    return "\n".join(lines) + "\n"


def _recording(rule: Recording) -> Iterator[str]:
    yield f"      - record: {rule.name}"
    yield from _expression(rule.expr)


def _alerting(rule: Alerting, runbooks: str, dashboards: str) -> Iterator[str]:
    yield f"      - alert: {rule.name}"
    yield from _expression(rule.expr)
    if rule.held != "0s":
        yield f"        for: {rule.held}"
    labels = {"severity": rule.severity, "service": "hadir"} | ({"cause": rule.cause} if rule.cause else {})
    yield from _table("labels", labels)
    annotations = {
        "summary": rule.summary,
        "description": rule.description,
        "runbook_url": f"{runbooks}/{rule.name}.md",
        "dashboard_url": f"{dashboards}/{rule.dashboard}",
    }
    yield from _table("annotations", annotations)


def _expression(expr: str) -> Iterator[str]:
    yield "        expr: |-"
    yield from (f"          {line}".rstrip() for line in expr.strip().splitlines())


def _table(name: str, values: Mapping[str, str]) -> Iterator[str]:
    yield f"        {name}:"
    # JSON's strings are YAML's, and need no thought about colons and braces.
    yield from (f"          {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())
