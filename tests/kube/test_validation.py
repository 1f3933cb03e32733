"""Rendered documents against the real schemas: every profile passes, every mistake is found by kind, name and path."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from dev.kube.planted import PLANTED
from dev.kube.validation import CUSTOM, SCHEMAS, faults, kinds, schema_of, write_layout
from tests.helm.rendering import PROFILES, missing_helm, render

needs_helm = pytest.mark.skipif(missing_helm() is not None, reason=str(missing_helm()))

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "a"},
    "spec": {"selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": "http"}]},
}

ON_THE_SERVER_ALONE = {"a selector that misses its pods", "root", "a privileged container"}
"""Mistakes that no schema can see: two fields have to agree, or a policy forbids what is well formed."""


def service(**spec: Any) -> dict[str, Any]:
    return {**SERVICE, "spec": {**SERVICE["spec"], **spec}}


@needs_helm
@pytest.mark.parametrize("profile", PROFILES)
def test_every_object_of_a_profile_is_what_its_kind_takes(profile: str) -> None:
    assert faults(render(profile)) == []


@needs_helm
@pytest.mark.parametrize(
    "planted", [one for one in PLANTED if one.name not in ON_THE_SERVER_ALONE], ids=lambda p: p.name
)
def test_a_mistake_that_a_schema_can_see_is_found_without_a_server(planted: Any) -> None:
    document = copy.deepcopy(next(one for one in render("cpu") if one["kind"] == planted.kind))
    planted.plant(document)
    (fault,) = faults([document])
    assert fault.startswith(f"{planted.kind}/{document['metadata']['name']} ")


def test_a_good_document_has_no_faults_and_an_empty_one_is_left_out() -> None:
    assert faults([SERVICE, None, {}]) == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (service(port=[]), "Service/a spec: unknown field port"),
        (service(ports=[{"port": "80"}]), 'Service/a spec.ports[0].port: "80" is refused by type "integer"'),
        (service(ports=None), 'Service/a spec.ports: null is refused by type "array"'),
        ({**SERVICE, "metadata": {"name": "a", "lables": {}}}, "Service/a metadata: unknown field lables"),
        ({**SERVICE, "apiVersion": "v2"}, "Service/a: no schema for apiVersion v2, kind Service"),
        ({"apiVersion": "v1"}, "no kind/: no schema for apiVersion v1, kind missing"),
    ],
)
def test_a_fault_says_which_object_where_and_what(document: dict[str, Any], said: str) -> None:
    assert faults([document]) == [said]


def test_the_metadata_of_a_custom_kind_is_checked_too() -> None:
    metadata = {"name": "a", "labels": {"n": 1}}
    topic = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": metadata, "spec": {}}
    assert faults([topic]) == ['KafkaTopic/a metadata.labels.n: 1 is refused by type "string"']


def test_a_long_wrong_value_is_shortened() -> None:
    (fault,) = faults([service(ports="x" * 1000)])
    assert len(fault) < 200


@pytest.mark.parametrize(("api_version", "kind"), kinds())
def test_every_schema_is_a_schema(api_version: str, kind: str) -> None:
    Draft4Validator.check_schema(schema_of(api_version, kind))  # type: ignore[arg-type]  # it is there


def test_the_layout_is_where_kubeconform_looks(tmp_path: Path) -> None:
    location = write_layout(tmp_path)
    assert location == tmp_path / "{{.Group}}" / "{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"
    assert json.loads((tmp_path / "v1" / "service_v1.json").read_text()) == schema_of("v1", "Service")
    assert (tmp_path / "ray.io" / "raycluster_v1.json").exists()
    assert len([*tmp_path.glob("*/*.json")]) == len(kinds())


def test_descriptions_are_left_out_of_what_is_committed() -> None:
    for path in [SCHEMAS / "kubernetes.json", *CUSTOM.glob("*.json")]:
        assert '"description":"' not in path.read_text(encoding="utf-8"), path.name
