"""The policy itself: each breach is found, by the object's name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.helm.policy import breaches
from tests.helm.rendering import Document, render


def _deployment(documents: list[Document]) -> Document:
    return next(one for one in documents if one["kind"] == "Deployment" and one["metadata"]["name"] == "hadir")


def _pod(documents: list[Document]) -> Document:
    spec: Document = _deployment(documents)["spec"]["template"]["spec"]
    return spec


def _container(documents: list[Document]) -> Document:
    container: Document = _pod(documents)["containers"][0]
    return container


def _worker(documents: list[Document]) -> Document:
    cluster = next(one for one in documents if one["kind"] == "RayCluster")
    container: Document = cluster["spec"]["workerGroupSpecs"][0]["template"]["spec"]["containers"][0]
    return container


def _config(documents: list[Document]) -> Document:
    config = next(one for one in documents if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "hadir")
    data: Document = config["data"]
    return data


def _drop(kind: str, name: str) -> Callable[[list[Document]], None]:
    def drop(documents: list[Document]) -> None:
        documents[:] = [one for one in documents if (one["kind"], one["metadata"]["name"]) != (kind, name)]

    return drop


def _role(documents: list[Document]) -> Document:
    return next(one for one in documents if one["kind"] == "Role")


PLANTED: dict[str, tuple[Callable[[list[Document]], Any], str]] = {
    "root": (lambda d: _pod(d)["securityContext"].update(runAsUser=0), "may run as root"),
    "root in one container": (lambda d: _container(d)["securityContext"].update(runAsUser=0), "runs as root"),
    "privilege": (lambda d: _container(d)["securityContext"].update(privileged=True), "may gain privileges"),
    "a capability": (
        lambda d: _worker(d)["securityContext"]["capabilities"].update(add=["NET_RAW"]),
        "keeps capabilities",
    ),
    "a writable root": (lambda d: _worker(d)["securityContext"].pop("readOnlyRootFilesystem"), "can write its root"),
    "seccomp": (lambda d: _pod(d)["securityContext"].pop("seccompProfile"), "no seccomp profile"),
    "the node's network": (lambda d: _pod(d).update(hostNetwork=True), "takes hostNetwork"),
    "the node's files": (lambda d: _pod(d)["volumes"][0].update(hostPath={"path": "/"}), "is the node's"),
    "latest": (lambda d: _container(d).update(image="hadir:latest"), "image without a version"),
    "no version": (lambda d: _container(d).update(image="registry.example:5000/hadir"), "image without a version"),
    "an account's token": (lambda d: _pod(d).update(automountServiceAccountToken=True), "account's token without need"),
    "no limits": (lambda d: _worker(d)["resources"].pop("limits"), "no requests and limits"),
    "half a card": (
        lambda d: _worker(d)["resources"]["limits"].update({"nvidia.com/gpu": 1}),
        "requests None of nvidia.com/gpu, its limit differs",
    ),
    "a volume that is not there": (lambda d: _pod(d)["volumes"].pop(), "which it has not"),
    "a probe of no port": (lambda d: _container(d)["ports"].clear(), "readinessProbe asks port metrics"),
    "a password": (
        lambda d: _container(d)["env"].append({"name": "PGPASSWORD_TOO", "value": "rahasia"}),
        "variable PGPASSWORD_TOO holds a secret in plain text",
    ),
    "a variable twice": (lambda d: _container(d)["env"].append({"name": "HOME", "value": "/"}), "variable HOME twice"),
    "a password in the settings": (
        lambda d: _config(d).update({"hadir.toml": 'url = "postgresql+psycopg://hadir:rahasia@db/hadir"'}),
        "hadir.toml holds a secret",
    ),
    "a Secret": (
        lambda d: d.append({"kind": "Secret", "metadata": {"name": "s"}}),
        "Secret s: secrets are named, never rendered",
    ),
    "a selector of nothing": (
        lambda d: _deployment(d)["spec"]["selector"]["matchLabels"].update({"app.kubernetes.io/component": "other"}),
        "Deployment hadir: its selector chooses no pod",
    ),
    "an open pod": (_drop("NetworkPolicy", "hadir-deny"), "no NetworkPolicy closes it"),
    "any object": (lambda d: _role(d)["rules"][0].pop("resourceNames"), "may ['get', 'patch'] any of"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_breach_is_found(planted: str) -> None:
    documents = copy.deepcopy(render("cpu"))
    plant, said = PLANTED[planted]
    plant(documents)
    assert any(said in line for line in breaches(documents)), breaches(documents)
