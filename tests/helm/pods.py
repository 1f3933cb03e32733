"""The pods that rendered documents make, whoever makes them: Kubernetes' own controllers or KubeRay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Pod", "matches", "pods"]


@dataclass(frozen=True, slots=True)
class Pod:
    """`where` says in a message which one; `labels` are those that it has once it runs."""

    where: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]

    @property
    def component(self) -> str:
        """What it is of a release."""
        return self.labels.get("app.kubernetes.io/component", "")

    def containers(self) -> list[Mapping[str, Any]]:
        """Init containers first."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]


def pods(documents: Sequence[Mapping[str, Any]]) -> list[Pod]:
    """Every pod of these documents, each once whatever its replicas."""
    return [pod for document in documents for pod in _of(document)]


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector chooses something with these labels."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, operator = labels.get(expression["key"]), expression["operator"]
    if operator == "In":
        return value in expression["values"]
    raise AssertionError(f"a selector with {operator}: say in tests/helm/pods.py what it chooses")


def _of(document: Mapping[str, Any]) -> Iterator[Pod]:
    kind, where = document["kind"], f"{document['kind']} {document['metadata']['name']}"
    if kind == "Pod":
        yield Pod(where, document["metadata"]["labels"], document["spec"])
    elif kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        yield _from(where, document["spec"]["template"])
    elif kind == "CronJob":
        yield _from(where, document["spec"]["jobTemplate"]["spec"]["template"])
    elif kind == "RayCluster":
        yield _ray(document, document["spec"]["headGroupSpec"], "headgroup", "head")
        for group in document["spec"]["workerGroupSpecs"]:
            yield _ray(document, group, group["groupName"], "worker")


def _from(where: str, template: Mapping[str, Any]) -> Pod:
    return Pod(where, template["metadata"]["labels"], template["spec"])


def _ray(cluster: Mapping[str, Any], group: Mapping[str, Any], name: str, kind: str) -> Pod:
    """With the labels that KubeRay 1.5 puts on a pod itself (controllers/ray/common/pod.go, labelPod)."""
    cluster_name = cluster["metadata"]["name"]
    pod = _from(f"RayCluster {cluster_name}/{name}", group["template"])
    own = {"ray.io/cluster": cluster_name, "ray.io/group": name, "ray.io/node-type": kind, "ray.io/is-ray-node": "yes"}
    return Pod(pod.where, {"app.kubernetes.io/name": "kuberay", **pod.labels, **own}, pod.spec)
