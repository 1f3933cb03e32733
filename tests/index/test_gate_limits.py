"""The limits of the gates: every key explained, single keys overridden, nothing unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadir.core.errors import ConfigError
from hadir.index.gate_limits import read_limits

SHIPPED = Path(__file__).parents[2] / "configs" / "gates.toml"


def test_the_shipped_gates_lose_nobody_and_guess_nothing() -> None:
    limits = read_limits(SHIPPED)
    assert limits.people.lost_most == 0
    assert limits.self_recall.least == 1
    assert not limits.accuracy.unmeasured_space_change


def test_a_file_of_ones_own_overrides_single_keys(tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text("[accuracy]\nrise_most = 0.01\n")
    ours, shipped = read_limits(SHIPPED, tmp_path / "gates.toml"), read_limits(SHIPPED)
    assert ours.accuracy.rise_most == 0.01
    assert ours.accuracy.people_least == shipped.accuracy.people_least
    assert ours.people == shipped.people


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[people]\nlost = 1", "people.*'lost'"),
        ("[peoples]\nlost_most = 1", "'peoples'"),
        ("lost_most = 1", "'lost_most' stands outside"),
        ("[people]\nlost_most = -1", "people.lost_most"),
        ("[people]\nlost_most = 0.5", "people.lost_most"),
        ("[self_recall]\nleast = 1.1", "self_recall.least"),
        ("[accuracy]\ngolden = 1", "accuracy.golden"),
        ("[accuracy]\nunmeasured_space_change = 1", "accuracy.unmeasured_space_change"),
        ("[replicas]\nstale_after_s = 0", "replicas.stale_after_s"),
        ("[people", "not valid TOML"),
        ("# " + "x" * 70_000, "larger than 64 KiB"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_file_and_key(tmp_path: Path, content: str, named: str) -> None:
    (tmp_path / "mine.toml").write_text(content)
    with pytest.raises(ConfigError, match=rf"mine\.toml.*{named}"):
        read_limits(SHIPPED, tmp_path / "mine.toml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml cannot be read"):
        read_limits(SHIPPED, tmp_path / "absent.toml")
