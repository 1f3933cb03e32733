"""values.yaml, its schema and its README: one truth, and what is wrong is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from dev.chart.schema import values_schema
from dev.chart.values_file import CHART, leaves, read_values
from dev.chart.write import stale
from hadir.core.errors import ConfigError
from hadir.core.settings import Settings
from tests.helm.rendering import Refused, rendered


def test_schema_and_readme_are_as_values_and_settings_say() -> None:
    assert stale() == [], "run: python -m dev.chart.write"


def test_every_value_is_used_by_a_template() -> None:
    templates = "".join(path.read_text("utf-8") for path in (CHART / "templates").rglob("*") if path.is_file())
    values = read_values((CHART / "values.yaml").read_text("utf-8"))
    # Handed on whole: KubeRay's or Kubernetes' own words.
    whole = ("intake.startupProbe", "intake.readinessProbe", "intake.livenessProbe")
    unused = [
        value.name
        for value in leaves(values)
        if f".{value.path[-1]}" not in templates
        and f'"{value.path[-1]}"' not in templates
        and not value.name.startswith(whole)
    ]
    assert unused == []


def test_the_schema_has_every_key_of_the_settings() -> None:
    schema = values_schema(read_values((CHART / "values.yaml").read_text("utf-8")))
    sections = schema["properties"]["config"]["properties"]
    assert {name: set(section["properties"]) for name, section in sections.items()} == {
        name: set(field.annotation.model_fields)  # type: ignore[union-attr]  # every section is a model
        for name, field in Settings.model_fields.items()
    }


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown value": ({"intake": {"replica": 3}}, "replica"),
    "a number as a word": ({"intake": {"replicas": "three"}}, "/intake/replicas"),
    "no members": ({"intake": {"replicas": 0}}, "/intake/replicas"),
    "a mode that is none": ({"ray": {"mode": "serve"}}, "/ray/mode"),
    "an unknown setting": ({"config": {"run": {"drain": 3}}}, "drain"),
    "a setting out of its range": ({"config": {"run": {"drain_s": 3000}}}, "/config/run/drain_s"),
    "a password of Kafka in the settings": (
        {"config": {"kafka": {"security": {"sasl_plain_password": "rahasia"}}}},
        "sasl_plain_password",
    ),
    "a password in the ledger's address": (
        {"config": {"ledger": {"url": "postgresql+psycopg://hadir:rahasia@db/hadir"}}},
        "/config/ledger/url",
    ),
    "a secret as a plain variable": (
        {"common": {"containerEnv": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "rahasia"}]}},
        "/common/containerEnv/0",
    ),
    "a group without a size": ({"ray": {"workerGroups": {"big": {"replicas": 1}}}}, "/ray/workerGroups/big"),
    "a group with a name KubeRay refuses": (
        {"ray": {"workerGroups": {"Big_1": {"replicas": 1, "faceWorkers": 1, "resources": {}}}}},
        "Big_1",
    ),
    "an hour that is none": (
        {"surge": {"windows": [{"days": "1-5", "from": "6", "until": "09:00"}]}},
        "/surge/windows/0/from",
    ),
    "a checksum that is none": ({"models": {"download": {"sha256": "abc"}}}, "/models/download/sha256"),
    "a tag for a digest": ({"image": {"digest": "1.2.3"}}, "/image/digest"),
    "a gateway": ({"gateway": {"enabled": True}}, "gateway.enabled"),
    "no roster": ({"attendance": {"existingSecret": ""}}, "attendance: 0 of existingSecret"),
    "two rosters": ({"attendance": {"existingConfigMap": "x"}}, "attendance: 2 of existingSecret"),
    "a user without a password": ({"kafka": {"sasl": {"existingSecret": ""}}}, "kafka.sasl"),
    "a sender without a password": ({"kafka": {"sender": {"username": "s"}}}, "kafka.sender"),
    "users that Strimzi cannot make": (
        {"strimzi": {"enabled": True}, "kafka": {"sasl": {"mechanism": ""}}},
        "strimzi.enabled",
    ),
    "a certificate to verify without an authority": (
        {"postgresql": {"tls": {"existingSecret": ""}}},
        "postgresql.sslMode verify-full",
    ),
    "an image volume without an image": ({"models": {"source": "imageVolume"}}, "models.imageVolume.reference"),
    "a download that nobody checks": (
        {"models": {"source": "download", "pack": "ours", "download": {"url": "https://mirror.example/x.zip"}}},
        "models.download.url and sha256",
    ),
    "the open pack downloaded": (
        {
            "models": {
                "source": "download",
                "download": {"url": "https://mirror.example/x.zip", "sha256": "a" * 64, "acceptLicence": True},
            }
        },
        "open ships inside the image",
    ),
    "cards that worker pods lack": (
        {"config": {"faces": {"runtime": "cuda"}}},
        "without nvidia.com/gpu in ray.workerGroups.faces.resources",
    ),
    "a card that members lack": (
        {"config": {"faces": {"runtime": "cuda"}}, "ray": {"mode": "local"}},
        "without nvidia.com/gpu in intake.resources",
    ),
    "fewer workers than members": ({"intake": {"replicas": 9}}, "9 members with 1 face workers each want 9"),
    "more workers than the cluster has": (
        {"config": {"pool": {"workers": 5}}},
        "2 members with 5 face workers each want 10, ray.workerGroups have 8",
    ),
    "a surge without workers": (
        {"surge": {"enabled": True, "workerReplicas": {"faces": 2}}},
        "surge: 4 members with 4 face workers each want 16, surge.workerReplicas give 8",
    ),
    "a surge of a group that is none": (
        {"surge": {"enabled": True, "workerReplicas": {"big": 4}}},
        "workerReplicas.big",
    ),
    "KEDA for a RayCluster": ({"surge": {"enabled": True, "by": "keda"}}, "KEDA cannot scale a RayCluster"),
    "a window over midnight": (
        {"surge": {"windows": [{"days": "*", "from": "22:00", "until": "06:00"}]}},
        "from 22:00 is not before until 06:00",
    ),
    "two monitors": (
        {"monitoring": {"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}},
        "count every check-in twice",
    ),
    "a port that probes do not know": ({"config": {"metrics": {"port": 9000}}}, "config.metrics.port"),
    "more members than partitions": (
        {"kafka": {"partitions": 1}},
        "2 members share 1 partitions (kafka.partitions)",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_value_is_refused_by_name(wrong: str) -> None:
    values, named = WRONG[wrong]
    with pytest.raises(Refused) as refused:
        rendered(values)
    assert named in str(refused.value)
    assert "rahasia" not in str(refused.value)


def test_whatever_does_not_go_together_is_said_at_once() -> None:
    with pytest.raises(Refused) as refused:
        rendered({"gateway": {"enabled": True}, "attendance": {"existingSecret": ""}, "kafka": {"partitions": 1}})
    assert sum(name in str(refused.value) for name in ("gateway.enabled", "attendance:", "kafka.partitions")) == 3


def test_a_value_without_a_sentence_is_named() -> None:
    with pytest.raises(ConfigError, match=r"line 2: a\.b has no sentence"):
        read_values("a:\n  b: 1\n  # -- Says.\n  c: 2\n")


def test_the_chart_can_be_somebody_elses_dependency() -> None:
    assert rendered({"global": {"imageRegistry": "registry.example"}})
