"""What is run beside the members: the test check-in, re-indexing, the ledger's schema, budgets and policies."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from dev.chart.values_file import CHART
from hadir.app.cli import run
from hadir.attendance.migrate import shipped_steps
from tests.helm.pods import matches, pods
from tests.helm.rendering import Document, render, rendered


def _one(documents: list[Document], kind: str, name: str) -> Document:
    return next(one for one in documents if (one["kind"], one["metadata"]["name"]) == (kind, name))


def test_the_chart_says_how_many_steps_its_ledger_has() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["annotations"]["hadir/ledger-schema"] == str(len(shipped_steps()))


def test_the_test_check_in_makes_a_photo_and_asks_for_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    pod = _one(render("default"), "Pod", "hadir-test-check-in")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    make, send = pod["spec"]["containers"][0]["args"][0].strip().splitlines()
    program = make.partition("'")[2].rpartition("'")[0]
    first, second = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in "12"
    )
    decoded = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (480, 640, 3)
    assert first != second, "the same photo again is a security event"
    options = {word for word in send.split() if word.startswith("--")}
    assert run(["send", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(option in shown for option in options)


def test_reindexing_waits_to_be_started_and_knows_when_trying_again_is_of_no_use() -> None:
    job = _one(rendered({"reindex": {"pack": "buffalo_l"}}), "CronJob", "hadir-reindex")["spec"]
    assert job["suspend"] is True
    [rule] = job["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["values"] == [2, 3, 4]
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never", "a pod failure policy asks for it"
    assert pod["containers"][0]["args"][-2:] == ["--pack", "buffalo_l"]


def test_an_encryption_key_is_copied_to_where_its_owner_alone_can_read_it() -> None:
    [intake] = [pod for pod in pods(rendered({"encryption": {"existingSecret": "k"}})) if pod.component == "intake"]
    [copy] = [one for one in intake.spec["initContainers"] if one["name"] == "keys"]
    assert copy["command"][-1].startswith("umask 077 && cp ")
    [volume] = [one for one in intake.spec["volumes"] if one["name"] == "keys"]
    assert volume["emptyDir"]["medium"] == "Memory"


def test_a_downloaded_pack_is_checked_before_anything_starts() -> None:
    sha256 = "c" * 64
    download = {"url": "https://mirror.example/ours.zip", "sha256": sha256, "acceptLicence": True}
    documents = rendered({"models": {"source": "download", "pack": "ours", "download": download}})
    for pod in (pod for pod in pods(documents) if pod.component in ("intake", "ray-worker", "reindex")):
        [fetch] = [one for one in pod.spec["initContainers"] if one["name"] == "models"]
        assert fetch["args"][:3] == ["models", "fetch", "ours"]
        assert sha256 in fetch["args"]


def test_worker_pods_have_a_budget_that_the_eviction_api_understands() -> None:
    budget = _one(render("cpu"), "PodDisruptionBudget", "hadir-faces")
    assert budget["spec"]["minAvailable"] == 2
    assert "maxUnavailable" not in budget["spec"]


ALLOWED: dict[str, set[str]] = {
    "intake": {"deny", "kafka", "ledger", "metrics", "ray"},
    "ray-head": {"deny", "ray"},
    "ray-worker": {"deny", "ray"},
    "reindex": {"deny"},
    "toolbox": {"deny", "kafka", "ledger"},
    "test": {"deny", "kafka"},
    "surge": {"deny", "surge"},
}


def test_each_pod_reaches_what_it_needs_and_nothing_else() -> None:
    documents = rendered({"toolbox": {"enabled": True}}, "cpu")
    policies = [one for one in documents if one["kind"] == "NetworkPolicy"]
    for pod in pods(documents):
        opened = {
            policy["metadata"]["name"].removeprefix("hadir-")
            for policy in policies
            if matches(policy["spec"]["podSelector"], pod.labels)
        }
        assert opened == ALLOWED[pod.component], pod.where


def test_whoever_fetches_a_pack_may_reach_it() -> None:
    download = {"url": "https://mirror.example:8443/ours.zip", "sha256": "c" * 64, "acceptLicence": True}
    documents = rendered({"models": {"source": "download", "pack": "ours", "download": download}})
    policy = _one(documents, "NetworkPolicy", "hadir-models")["spec"]
    fetching = {pod.component for pod in pods(documents) if any(c["name"] == "models" for c in pod.containers())}
    assert fetching == {pod.component for pod in pods(documents) if matches(policy["podSelector"], pod.labels)}
    assert policy["egress"] == [{"ports": [{"protocol": "TCP", "port": 8443}]}]


def test_reindexing_holds_no_password_and_members_and_senders_their_own() -> None:
    names = {
        pod.component: {
            one["name"]
            for c in pod.containers()
            for one in c.get("env", ())
            if "secretKeyRef" in one.get("valueFrom", {})
        }
        for pod in pods(rendered({"toolbox": {"enabled": True}}, "cpu"))
    }
    kafka, ledger = "HADIR_KAFKA__SECURITY__SASL_PLAIN_PASSWORD", "PGPASSWORD"
    assert {component: found for component, found in names.items() if found} == {
        "intake": {kafka, ledger},
        "toolbox": {kafka, ledger},
        "test": {kafka},
    }


@pytest.mark.parametrize(
    ("servers", "ports"), [("a:9093", [9093]), ("a:9092,b:9093, c:9092", [9092, 9093]), ("[fd00::1]:9094", [9094])]
)
def test_kafkas_ports_are_those_of_its_servers(servers: str, ports: list[int]) -> None:
    policy = _one(rendered({"kafka": {"bootstrapServers": servers}}), "NetworkPolicy", "hadir-kafka")
    [rule] = policy["spec"]["egress"]
    assert [port["port"] for port in rule["ports"]] == ports


def test_the_data_outlives_the_release() -> None:
    claim = _one(render("default"), "PersistentVolumeClaim", "hadir-data")
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    mine: dict[str, Any] = {"storage": {"existingClaim": "mine"}}
    assert not [one for one in rendered(mine) if one["kind"] == "PersistentVolumeClaim"]
