"""Around an installation: the next release, what a cluster must have, and what Helm keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dev.chart.keep import previous
from dev.kube.installing import Trial, bumped, prerequisites, release_objects, unpacked


def document(kind: str, name: str, **annotations: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "annotations": annotations}}


def test_the_next_release_has_another_version_of_chart_and_application(tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text('version: 0.1.7\nappVersion: "2.3.4"\nname: x\n')
    copy = bumped(chart, tmp_path / "newer")
    assert yaml.safe_load((copy / "Chart.yaml").read_text()) == {"version": "0.2.0", "appVersion": "2.4.0", "name": "x"}
    assert yaml.safe_load((chart / "Chart.yaml").read_text())["version"] == "0.1.7"


def test_the_chart_before_is_unpacked_with_its_profiles(tmp_path: Path) -> None:
    chart = unpacked(previous(), tmp_path)
    assert (chart / "Chart.yaml").is_file()
    assert (chart / "values-cpu.yaml").is_file()


def test_classes_that_pods_name_are_brought_once_wherever_they_are_named() -> None:
    pod = {"runtimeClassName": "nvidia", "priorityClassName": "attendance", "containers": []}
    nested = {"spec": {"groups": [{"template": {"spec": pod}}, {"template": {"spec": pod}}]}}
    made = {(one["kind"], one["metadata"]["name"]) for one in prerequisites([nested, {"spec": {}}])}
    assert made == {("RuntimeClass", "nvidia"), ("PriorityClass", "attendance")}
    assert len(prerequisites([nested])) == 2


def test_classes_of_the_system_are_there_already() -> None:
    assert prerequisites([{"spec": {"priorityClassName": "system-node-critical"}}]) == []


def test_hooks_are_no_part_of_what_a_release_keeps() -> None:
    documents = [document("Service", "a"), document("Pod", "try", **{"helm.sh/hook": "test"})]
    assert release_objects(documents) == {"Service/a"}


def test_a_trial_is_good_only_without_any_refusal() -> None:
    good = Trial("cpu", 1, 1, 0, 0, {"install": "", "upgrade": ""}, ())
    assert good.good
    assert not Trial("cpu", 1, 1, 0, 0, {"install": "", "upgrade": "immutable"}, ()).good
    assert not Trial("cpu", 1, 0, 0, 0, {"install": ""}, ("unknown field",)).good
