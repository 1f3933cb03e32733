"""compose.yaml: known keys, pinned images, files that exist, loopback alone, no password in plain text, limits."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.prometheus import check_with_promtool, missing_part
from hadir.app.options import settings_of
from tests.container.dockerfile import stages_of
from tests.source_tree import ROOT, source_files

SERVICE_KEYS = {
    "build": dict,
    "cap_add": list,
    "cap_drop": list,
    "command": list,
    "depends_on": dict,
    "deploy": dict,
    "entrypoint": list,
    "environment": dict,
    "healthcheck": dict,
    "image": str,
    "logging": dict,
    "networks": list,
    "ports": list,
    "read_only": bool,
    "restart": str,
    "secrets": list,
    "security_opt": list,
    "shm_size": str,
    "stop_grace_period": str,
    "tmpfs": list,
    "volumes": list,
}
"""Of a service, as the Compose specification names and types them: those that are used here."""
WRITABLE_ROOT = {"kafka"}
"""Its image writes its settings beside its programs when it starts."""

COMPOSE = Path("compose.yaml")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    source_files("app")  # skips where there is no checkout
    content: dict[str, Any] = yaml.safe_load((ROOT / COMPOSE).read_text(encoding="utf-8"))
    return content


def services(compose: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from compose["services"].items()


def mounted(service: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Source, target and options of each volume; a variable's default stands for it."""
    for volume in service.get("volumes", []):
        source, target, *options = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", volume).split(":")
        yield source, target, options[0] if options else ""


def test_every_key_is_one_of_the_specification_and_of_its_type(compose: dict[str, Any]) -> None:
    assert set(compose) == {"name", "networks", "secrets", "services", "volumes", "x-careful"}
    for name, service in services(compose):
        unknown = set(service) - set(SERVICE_KEYS)
        assert not unknown, f"{name}: {unknown}"
        for key, value in service.items():
            assert isinstance(value, SERVICE_KEYS[key]), f"{name}.{key}"
        assert all(isinstance(value, str) for value in service.get("environment", {}).values()), name


