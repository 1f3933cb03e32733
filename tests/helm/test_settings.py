"""What the chart tells Hadir: settings that load, whose places are mounted, and a drain that has the time it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from hadir.app.options import DEFAULTS
from hadir.core.settings import Settings, load_settings
from tests.helm.pods import Pod, pods
from tests.helm.rendering import PROFILES, Document, render, rendered

profiles = pytest.mark.parametrize("profile", PROFILES)

WRITES = ("run.folder", "stores.snapshots", "stores.case_photos", "ledger.heads")
"""A member writes here: its notes, what it serves, photos of cases, chain heads."""


def _toml(documents: list[Document]) -> str:
    [config] = [one for one in documents if one["kind"] == "ConfigMap" and "hadir.toml" in one["data"]]
    text: str = config["data"]["hadir.toml"]
    return text


def _intake(documents: list[Document]) -> Pod:
    [pod] = [pod for pod in pods(documents) if pod.component == "intake"]
    return pod


def _settings(documents: list[Document], pod: Pod, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As `hadir` in this pod would read them."""
    file = folder / "hadir.toml"
    file.write_text(_toml(documents), "utf-8")
    for variable in pod.spec["containers"][0]["env"]:
        if variable["name"].startswith("HADIR_"):
            monkeypatch.setenv(variable["name"], variable.get("value", "from-a-secret").replace("$(POD_NAME)", "pod-0"))
    return load_settings(DEFAULTS, file)


@profiles
def test_the_settings_of_every_pod_load(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = render(profile)
    read = 0
    for pod in pods(documents):
        if pod.component in ("intake", "reindex", "toolbox", "test"):
            with monkeypatch.context() as environment:
                settings = _settings(documents, pod, tmp_path, environment)
            assert settings.run.broker == "kafka", pod.where
            read += 1
    assert read >= 3


@profiles
def test_every_place_of_the_settings_is_mounted(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = render(profile)
    pod = _intake(documents)
    settings = _settings(documents, pod, tmp_path, monkeypatch)
    mounts = {PurePosixPath(m["mountPath"]): m for m in pod.spec["containers"][0]["volumeMounts"]}
    seldom = ("stores.photos", "stores.gallery") + (() if "hadir-data" in _models_from(pod) else ("stores.models",))
    for name, place in _places(settings):
        if name in seldom:
            assert not _under(place, mounts), f"{name}: a member needs no {place}"
            continue
        [mount] = _under(place, mounts)
        assert not (name in WRITES and mount.get("readOnly")), f"{name}: {place} is mounted to be read"
        assert name in WRITES or mount.get("readOnly"), f"{name}: {place} can be written without need"


@profiles
def test_reindexing_and_the_toolbox_have_every_store(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = render(profile)
    for pod in pods(documents):
        if pod.component not in ("reindex", "toolbox"):
            continue
        with monkeypatch.context() as environment:
            settings = _settings(documents, pod, tmp_path, environment)
        mounts = {PurePosixPath(m["mountPath"]): m for m in pod.spec["containers"][0]["volumeMounts"]}
        for store in (settings.stores.photos, settings.stores.gallery, settings.stores.snapshots, settings.run.folder):
            assert [m.get("readOnly") for m in _under(store, mounts)] == [None], f"{pod.where}: {store}"


@profiles
def test_a_worker_reads_models_and_snapshots_and_nothing_else_of_the_site(profile: str) -> None:
    for pod in pods(render(profile)):
        if not pod.component.startswith("ray-"):
            continue
        site = [m for c in pod.spec["containers"] for m in c["volumeMounts"] if m["mountPath"].startswith("/var/lib")]
        assert all(mount["readOnly"] for mount in site)
        allowed = {"/var/lib/hadir/snapshots", "/var/lib/hadir/models"} if pod.component == "ray-worker" else set()
        assert {mount["mountPath"] for mount in site} <= allowed


@profiles
def test_a_stop_has_more_time_than_its_drain(profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = render(profile)
    pod = _intake(documents)
    settings = _settings(documents, pod, tmp_path, monkeypatch)
    assert pod.spec["terminationGracePeriodSeconds"] >= settings.run.drain_s + 10


def test_a_longer_drain_brings_its_grace_along() -> None:
    pod = _intake(rendered({"config": {"run": {"drain_s": 119.5}}}))
    assert pod.spec["terminationGracePeriodSeconds"] == 120 + 30


def test_settings_of_ones_own_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = {
        "pool": {"batch_photos": 16, "workers": 2},
        "stores": {"case_photos": "s3://cases"},
        "reconcile": {"share": 0.05},
    }
    documents = rendered({"config": mine})
    settings = _settings(documents, _intake(documents), tmp_path, monkeypatch)
    assert (settings.pool.batch_photos, settings.pool.workers, settings.reconcile.share) == (16, 2, 0.05)
    assert settings.stores.case_photos == "s3://cases"
    assert settings.stores.snapshots == "/var/lib/hadir/snapshots"


def test_changed_settings_replace_the_members() -> None:
    def checksum(documents: list[Document]) -> str:
        [deployment] = [d for d in documents if d["kind"] == "Deployment" and d["metadata"]["name"] == "hadir"]
        said: str = deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return said

    assert checksum(rendered({})) == checksum(rendered({"intake": {"replicas": 2}}))
    assert checksum(rendered({})) != checksum(rendered({"config": {"replay": {"near": "record"}}}))


@pytest.mark.parametrize(
    ("sasl", "tls", "protocol"),
    [
        ("SCRAM-SHA-512", True, "SASL_SSL"),
        ("SCRAM-SHA-512", False, "SASL_PLAINTEXT"),
        ("", True, "SSL"),
        ("", False, "PLAINTEXT"),
    ],
)
def test_kafka_is_spoken_to_as_the_values_say(
    sasl: str, tls: bool, protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = rendered({"kafka": {"sasl": {"mechanism": sasl}, "tls": {"enabled": tls}}})
    security: dict[str, Any] = dict(_settings(documents, _intake(documents), tmp_path, monkeypatch).kafka.security)
    assert security["security_protocol"] == protocol
    assert ("ssl_cafile" in security) == tls
    assert security.get("sasl_plain_password") == ("from-a-secret" if sasl else None)


@pytest.mark.parametrize(("members", "workers"), [(2, 4), (3, 2), (8, 1)])
def test_the_clusters_workers_are_shared_out(
    members: int, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = rendered({"intake": {"replicas": members}})
    pool = _settings(documents, _intake(documents), tmp_path, monkeypatch).pool
    assert pool.workers == workers
    [cluster] = [one for one in documents if one["kind"] == "RayCluster"]
    assert pool.ray_address == f"{cluster['metadata']['name']}-head-svc.presensi.svc:6379"


def _places(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every absolute path in the settings, by its key."""
    for section, keys in settings.model_dump().items():
        for key, value in keys.items():
            if isinstance(value, str) and value.startswith("/"):
                yield f"{section}.{key}", value
    for key, value in settings.kafka.security.items():
        if str(value).startswith("/"):
            yield f"kafka.security.{key}", str(value)


def _under(place: str, mounts: dict[PurePosixPath, Document]) -> list[Document]:
    path = PurePosixPath(place)
    return [mount for at, mount in mounts.items() if path.is_relative_to(at)]


def _models_from(pod: Pod) -> str:
    mounted = {
        m["name"] for m in pod.spec["containers"][0]["volumeMounts"] if m["mountPath"] == "/var/lib/hadir/models"
    }
    claims = [v["persistentVolumeClaim"]["claimName"] for v in pod.spec["volumes"] if v["name"] in mounted]
    return " ".join(claims)
