"""All rules, as Hadir ships them or faster than life."""

from __future__ import annotations

from dev.watch.burn_alerts import burn_alerts
from dev.watch.judgement_alerts import judgement_alerts
from dev.watch.member_alerts import member_alerts
from dev.watch.objectives import Objectives, load_objectives
from dev.watch.recordings import budget_group, objective_group, usual_group
from dev.watch.rule import Alerting, Group, Recording, rule_file
from dev.watch.stream_alerts import stream_alerts
from dev.watch.times import SHIPPED, Scale

__all__ = ["alerts", "recordings", "rule_groups", "rules_text"]

HEADING = "Written by `python -m dev.watch.write` from configs/objectives.toml and dev/watch: change it there."


def rule_groups(objectives: Objectives | None = None, scale: Scale = SHIPPED) -> tuple[Group, ...]:
    """What is recorded comes before what looks at it."""
    objectives = objectives or load_objectives()
    return (
        objective_group(objectives, scale),
        budget_group(objectives, scale),
        usual_group(scale),
        burn_alerts(objectives),
        stream_alerts(scale),
        judgement_alerts(scale),
        member_alerts(scale),
    )


def recordings(scale: Scale = SHIPPED) -> list[Recording]:
    """Every recording rule."""
    return [rule for group in rule_groups(scale=scale) for rule in group.rules if isinstance(rule, Recording)]


def alerts(scale: Scale = SHIPPED) -> list[Alerting]:
    """Every alerting rule; several may have one name."""
    return [rule for group in rule_groups(scale=scale) for rule in group.rules if isinstance(rule, Alerting)]


def rules_text(objectives: Objectives | None = None, scale: Scale = SHIPPED) -> str:
    """The rule file for Prometheus."""
    objectives = objectives or load_objectives()
    return rule_file(rule_groups(objectives, scale), objectives.runbooks, objectives.dashboards, HEADING)