def test_what_a_service_names_is_declared(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        assert set(service["networks"]) <= set(compose["networks"]), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        for needed in service.get("depends_on", {}):
            assert "healthcheck" in compose["services"][needed], f"{name} waits until {needed} is healthy"
    used = {source for _, service in services(compose) for source, *_ in mounted(service) if "/" not in source}
    assert used == set(compose["volumes"])


def test_every_mounted_file_is_there_and_read_only(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        for source, target, options in mounted(service):
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert options == "ro", f"{name}: {target}"


def test_every_image_is_pinned_by_a_full_version(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", service["image"]), name
        assert name == "hadir" or service["image"].startswith("docker.io/"), name


def test_every_port_is_on_loopback(compose: dict[str, Any]) -> None:
    ports = [port for _, service in services(compose) for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_service_is_careful_limited_and_watched(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service.get("read_only", False) or name in WRITABLE_ROOT, name


def test_no_password_stands_in_plain_text(compose: dict[str, Any]) -> None:
    for name, service in services(compose):
        for key, value in service.get("environment", {}).items():
            if re.search(r"password|secret|token", key, re.IGNORECASE):
                assert key.upper().endswith(("_FILE", "__FILE")), f"{name}: {key}"
                assert value.startswith("/run/secrets/"), f"{name}: {key}"
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    ignored = subprocess.run(
        ["git", "check-ignore", *(secret["file"] for secret in compose["secrets"].values())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(ignored.stdout.splitlines()) == len(compose["secrets"])


def test_the_script_makes_every_secret_once(compose: dict[str, Any], tmp_path: Path) -> None:
    script = tmp_path / "make_secrets.sh"
    script.write_bytes((ROOT / "configs/compose/make_secrets.sh").read_bytes())
    for _ in range(2):
        made = [subprocess.run(["sh", script], capture_output=True, text=True, check=True).stdout]
    names = {Path(secret["file"]).name for secret in compose["secrets"].values()}
    assert {path.name for path in (tmp_path / "secrets").iterdir()} == names
    assert made == [""]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert all(re.fullmatch(r"[0-9a-f]{48}", (tmp_path / "secrets" / name).read_text()) for name in names)


def test_the_settings_load_and_write_only_where_something_is_mounted(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("HADIR_")]:
        monkeypatch.delenv(name)
    settings = settings_of(ROOT / "configs/compose/hadir.toml")
    service = compose["services"]["hadir"]
    volumes = [target for _, target, options in mounted(service) if options != "ro"]
    stores = settings.stores
    written = [settings.run.folder, settings.ledger.heads, stores.models, stores.photos, stores.gallery]
    written += [stores.snapshots, stores.case_photos]
    assert [path for path in written if not any(path.startswith(f"{volume}/") for volume in volumes)] == []
    files = settings.attendance.model_dump().values()
    assert all(path == "" or path.startswith("/etc/hadir/site/") for path in files)
    assert {path.rpartition("/")[2] for path in files if path} <= {
        path.name for path in (ROOT / "configs/example").iterdir()
    }
    assert settings.kafka.bootstrap in compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert "@postgres/" in settings.ledger.url
    assert service["ports"] == [f"127.0.0.1:{settings.metrics.port}:{settings.metrics.port}"]


def test_a_stop_leaves_hadir_the_time_that_it_drains_for(compose: dict[str, Any]) -> None:
    settings = settings_of(ROOT / "configs/compose/hadir.toml")
    assert int(compose["services"]["hadir"]["stop_grace_period"].removesuffix("s")) > settings.run.drain_s


def test_hadir_is_built_as_the_dockerfile_says_and_started_by_its_entry_point(compose: dict[str, Any]) -> None:
    service = compose["services"]["hadir"]
    stages = stages_of((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert service["build"]["target"] in stages
    [entry] = stages["runtime"].all("ENTRYPOINT")
    assert service["entrypoint"][:2] == ["tini", "--"]
    assert entry.startswith('["tini", "--"')


def test_the_wrapper_hands_every_word_on_and_the_password_by_the_environment_alone(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    """With a program of the test's in Hadir's place."""
    (tmp_path / "ledger_password").write_text("p$w d")
    fake = tmp_path / "hadir"
    fake.write_text('#!/bin/sh\nprintf "%s|" "$PGPASSWORD" "$@"\n')
    fake.chmod(0o755)
    _, _, *words = compose["services"]["hadir"]["entrypoint"]
    words = [word.replace("$$", "$").replace("/run/secrets", str(tmp_path)) for word in words]
    done = subprocess.run(
        [*words, "enroll", "/photos of us"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "p$w d|enroll|/photos of us|--config|/etc/hadir/hadir.toml|"


def test_prometheus_reads_the_same_rules_as_the_chart_and_calls_its_job_hadir(compose: dict[str, Any]) -> None:
    config = yaml.safe_load((ROOT / "configs/compose/prometheus.yml").read_text(encoding="utf-8"))
    [job] = config["scrape_configs"]
    settings = tomllib.loads((ROOT / "configs/compose/hadir.toml").read_text(encoding="utf-8"))
    assert job["job_name"] == "hadir"
    assert job["static_configs"] == [{"targets": [f"hadir:{settings['metrics']['port']}"]}]
    targets = {target for _, target, _ in mounted(compose["services"]["prometheus"])}
    assert "/etc/prometheus/rules/hadir.yaml" in targets
    assert config["rule_files"] == ["/etc/prometheus/rules/*.yaml"]


def test_grafana_finds_the_dashboards_and_asks_prometheus(compose: dict[str, Any]) -> None:
    [provider] = yaml.safe_load((ROOT / "configs/compose/grafana/dashboards.yaml").read_text())["providers"]
    [source] = yaml.safe_load((ROOT / "configs/compose/grafana/datasources.yaml").read_text())["datasources"]
    grafana = compose["services"]["grafana"]
    assert provider["options"]["path"] in {target for _, target, _ in mounted(grafana)}
    assert (source["type"], source["uid"], source["isDefault"]) == ("prometheus", "prometheus", True)
    assert source["url"] == "http://prometheus:9090"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "helm/hadir/files/dashboards" / Path(home).name).is_file()


def test_promtool_accepts_prometheus_settings(tmp_path: Path) -> None:
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    config = (ROOT / "configs/compose/prometheus.yml").read_text(encoding="utf-8")
    there = tmp_path / "prometheus.yml"
    there.write_text(config.replace("/etc/prometheus/rules/*.yaml", str(ROOT / "helm/hadir/files/rules.yaml")))
    assert "SUCCESS" in check_with_promtool("check", "config", there)
