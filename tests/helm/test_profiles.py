"""Every profile: it lints, renders, keeps to the policy, and names what it needs from outside."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev.chart.values_file import CHART
from tests.helm.pods import pods
from tests.helm.policy import breaches
from tests.helm.rendering import NAMESPACE, PROFILES, RELEASE, Document, lint, render, rendered

profiles = pytest.mark.parametrize("profile", PROFILES)

EVERYTHING: dict[str, Any] = {
    "monitoring": {
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboards": {"enabled": True},
    },
    "surge": {"enabled": True},
    "strimzi": {"enabled": True},
    "toolbox": {"enabled": True},
    "encryption": {"existingSecret": "hadir-key"},
    "ray": {"auth": {"existingSecret": "ray-token", "key": "token"}},
    "models": {
        "source": "download",
        "pack": "ours",
        "download": {"url": "https://mirror.example/ours.zip", "sha256": "a" * 64, "acceptLicence": True},
    },
}


@profiles
def test_a_profile_lints(profile: str) -> None:
    assert lint(profile) == []


@profiles
def test_a_profile_keeps_to_the_policy(profile: str) -> None:
    assert breaches(render(profile)) == []


@pytest.mark.parametrize("source", ["image", "claim", "imageVolume", "download"])
def test_everything_switched_on_keeps_to_the_policy(source: str) -> None:
    values = copy.deepcopy(EVERYTHING)
    values["models"] |= {"source": source, "imageVolume": {"reference": f"packs@sha256:{'b' * 64}"}}
    assert breaches(rendered(values)) == []


def test_either_monitor_keeps_to_the_policy() -> None:
    for kind in ("podMonitor", "serviceMonitor"):
        assert breaches(rendered({"monitoring": {kind: {"enabled": True}}})) == []


@profiles
def test_no_two_objects_have_one_name(profile: str) -> None:
    names = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in render(profile)]
    assert sorted(set(names)) == sorted(names)


@profiles
def test_everything_says_where_it_belongs(profile: str) -> None:
    for document in render(profile):
        labels = document["metadata"]["labels"]
        assert document["metadata"]["namespace"] == NAMESPACE, document["metadata"]["name"]
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert labels["app.kubernetes.io/part-of"] == "hadir"
        assert labels["helm.sh/chart"].startswith("hadir-")


@profiles
def test_whatever_is_referred_to_is_there_or_named_in_the_values(profile: str) -> None:
    documents = render(profile)
    made = {(one["kind"], one["metadata"]["name"]) for one in documents}
    # KubeRay makes the token's Secret, with the cluster's name.
    made |= {("Secret", name) for kind, name in made if kind == "RayCluster"}
    named = set(_strings(_all_values(profile)))
    missing = [one for one in references(documents) if one not in made and one[1] not in named]
    assert missing == []


@profiles
def test_images_are_the_releases_own(profile: str) -> None:
    images = {container["image"] for pod in pods(render(profile)) for container in pod.containers()}
    version = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))["appVersion"]
    assert images == {f"hadir:{version}-cuda" if profile == "gpu" else f"hadir:{version}"}


@profiles
def test_a_pod_asks_for_no_more_workers_than_cores(profile: str) -> None:
    values = _all_values(profile)
    for group in values["ray"]["workerGroups"].values():
        assert int(group["resources"]["limits"]["cpu"]) == group["faceWorkers"]
    if values["ray"]["mode"] == "local":
        assert int(values["intake"]["resources"]["limits"]["cpu"]) >= values["intake"]["faceWorkers"]


@profiles
def test_a_pod_has_the_memory_that_its_workers_take(profile: str) -> None:
    values = _all_values(profile)
    local = values["ray"]["mode"] == "local"
    for size in [values["intake"]] if local else values["ray"]["workerGroups"].values():
        memory_mib = int(size["resources"]["limits"]["memory"].removesuffix("Gi")) * 1024
        shared_mib = values["ray"]["objectStoreBytes"] / 2**20 + 64
        assert memory_mib >= 600 + shared_mib + 300 * size["faceWorkers"] + (250 if local else 0)


def test_a_digest_wins_over_the_tag() -> None:
    digest = f"sha256:{'0' * 64}"
    documents = rendered({"image": {"digest": digest, "tag": "9"}})
    assert {container["image"] for pod in pods(documents) for container in pod.containers()} == {f"hadir@{digest}"}


def test_a_pull_secret_and_a_variable_of_ones_own_reach_every_pod() -> None:
    variable = {"name": "AWS_REGION", "value": "ap-southeast-3"}
    values = EVERYTHING | {"imagePullSecrets": [{"name": "registry"}], "common": {"containerEnv": [variable]}}
    for pod in pods(rendered(values)):
        assert pod.spec["imagePullSecrets"] == [{"name": "registry"}]
        if pod.component not in ("surge",):
            assert all(variable in container.get("env", []) for container in pod.spec["containers"]), pod.where


def _all_values(profile: str) -> Document:
    values: Document = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    if profile != "default":
        values = _laid_over(values, yaml.safe_load((CHART / f"values-{profile}.yaml").read_text("utf-8")))
    return values


def _laid_over(below: Document, above: Document) -> Document:
    for key, value in above.items():
        below[key] = _laid_over(below[key], value) if isinstance(value, dict) and below.get(key) else value
    return below


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def references(documents: list[Document]) -> Iterator[tuple[str, str]]:
    """Secrets, ConfigMaps, claims and accounts that pods need to start."""
    for pod in pods(documents):
        yield "ServiceAccount", pod.spec["serviceAccountName"]
        for volume in pod.spec.get("volumes", ()):
            if "secret" in volume:
                yield "Secret", volume["secret"]["secretName"]
            if "configMap" in volume:
                yield "ConfigMap", volume["configMap"]["name"]
            if "persistentVolumeClaim" in volume:
                yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
        for container in pod.containers():
            for variable in container.get("env", ()):
                if (secret := variable.get("valueFrom", {}).get("secretKeyRef")) is not None:
                    yield "Secret", secret["name"]
