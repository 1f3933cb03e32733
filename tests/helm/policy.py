"""What every profile of the chart must keep to, whatever values are set: one line for each breach."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.helm.pods import Pod, matches, pods

__all__ = ["breaches"]

Documents = Sequence[Mapping[str, Any]]

_SECRET_NAME = re.compile(r"password|secret|token(?!_file)|_key$", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"(?i)(password|passwd|secret)\s*[=:]\s*\S|://[^/\s:@]*:[^/\s@]+@|BEGIN [A-Z ]*PRIVATE KEY")
_EXTENDED = re.compile(r"^[a-z0-9.-]+/[a-z0-9.-]+$")
_SPEAKS_TO_THE_API_SERVER = "surge"


def breaches(documents: Documents) -> list[str]:
    """Every breach, by the object and what is wrong."""
    found: list[str] = []
    for pod in pods(documents):
        for rule in (_restricted, _account, _volumes, _resources, _probes, _environment, _spread):
            found += [f"{pod.where}: {wrong}" for wrong in rule(pod)]
    for check in (_plain_secrets, _selectors, _isolation, _rights):
        found += check(documents)
    return found


def _restricted(pod: Pod) -> Iterator[str]:
    """The Pod Security Standard `restricted`, and a root file system that nobody writes."""
    own = pod.spec.get("securityContext", {})
    if not own.get("runAsNonRoot") or not own.get("runAsUser"):
        yield "may run as root"
    if own.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(key):
            yield f"takes {key}"
    for container in pod.containers():
        context = container.get("securityContext", {})
        if context.get("privileged") or context.get("allowPrivilegeEscalation") is not False:
            yield f"container {container['name']} may gain privileges"
        if context.get("capabilities", {}).get("drop") != ["ALL"] or context.get("capabilities", {}).get("add"):
            yield f"container {container['name']} keeps capabilities"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"container {container['name']} can write its root file system"
        if context.get("runAsUser") == 0:
            yield f"container {container['name']} runs as root"
        if re.search(r"(:latest|/[^:@]+)$", f"/{container['image']}"):
            yield f"container {container['name']} takes an image without a version"


def _account(pod: Pod) -> Iterator[str]:
    if pod.spec.get("automountServiceAccountToken") is not (pod.component == _SPEAKS_TO_THE_API_SERVER):
        yield "has a service account's token without need, or none where it needs one"
    if pod.spec.get("enableServiceLinks") is not False:
        yield "gets a variable for every Service, and HADIR_... are settings"


def _volumes(pod: Pod) -> Iterator[str]:
    names = {volume["name"] for volume in pod.spec.get("volumes", ())}
    mounted = {mount["name"] for container in pod.containers() for mount in container.get("volumeMounts", ())}
    for name in sorted(mounted - names):
        yield f"mounts volume {name}, which it has not"
    for name in sorted(names - mounted):
        yield f"has volume {name}, which nothing mounts"
    for volume in pod.spec.get("volumes", ()):
        if "hostPath" in volume:
            yield f"volume {volume['name']} is the node's"


def _resources(pod: Pod) -> Iterator[str]:
    for container in pod.containers():
        resources = container.get("resources", {})
        requests, limits = resources.get("requests", {}), resources.get("limits", {})
        if not {"cpu", "memory"} <= requests.keys() & limits.keys():
            yield f"container {container['name']} names no requests and limits for cpu and memory"
        if requests.get("memory") != limits.get("memory"):
            yield f"container {container['name']} may be ended for memory that it was promised"
        for name in sorted(requests.keys() | limits.keys()):
            if _EXTENDED.match(name) and requests.get(name) != limits.get(name):
                yield f"container {container['name']} requests {requests.get(name)} of {name}, its limit differs"


def _probes(pod: Pod) -> Iterator[str]:
    if pod.spec.get("restartPolicy", "Always") != "Always" or pod.component == "toolbox":
        return
    for container in pod.spec["containers"]:
        ports = {port["name"] for port in container.get("ports", ())} | {
            port["containerPort"] for port in container.get("ports", ())
        }
        for name in ("livenessProbe", "readinessProbe"):
            probe = container.get(name, {})
            asked = probe.get("httpGet", probe.get("tcpSocket", {})).get("port")
            if asked not in ports:
                yield f"container {container['name']}: {name} asks port {asked}, it has {sorted(map(str, ports))}"


def _environment(pod: Pod) -> Iterator[str]:
    for container in pod.containers():
        names = [one["name"] for one in container.get("env", ())]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"container {container['name']} has variable {name} twice"
        for one in container.get("env", ()):
            if _SECRET_NAME.search(one["name"]) and one.get("value") and not one["value"].startswith("/"):
                yield f"container {container['name']}: variable {one['name']} holds a secret in plain text"


def _spread(pod: Pod) -> Iterator[str]:
    for constraint in pod.spec.get("topologySpreadConstraints", ()):
        if not matches(constraint["labelSelector"], pod.labels):
            yield f"spreads over {constraint['topologyKey']} by a selector that does not choose it"


def _plain_secrets(documents: Documents) -> list[str]:
    found = []
    for document in documents:
        where = f"{document['kind']} {document['metadata']['name']}"
        if document["kind"] == "Secret":
            found.append(f"{where}: secrets are named, never rendered")
        if document["kind"] == "ConfigMap":
            found += [
                f"{where}: {key} holds a secret in plain text"
                for key, text in document.get("data", {}).items()
                if key.endswith((".toml", ".json")) and "dashboard" not in where and _SECRET_VALUE.search(text)
            ]
    return found


def _selectors(documents: Documents) -> list[str]:
    """Whatever chooses pods chooses some."""
    running = pods(documents)
    found = []
    for document in documents:
        where = f"{document['kind']} {document['metadata']['name']}"
        chosen = [pod for pod in running if matches(_selector(document), pod.labels)]
        if _selector(document) and not chosen:
            found.append(f"{where}: its selector chooses no pod")
        if document["kind"] == "Deployment" and [pod.where for pod in chosen] != [where]:
            found.append(f"{where}: its selector chooses {', '.join(pod.where for pod in chosen) or 'nothing'}")
        if document["kind"] in ("PodMonitor", "Service") and not _has_port(document, chosen):
            found.append(f"{where}: the pods that it chooses have no such port")
    return found


_SELECTOR_OF: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "Deployment": lambda spec: spec["selector"],
    "NetworkPolicy": lambda spec: spec["podSelector"],
    "PodDisruptionBudget": lambda spec: spec["selector"],
    "PodMonitor": lambda spec: spec["selector"],
    "Service": lambda spec: {"matchLabels": spec["selector"]},
}


def _selector(document: Mapping[str, Any]) -> Mapping[str, Any]:
    of = _SELECTOR_OF.get(document["kind"])
    return of(document["spec"]) if of else {}


def _has_port(document: Mapping[str, Any], chosen: Sequence[Pod]) -> bool:
    spec = document["spec"]
    wanted = {end["port"] for end in spec.get("podMetricsEndpoints", ())} | {
        port["targetPort"] for port in spec.get("ports", ())
    }
    have = {port["name"] for pod in chosen for container in pod.containers() for port in container.get("ports", ())}
    return wanted <= have


def _isolation(documents: Documents) -> list[str]:
    """Some policy closes each pod both ways."""
    closing = [
        document["spec"]["podSelector"]
        for document in documents
        if document["kind"] == "NetworkPolicy"
        and sorted(document["spec"]["policyTypes"]) == ["Egress", "Ingress"]
        and not document["spec"].get("ingress")
    ]
    return [
        f"{pod.where}: no NetworkPolicy closes it"
        for pod in pods(documents)
        if not any(matches(selector, pod.labels) for selector in closing)
    ]


def _rights(documents: Documents) -> list[str]:
    """Roles name their objects; nothing reaches beyond the namespace."""
    found = [
        f"{document['kind']} {document['metadata']['name']}: reaches beyond the namespace"
        for document in documents
        if document["kind"].startswith("Cluster")
    ]
    return found + [
        f"Role {document['metadata']['name']}: may {rule['verbs']} any of {rule['resources']}"
        for document in documents
        if document["kind"] == "Role"
        for rule in document["rules"]
        if not rule.get("resourceNames") or "*" in {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}
    ]
