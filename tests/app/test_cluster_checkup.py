"""The doctor on a cluster: other versions and too few cores are bad, and so is a token that everybody can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadir.actors.cluster_look import ClusterFacts
from hadir.app.cluster_checkup import cluster_findings, judged
from hadir.app.options import DEFAULTS
from hadir.core.errors import ConfigError, SetupError
from hadir.core.settings import Settings, load_settings

OURS = ("2.60.0", "3.11.7")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    token = tmp_path / "token"
    token.write_text("0" * 64)
    token.chmod(0o600)
    loaded = load_settings(DEFAULTS)
    changes = {"ray_address": "127.0.0.1:1", "ray_token_file": str(token), "ray_node": "own", "workers": 2}
    return loaded.model_copy(update={"pool": loaded.pool.model_copy(update=changes)})


def test_a_cluster_of_our_versions_with_a_core_for_each_worker_is_good(settings: Settings) -> None:
    assert judged(ClusterFacts(OURS, OURS, 3, 2.0), settings.pool).state == "ok"


@pytest.mark.parametrize("versions", [("2.59.0", OURS[1]), (OURS[0], "3.11.8")])
def test_other_versions_are_bad(settings: Settings, versions: tuple[str, str]) -> None:
    found = judged(ClusterFacts(versions, OURS, 3, 2.0), settings.pool)
    assert (found.state, versions[0] in found.found) == ("bad", True)


def test_fewer_cores_than_workers_are_bad(settings: Settings) -> None:
    found = judged(ClusterFacts(OURS, OURS, 3, 1.0), settings.pool)
    assert (found.state, found.found.endswith("this member wants 2 workers")) == ("bad", True)


def test_a_token_that_everybody_can_read_is_bad_and_the_next_check_is_made(settings: Settings) -> None:
    Path(settings.pool.ray_token_file).chmod(0o644)
    findings = cluster_findings(settings)
    assert next(findings).state == "bad"
    with pytest.raises(SetupError, match="no Ray answers"):
        next(findings)


def test_a_member_that_does_not_say_its_share_is_told(settings: Settings) -> None:
    pool = settings.pool.model_copy(update={"workers": 0})
    with pytest.raises(ConfigError, match=r"pool\.workers = 0"):
        next(cluster_findings(settings.model_copy(update={"pool": pool})))
