"""`make cluster-test` on a real API server: every profile is taken, every planted mistake refused, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dev.chart.keep import previous
from dev.kube.api_server import ApiServer, missing_server, running_api_server
from dev.kube.installing import STEPS
from dev.kube.parts import missing_part
from dev.kube.validation import SCHEMAS
from dev.kube.write_schemas import built_in
from tests.helm.rendering import PROFILES
from tests.kube.run_cluster import CHART, Outcome, measure
from tests.source_tree import ROOT

MISSING = missing_server() or missing_part("helm")

pytestmark = [pytest.mark.long, pytest.mark.skipif(MISSING is not None, reason=str(MISSING))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with running_api_server(tmp_path_factory.mktemp("kube")) as running:
        yield running


@pytest.fixture(scope="module")
def outcome(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return measure(server, CHART, previous(), tmp_path_factory.mktemp("charts"))


def test_every_object_of_every_profile_is_accepted_and_every_pod_admitted_as_restricted(outcome: Outcome) -> None:
    assert [trial.profile for trial in outcome.trials] == list(PROFILES)
    for trial in outcome.trials:
        assert trial.faults == (), trial.profile
        assert (trial.accepted, trial.admitted) == (trial.objects, trial.pods), trial.profile
        assert trial.objects > 0 < trial.pods, trial.profile


def test_every_profile_is_installed_upgraded_rolled_back_and_removed(outcome: Outcome) -> None:
    for trial in outcome.trials:
        assert trial.steps == dict.fromkeys(STEPS, ""), trial.profile


def test_every_planted_mistake_is_refused_by_name(outcome: Outcome) -> None:
    assert [(one.planted, one.said) for one in outcome.refusals if not one.good] == []


def test_the_committed_schemas_of_the_built_in_kinds_are_what_the_server_serves(server: ApiServer) -> None:
    committed = json.loads((SCHEMAS / "kubernetes.json").read_bytes())
    served = json.loads(server.kubectl("get", "--raw", "/openapi/v2").out)["definitions"]
    assert committed["definitions"] == built_in(served)
    assert committed["version"] == json.loads(server.kubectl("get", "--raw", "/version").out)["gitVersion"]


def test_nobody_without_the_token_is_served(server: ApiServer) -> None:
    answer = server.kubectl("--token", "guessed", "get", "namespaces")
    assert not answer.ok
    assert "Unauthorized" in answer.text or "must be logged in" in answer.text


def test_keys_and_store_are_private(server: ApiServer) -> None:
    assert server.kubeconfig.parent.stat().st_mode & 0o077 == 0


def test_a_stopped_server_leaves_no_process(tmp_path: Path) -> None:
    with running_api_server(tmp_path) as running:
        pids = running.pids
        assert len(pids) == 2
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert running.pids == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_no_process_and_no_file(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.kube.run_cluster"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as run:
        servers = _servers_of(run)
        run.send_signal(number)
        assert run.wait(timeout=60) == 128 + number
    assert [one for one in servers if one.is_running()] == []
    assert [*tmp_path.iterdir()] == []


def _servers_of(run: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The store and the server, once both are there."""
    for _ in range(600):
        found = [one for one in psutil.Process(run.pid).children() if one.name() in {"etcd", "kube-apiserver"}]
        if len(found) == 2:
            return found
        try:
            pytest.fail(f"the run ended by itself: status {run.wait(timeout=0.1)}")
        except subprocess.TimeoutExpired:
            continue
    pytest.fail("no server was started")
