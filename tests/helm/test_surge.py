"""The surge by the clock: what an hour should have, in which order it is set, and that nothing more may be."""

from __future__ import annotations

import importlib.util
import json
from datetime import datetime
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dev.chart.values_file import CHART
from tests.helm.rendering import Document, render, rendered

JAKARTA = ZoneInfo("Asia/Jakarta")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script()


def load_script() -> ModuleType:
    """The chart's script as a module; in the pod it is a file of its own."""
    spec = importlib.util.spec_from_file_location("scale", CHART / "scripts" / "scale.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _plan(documents: list[Document]) -> Document:
    [config] = [one for one in documents if "plan.json" in one.get("data", {})]
    plan: Document = json.loads(config["data"]["plan.json"])
    return plan | {"namespace": "presensi"}


class Server:
    """An API server that knows one RayCluster and one Deployment; pods follow after so many looks."""

    def __init__(self, plan: Document, members: int, workers: int, slow: int = 2) -> None:
        self.members = self.members_there = members
        self.workers = self.workers_there = workers
        self.asked: list[str] = []
        self._plan, self._slow = plan, slow

    def ask(self, method: str, path: str, body: Any = None, kind: str = "") -> Document:
        deployment = path == f"/apis/apps/v1/namespaces/presensi/deployments/{self._plan['deployment']}/scale"
        assert deployment or path == f"/apis/ray.io/v1/namespaces/presensi/rayclusters/{self._plan['cluster']}"
        if method == "PATCH" and deployment:
            assert kind == "merge-patch"
            self._note(f"members {body['spec']['replicas']}")
            self.members = body["spec"]["replicas"]
        elif method == "PATCH":
            assert kind == "json-patch"
            test, replace = body
            assert test == {"op": "test", "path": "/spec/workerGroupSpecs/0/groupName", "value": "faces"}
            self._note(f"workers {replace['value']} with {self.members_there} members")
            self.workers = replace["value"]
        elif deployment:
            return {"status": {"replicas": self.members_there}}
        groups = [{"groupName": "faces", "replicas": self.workers}]
        return {"spec": {"workerGroupSpecs": groups}, "status": {"readyWorkerReplicas": self.workers_there}}

    def pass_time(self, seconds: float) -> None:
        assert seconds > 0
        self._slow -= 1
        if self._slow <= 0:
            self.members_there, self.workers_there = self.members, self.workers

    def _note(self, what: str) -> None:
        self.asked.append(what)


@pytest.mark.parametrize(
    ("moment", "surge"),
    [
        ("2026-11-23T05:59", False),  # a Monday
        ("2026-11-23T06:00", True),
        ("2026-11-23T09:29", True),
        ("2026-11-23T09:30", False),
        ("2026-11-27T07:00", True),
        ("2026-11-28T07:00", False),
        ("2026-11-29T07:00", False),
    ],
)
def test_the_window_is_on_the_sites_clock(script: ModuleType, moment: str, surge: bool) -> None:
    plan = _plan(render("cpu"))
    assert plan["timeZone"] == "Asia/Jakarta"
    assert script.in_window(plan, datetime.fromisoformat(moment).replace(tzinfo=JAKARTA)) is surge


@pytest.mark.parametrize(
    ("text", "days"),
    [("1-5", {1, 2, 3, 4, 5}), ("*", {1, 2, 3, 4, 5, 6, 7}), ("0,6", {6, 7}), ("1-4,6", {1, 2, 3, 4, 6}), ("7", {7})],
)
def test_days_are_read_as_cron_writes_them(script: ModuleType, text: str, days: set[int]) -> None:
    assert script.days_of(text) == days


def test_worker_pods_come_before_members(script: ModuleType) -> None:
    plan = _plan(render("cpu"))
    server = Server(plan, members=3, workers=3)
    script.scale(plan, True, server.ask, server.pass_time)
    assert server.asked == ["workers 6 with 3 members", "members 6"]
    assert server.workers_there == 6


def test_members_go_before_worker_pods(script: ModuleType) -> None:
    plan = _plan(render("cpu"))
    server = Server(plan, members=6, workers=6)
    script.scale(plan, False, server.ask, server.pass_time)
    assert server.asked == ["members 3", "workers 3 with 3 members"]


@pytest.mark.parametrize("surge", [True, False])
def test_what_is_as_it_should_be_is_set_again_and_waits_for_nothing(script: ModuleType, surge: bool) -> None:
    plan = _plan(render("cpu"))
    size = 6 if surge else 3
    server = Server(plan, members=size, workers=size)
    script.scale(plan, surge, server.ask, _never)
    assert server.asked == [f"members {size}"]


def test_members_wait_for_worker_pods_that_do_not_come(script: ModuleType) -> None:
    plan = _plan(render("cpu"))
    server = Server(plan, members=3, workers=3, slow=10_000)
    with pytest.raises(SystemExit, match="worker pods are not there after 1200 s"):
        script.scale(plan, True, server.ask, server.pass_time)
    assert server.asked == ["workers 6 with 3 members"]


def test_with_a_ray_of_their_own_only_members_are_set(script: ModuleType) -> None:
    plan = _plan(rendered({"ray": {"mode": "local"}, "surge": {"enabled": True}}))
    server = Server(plan, members=2, workers=0)
    script.scale(plan, True, server.ask, _never)
    assert server.asked == ["members 4"]


def test_the_job_may_set_the_size_of_two_objects_and_nothing_else() -> None:
    documents = render("cpu")
    [role] = [one for one in documents if one["kind"] == "Role"]
    [cluster] = [one["metadata"]["name"] for one in documents if one["kind"] == "RayCluster"]
    assert role["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments/scale"],
            "resourceNames": ["hadir"],
            "verbs": ["get", "patch"],
        },
        {"apiGroups": ["ray.io"], "resources": ["rayclusters"], "resourceNames": [cluster], "verbs": ["get", "patch"]},
    ]


def test_kedas_windows_are_the_same() -> None:
    documents = rendered({"ray": {"mode": "local"}, "surge": {"enabled": True, "by": "keda"}})
    [scaled] = [one for one in documents if one["kind"] == "ScaledObject"]
    [trigger] = scaled["spec"]["triggers"]
    assert trigger["metadata"] == {
        "timezone": "Asia/Jakarta",
        "start": "0 6 * * 1-5",
        "end": "30 9 * * 1-5",
        "desiredReplicas": "4",
    }
    [members] = [one for one in documents if one["kind"] == "Deployment"]
    assert "replicas" not in members["spec"], "Helm and KEDA would undo each other"


def _never(seconds: float) -> None:
    raise AssertionError(f"waited {seconds} s for what is there")
