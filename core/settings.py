"""TOML files and environment to one frozen Settings; an unknown key is an error with its name.

Order, later wins: the package's default.toml, the file given, environment variables `HADIR_SECTION__KEY`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from hadir.core.errors import ConfigError

__all__ = [
    "Attendance",
    "Faces",
    "Kafka",
    "Ledger",
    "Metrics",
    "Pool",
    "Reconcile",
    "Replay",
    "Run",
    "Settings",
    "Stores",
    "load_settings",
]

_LARGEST_FILE_BYTES = 1 << 20


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Run(_Section):
    """What `hadir run` is made of, and where it leaves its notes."""

    folder: str
    broker: Literal["memory", "kafka"]
    pool: Literal["inline", "ray"]
    drain_s: Annotated[float, Field(ge=0, le=600)]


class Kafka(_Section):
    """Where the log is, and how Hadir joins it. The topics' names are part of the wire format, not settings."""

    bootstrap: str
    group: Annotated[str, Field(min_length=1, max_length=200)]
    partitions: Annotated[int, Field(ge=1, le=1000)]
    replication_factor: Annotated[int, Field(ge=1, le=9)]
    security: Annotated[Mapping[str, str | int | bool], Field(repr=False)]


class Faces(_Section):
    """The pack that turns photos into vectors."""

    pack: str
    precision: Literal["auto", "int8", "fp16"]
    runtime: Literal["cpu", "cuda", "tensorrt"]
    allow_cpu: bool
    liveness: str


class Stores(_Section):
    """Where packs, enrolled photos, templates, snapshots and the photos of cases lie."""

    models: str
    photos: str
    gallery: str
    snapshots: str
    gates: str
    watch_s: Annotated[float, Field(ge=0.05, le=60)]
    key_file: str
    case_photos: str


class Attendance(_Section):
    """The CSV files of the roster, the sites and the shifts, and the policy."""

    roster: str
    units: str
    sites: str
    placements: str
    shifts: str
    policy: str


class Ledger(_Section):
    """The database of verdicts, and the file that its chain heads go to."""

    url: str
    heads: str
    heads_every_s: Annotated[float, Field(ge=1, le=86_400)]


class Pool(_Section):
    """Workers that look at faces."""

    workers: Annotated[int, Field(ge=0, le=1024)]
    batch_photos: Annotated[int, Field(ge=1, le=256)]
    batch_bytes: Annotated[int, Field(ge=1 << 20, le=64 << 20)]
    in_flight_check_ins: Annotated[int, Field(ge=1, le=100_000)]
    object_store_bytes: Annotated[int, Field(ge=75 << 20, le=64 << 30)]
    prewarm_min: Annotated[float, Field(ge=0, le=240)]
    ray_address: str
    ray_token_file: str
    ray_node: Literal["host", "own"]
    ray_ports: str


class Reconcile(_Section):
    """Received against decided, beside the running pipeline."""

    every_s: Annotated[float, Field(ge=0, le=86_400)]
    share: Annotated[float, Field(ge=0.01, le=1)]


class Replay(_Section):
    """Photos that come again."""

    near: Literal["review", "record"]
    window_days: Annotated[int, Field(ge=1, le=90)]
    distance_bits: Annotated[int, Field(ge=0, le=21)]


class Metrics(_Section):
    """The page with metrics and probes."""

    port: Annotated[int, Field(ge=0, le=65_535)]
    host: str
    stall_s: Annotated[float, Field(ge=5, le=3_600)]


class Settings(BaseSettings):
    """Every key of Hadir, frozen. Defaults stand in app/default.toml alone, each with unit, range and effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")  # type: ignore[assignment]  # SettingsConfigDict is a superset

    run: Run
    kafka: Kafka
    faces: Faces
    stores: Stores
    attendance: Attendance
    ledger: Ledger
    pool: Pool
    reconcile: Reconcile
    replay: Replay
    metrics: Metrics

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings names the parameters
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over files; no .env file and no secrets folder is read behind anyone's back."""
        environment = EnvSettingsSource(settings_cls, env_prefix="HADIR_", env_nested_delimiter="__")
        return environment, init_settings


def load_settings(defaults: Path, override: Path | None = None) -> Settings:
    """Read `defaults`, lay `override` over it key by key, then the environment.

    Raises:
        ConfigError: a file cannot be read, a key is unknown, or a value is out of its range; the message names them.
    """
    merged = _read(defaults)
    if override is not None:
        for section, keys in _read(override).items():
            if not isinstance(keys, dict):
                raise ConfigError(
                    f"{override.name}: '{section}' stands outside any section; keys belong under [section]"
                )
            merged[section] = {**merged.get(section, {}), **keys}
    try:
        return Settings(**merged)
    except ValidationError as err:
        where = override.name if override is not None else "environment"
        raise ConfigError(f"{where}: {'; '.join(_problem(dict(e)) for e in err.errors())}") from err


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise ConfigError(f"{path.name} is larger than 1 MiB: not a settings file")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ConfigError(f"settings file {path} cannot be read: {err.strerror}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ConfigError(f"{path.name} is not valid TOML: {err}") from err


def _problem(error: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key '{key}' (every key is listed in default.toml)"
    if error["type"] == "missing":
        return f"key '{key}' is missing"
    if ".security" in key:  # it may be a password
        return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}"
    return f"{key} = {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}"
