"""Hadir and Ray as the rendered pods run them: not root, nothing to write but the mounts, ports as policies say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from hadir.faces.sample_photo import sample_photo
from tests.helm.pods import Pod, pods
from tests.helm.rendering import Document, render, rendered
from tests.helm.sandbox import ADDRESS, missing_sandbox, run_in
from tests.source_tree import ROOT

pytestmark = [pytest.mark.ray, pytest.mark.long]

LEDGER = {"HADIR_LEDGER__URL": "sqlite:////var/lib/hadir/heads/ledger.db"}
"""Beside the chain heads: there is no PostgreSQL in the sandbox."""

CLOSED = {44217}
"""Metrics of Ray's dashboard, which listens without being asked: nobody needs it, and no policy lets anybody in."""


@pytest.fixture(autouse=True)
def _sandbox() -> None:
    if (missing := missing_sandbox()) is not None:
        pytest.skip(missing)


def _pod(documents: list[Document], component: str) -> Pod:
    return next(pod for pod in pods(documents) if pod.component == component)


def _volumes(documents: list[Document], folder: Path) -> Mapping[str, Path]:
    """The settings as rendered, the site's files, and two photos."""
    [config] = [one for one in documents if "hadir.toml" in one.get("data", {})]
    settings = folder / "config"
    settings.mkdir()
    (settings / "hadir.toml").write_text(config["data"]["hadir.toml"], "utf-8")
    return {"config": settings, "attendance": ROOT / "configs" / "example"}


def _photo(folder: Path) -> Path:
    photo = folder / "claim" / "snapshots" / "photo.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(sample_photo())
    return photo


def test_a_member_decides_as_nobody_of_weight_with_nothing_to_write_but_its_mounts(tmp_path: Path) -> None:
    documents = render("kind")
    volumes = _volumes(documents, tmp_path)
    _photo(tmp_path)
    enrol = """
        mkdir -p /tmp/photos/a-0001 && cp /var/lib/hadir/snapshots/photo.jpg /tmp/photos/a-0001/ || exit 90
        hadir enroll /tmp/photos --config /etc/hadir/hadir.toml && hadir index build --config /etc/hadir/hadir.toml
    """
    done = run_in(_pod(documents, "toolbox"), enrol, tmp_path, volumes, LEDGER)
    assert done.returncode == 0, done.stdout + done.stderr
    decide = """
        for place in / /etc /opt /var/lib/hadir /etc/hadir; do touch $place/x 2>/dev/null && exit 91; done
        [ "$(id -u)" = 10001 ] || exit 92
        printf 'person,photos\\na-0001,/var/lib/hadir/snapshots/photo.jpg\\n' > /tmp/check-ins.csv
        hadir run --config /etc/hadir/hadir.toml --broker memory --input /tmp/check-ins.csv --json
    """
    done = run_in(_pod(documents, "intake"), decide, tmp_path, volumes, LEDGER)
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = json.loads(done.stdout)
    assert (numbers["received"], sum(numbers["verdicts"].values()), numbers["missing"]) == (1, 1, 0)
    assert (tmp_path / "claim" / "heads" / "pod-0.jsonl").stat().st_size


def test_rays_head_listens_only_where_the_policy_lets_others_in(tmp_path: Path) -> None:
    documents = rendered({"ray": {"auth": {"existingSecret": "token", "key": "token"}}})
    [cluster] = [one for one in documents if one["kind"] == "RayCluster"]
    given = " ".join(f"--{k}={v}" for k, v in cluster["spec"]["headGroupSpec"]["rayStartParams"].items())
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "token").write_text("0123456789abcdef" * 4)
    start = f"""
        ulimit -n 65536; ray start --head {given} --port=6379 --block > /tmp/log 2>&1 &
        for _ in $(seq 60); do ray health-check --address {ADDRESS}:6379 > /tmp/health 2>&1 && break; sleep 1; done
        RAY_AUTH_TOKEN_PATH=/dev/null ray health-check --address {ADDRESS}:6379 > /tmp/refused 2>&1 && exit 93
        ss -Hltn | awk '{{print $4}}'
        kill $!; wait $!; exit 0
    """
    done = run_in(_pod(documents, "ray-head"), start, tmp_path, {"ray-token": secret})
    assert done.returncode == 0, done.stdout + done.stderr
    listening = re.findall(r"^\[?(?:::ffff:)?([^\]\s]+?)\]?:(\d+)$", done.stdout, re.MULTILINE)
    beyond = {int(port) for address, port in listening if not address.startswith("127.") and address != "::1"}
    assert 6379 in beyond, done.stdout + done.stderr
    assert {port for port in beyond - CLOSED if port != 6379 and not 20100 <= port <= 20199} == set(), listening
