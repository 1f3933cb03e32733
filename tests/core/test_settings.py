"""Settings refuse what they do not know and say where every value is wrong."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from hadir.core.errors import ConfigError
from hadir.core.settings import load_settings

DEFAULTS = Path(str(files("hadir.app"))) / "default.toml"


def test_shipped_defaults_load() -> None:
    settings = load_settings(DEFAULTS)
    assert settings.kafka.partitions == 12
    assert settings.pool.batch_photos == 32


def test_a_file_overrides_single_keys_only(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[kafka]\nbootstrap = "10.0.0.1:9092"\n')
    settings = load_settings(DEFAULTS, mine)
    assert settings.kafka.bootstrap == "10.0.0.1:9092"
    assert settings.kafka.group == "hadir"


def test_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[kafka]\ngroup = "file"\n')
    monkeypatch.setenv("HADIR_KAFKA__GROUP", "environment")
    assert load_settings(DEFAULTS, mine).kafka.group == "environment"


def test_environment_number_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADIR_POOL__WORKERS", "3")
    assert load_settings(DEFAULTS).pool.workers == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pool]\nworker = 2\n", "unknown key 'pool.worker'"),
        ("[pol]\nworkers = 2\n", "unknown key 'pol'"),
        ("[pool]\nworkers = -1\n", "pool.workers = -1"),
        ('[run]\nbroker = "rabbit"\n', "run.broker = 'rabbit'"),
        ("workers = 2\n", "outside any section"),
        ("[pool\n", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.toml") as caught:
        load_settings(DEFAULTS, mine)
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        load_settings(DEFAULTS, tmp_path / "absent.toml")


def test_settings_are_frozen() -> None:
    settings = load_settings(DEFAULTS)
    with pytest.raises(Exception, match="frozen"):
        settings.pool.workers = 5


def test_every_key_of_the_defaults_says_what_it_is() -> None:
    """A key line carries a comment, or stands in a section whose keys are plain paths and topic names."""
    plain = {"roster", "units", "sites", "placements", "shifts", "policy"}
    for line in DEFAULTS.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            assert "#" in line or line.split("=")[0].strip() in plain, line


def test_a_password_of_the_environment_joins_the_file_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[kafka]\nsecurity = { security_protocol = "SASL_SSL" }\n')
    monkeypatch.setenv("HADIR_KAFKA__SECURITY__SASL_PLAIN_PASSWORD", "s3cret")
    settings = load_settings(DEFAULTS, mine)
    assert settings.kafka.security == {"security_protocol": "SASL_SSL", "sasl_plain_password": "s3cret"}
    assert "s3cret" not in repr(settings)
    mine.write_text('[kafka]\nsecurity = ["s3cret"]\n')
    monkeypatch.delenv("HADIR_KAFKA__SECURITY__SASL_PLAIN_PASSWORD")
    with pytest.raises(ConfigError) as refused:
        load_settings(DEFAULTS, mine)
    assert "kafka.security" in str(refused.value)
    assert "s3cret" not in str(refused.value)
