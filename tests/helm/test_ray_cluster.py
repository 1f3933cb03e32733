"""The RayCluster: as Hadir's own code wants its Ray to be, and with a name that changes when its pods do."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hadir.actors.ray_session import environment
from tests.helm.pods import Pod, pods
from tests.helm.rendering import Document, render, rendered


def _cluster(**values: Any) -> Document:
    [cluster] = [one for one in rendered(values) if one["kind"] == "RayCluster"]
    return cluster


def _ray_pods(documents: list[Document]) -> list[Pod]:
    return [pod for pod in pods(documents) if pod.component.startswith("ray-")]


def _environment(pod: Pod) -> dict[str, str]:
    return {one["name"]: one["value"] for one in pod.spec["containers"][0]["env"]}


def test_every_ray_process_has_the_environment_that_hadir_wants() -> None:
    documents = rendered({"ray": {"auth": {"existingSecret": "mine", "key": "t"}}})
    wanted = environment(Path("/run/secrets/ray/token"), loopback=False)
    for pod in _ray_pods(documents):
        own = _environment(pod)
        assert wanted.items() <= own.items(), {k: (v, own.get(k)) for k, v in wanted.items() if own.get(k) != v}
        assert own.keys() - wanted.keys() == {"HOME"}


def test_without_a_secret_of_ones_own_kuberay_makes_the_token() -> None:
    documents = rendered({})
    [cluster] = [one for one in documents if one["kind"] == "RayCluster"]
    assert cluster["spec"]["authOptions"] == {"mode": "token"}
    # It sets these itself, and a variable must not be there twice.
    for pod in _ray_pods(documents):
        assert not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & _environment(pod).keys()
    [intake] = [pod for pod in pods(documents) if pod.component == "intake"]
    [token] = [volume["secret"] for volume in intake.spec["volumes"] if volume["name"] == "ray-token"]
    assert token["secretName"] == cluster["metadata"]["name"]
    assert token["items"] == [{"key": "auth_token", "path": "token"}]


def test_a_token_of_ones_own_is_a_file_in_every_pod() -> None:
    documents = rendered({"ray": {"auth": {"existingSecret": "mine", "key": "t"}}})
    assert "authOptions" not in next(one for one in documents if one["kind"] == "RayCluster")["spec"]
    for pod in (pod for pod in pods(documents) if pod.component in ("intake", "ray-head", "ray-worker")):
        [token] = [volume["secret"] for volume in pod.spec["volumes"] if volume["name"] == "ray-token"]
        assert (token["secretName"], token["items"]) == ("mine", [{"key": "t", "path": "token"}])


def test_the_head_works_on_no_face_and_a_pod_has_as_many_workers_as_it_says() -> None:
    spec = _cluster()["spec"]
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    [group] = spec["workerGroupSpecs"]
    assert group["rayStartParams"]["num-cpus"] == "4"
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (2, 2, 2)


def test_a_surge_may_go_as_far_as_its_pods() -> None:
    [group] = _cluster(surge={"enabled": True})["spec"]["workerGroupSpecs"]
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (2, 2, 4)


def test_the_version_is_the_installed_rays() -> None:
    assert _cluster()["spec"]["rayVersion"] == importlib.metadata.version("ray")


def test_no_probe_needs_a_program_that_the_image_lacks() -> None:
    for pod in _ray_pods(rendered({})):
        [container] = pod.spec["containers"]
        ports = {port["containerPort"] for port in container["ports"]}
        for probe in ("livenessProbe", "readinessProbe"):
            assert container[probe]["tcpSocket"]["port"] in ports


def test_the_policy_names_every_port_that_ray_is_given() -> None:
    documents = rendered({})
    [policy] = [one for one in documents if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "hadir-ray"]
    [rule] = policy["spec"]["ingress"]
    open_ports = {n for port in rule["ports"] for n in range(port["port"], port.get("endPort", port["port"]) + 1)}
    spec = next(one for one in documents if one["kind"] == "RayCluster")["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        given = {int(value) for key, value in group["rayStartParams"].items() if key.endswith("-port")}
        assert given < open_ports
    assert 6379 in open_ports
    assert policy["spec"]["egress"][0]["ports"] == rule["ports"]


@pytest.mark.parametrize(
    "values",
    [
        {"image": {"tag": "9.9.9"}},
        {"ray": {"workerGroups": {"faces": {"faceWorkers": 5}}}},
        {"ray": {"workerGroups": {"faces": {"nodeSelector": {"disk": "ssd"}}}}},
        {"ray": {"head": {"priorityClassName": "high"}}},
        {"models": {"source": "claim"}},
    ],
    ids=str,
)
def test_pods_that_change_make_a_new_cluster(values: dict[str, Any]) -> None:
    assert _cluster(**values)["metadata"]["name"] != _cluster()["metadata"]["name"]


@pytest.mark.parametrize(
    "values",
    [
        {"ray": {"workerGroups": {"faces": {"replicas": 3}}}},
        {"surge": {"enabled": True}},
        {"config": {"run": {"drain_s": 60}}},
        {"monitoring": {"podMonitor": {"enabled": True}}},
    ],
    ids=str,
)
def test_what_does_not_change_its_pods_leaves_the_cluster_alone(values: dict[str, Any]) -> None:
    assert _cluster(**values)["metadata"]["name"] == _cluster()["metadata"]["name"]


def test_every_parameter_is_one_of_the_installed_rays() -> None:
    command = [str(Path(sys.executable).with_name("ray")), "start", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    spec = _cluster()["spec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert [name for name in group["rayStartParams"] if f"--{name} " not in said] == []


def test_names_fit_into_what_kuberay_makes_of_them() -> None:
    name = _cluster(fullnameOverride="a" * 30)["metadata"]["name"]
    assert len(f"{name}-head-svc") <= 50


def test_a_second_group_with_cards_asks_for_what_it_may_have() -> None:
    card = {"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": 1}
    group = {
        "replicas": 1,
        "faceWorkers": 2,
        "resources": {"requests": card, "limits": card},
        "runtimeClassName": "nvidia",
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    cards = _cluster(ray={"workerGroups": {"cards": group}})["spec"]["workerGroupSpecs"][0]["template"]["spec"]
    assert cards["runtimeClassName"] == "nvidia"
    assert cards["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert cards["tolerations"] == group["tolerations"]


def test_parameters_of_ones_own_join_the_charts_and_replace_none() -> None:
    own = {"resources": '"{\\"fast\\": 1}"', "num-cpus": "99"}
    [group] = _cluster(ray={"workerGroups": {"faces": {"rayStartParams": own}}})["spec"]["workerGroupSpecs"]
    assert group["rayStartParams"]["num-cpus"] == "4"
    assert group["rayStartParams"]["resources"] == own["resources"]


def test_with_cards_worker_pods_have_them_and_members_need_none() -> None:
    cards = {
        pod.component: pod.spec["containers"][0]["resources"]["limits"].get("nvidia.com/gpu")
        for pod in pods(render("gpu"))
    }
    assert (cards["ray-worker"], cards["ray-head"], cards["intake"], cards["reindex"]) == (1, None, None, 1)


def test_members_with_a_ray_of_their_own_need_no_cluster() -> None:
    documents = rendered({"ray": {"mode": "local"}})
    assert not _ray_pods(documents)
    [intake] = [pod for pod in pods(documents) if pod.component == "intake"]
    assert "ray-token" not in {volume["name"] for volume in intake.spec["volumes"]}
