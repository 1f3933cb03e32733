"""Mistakes as people make them in a chart, each planted into a good document: a real API server must refuse every one
and name it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dev.kube.api_server import Answer
from hadir.core.errors import InputError

__all__ = ["PLANTED", "Planted", "Refusal", "refusals"]

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planted:
    """A mistake in an object of this kind, and the words of the refusal that name it."""

    name: str
    kind: str
    plant: Callable[[Document], object]
    named: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server said to a planted mistake; `good`: it refused it by name."""

    planted: str
    named: tuple[str, ...]
    good: bool
    said: str


def _container(document: Document) -> Document:
    found: Document = document["spec"]["template"]["spec"]["containers"][0]
    return found


def _head(document: Document) -> Document:
    found: Document = document["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    return found


def _rule(document: Document) -> Document:
    found: Document = next(rule for group in document["spec"]["groups"] for rule in group["rules"] if "alert" in rule)
    return found


PLANTED = (
    Planted(
        "a misspelt field of a Deployment",
        "Deployment",
        lambda one: _container(one).update(imagePulPolicy="Always"),
        ("unknown field", "spec.template.spec.containers[0].imagePulPolicy"),
    ),
    Planted(
        "a probe in the wrong place",
        "Deployment",
        lambda one: one["spec"]["template"]["spec"].update(readinessProbe={"httpGet": {"port": 1}}),
        ("unknown field", "spec.template.spec.readinessProbe"),
    ),
    Planted(
        "a memory limit in no unit",
        "RayCluster",
        lambda one: _head(one)["resources"]["limits"].update(memory="2Gb"),
        ("resources.limits.memory", "should match"),
    ),
    Planted(
        "a selector that misses its pods",
        "Deployment",
        lambda one: one["spec"]["selector"]["matchLabels"].update({"app.kubernetes.io/component": "other"}),
        ("selector", "does not match template"),
    ),
    Planted(
        "a misspelt field of a RayCluster",
        "RayCluster",
        lambda one: one["spec"]["headGroupSpec"].update(rayStartParam={}),
        ("unknown field", "spec.headGroupSpec.rayStartParam"),
    ),
    Planted(
        "a number where Ray wants text",
        "RayCluster",
        lambda one: one["spec"]["headGroupSpec"]["rayStartParams"].update({"num-cpus": 0}),
        ("spec.headGroupSpec.rayStartParams.num-cpus", "must be of type string"),
    ),
    Planted(
        "a port number as text",
        "RayCluster",
        lambda one: _head(one)["ports"][0].update(containerPort="6379"),
        ("containerPort", "must be of type integer"),
    ),
    Planted(
        "partitions as text",
        "KafkaTopic",
        lambda one: one["spec"].update(partitions="12"),
        ("spec.partitions", "must be of type integer"),
    ),
    Planted(
        "an operation that Kafka has not",
        "KafkaUser",
        lambda one: one["spec"]["authorization"]["acls"][0].update(operations=["Sniff"]),
        ("spec.authorization.acls[0].operations[0]", "Unsupported value"),
    ),
    Planted(
        "a scrape interval without a unit",
        "PodMonitor",
        lambda one: one["spec"]["podMetricsEndpoints"][0].update(interval="15"),
        ("spec.podMetricsEndpoints[0].interval", "should match"),
    ),
    Planted(
        "a waiting time in words",
        "PrometheusRule",
        lambda one: _rule(one).update({"for": "5 minutes"}),
        (".for", "should match"),
    ),
    Planted(
        "root",
        "Pod",
        lambda one: one["spec"]["securityContext"].update(runAsNonRoot=False),
        ("violates PodSecurity", "runAsNonRoot"),
    ),
    Planted(
        "a privileged container",
        "Pod",
        lambda one: one["spec"]["containers"][0]["securityContext"].update(
            privileged=True, allowPrivilegeEscalation=True
        ),
        ("violates PodSecurity", "privileged"),
    ),
)


def refusals(
    documents: Sequence[Mapping[str, Any]], check: Callable[[Sequence[Document]], Answer]
) -> Iterator[Refusal]:
    """Plant each mistake into the first document of its kind and ask `check`, a server that keeps nothing.

    Raises:
        InputError: the documents hold none of a kind; the message names it.
    """
    for planted in PLANTED:
        found = next((one for one in documents if one["kind"] == planted.kind), None)
        if found is None:
            raise InputError(f"no {planted.kind} to plant a mistake in: the documents of all profiles hold none")
        wrong: Document = copy.deepcopy(dict(found))
        planted.plant(wrong)
        answer = check([wrong])
        good = not answer.ok and all(word in answer.err for word in planted.named)
        yield Refusal(planted.name, planted.named, good, " ".join(answer.text.split()))
