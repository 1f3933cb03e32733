"""The chart as Helm renders it, by the real program where it is at hand, else by the same SDK inside Python."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dev.chart.values_file import CHART
from tests.source_tree import ROOT

__all__ = [
    "NAMESPACE",
    "PROFILES",
    "RELEASE",
    "Document",
    "Refused",
    "lint",
    "missing_helm",
    "render",
    "rendered",
    "rendered_text",
]

PROFILES = ("default", "cpu", "gpu", "kind")
"""values.yaml alone, and with each values-NAME.yaml over it."""

RELEASE, NAMESPACE = "hadir", "presensi"
HELM = ROOT / ".cache" / "kube" / "bin" / "helm"

Document = dict[str, Any]


class Refused(Exception):
    """Helm did not take the values; its words."""


def missing_helm() -> str | None:
    """What is missing to render the chart, in one sentence; None: nothing."""
    if HELM.is_file() or importlib.util.find_spec("helm_python"):
        return None
    return "neither helm (make chart-test builds it where Go is) nor helm-python-sdk is here: make setup"


def lint(profile: str) -> list[str]:
    """What `helm lint --strict` finds wrong with a profile."""
    if HELM.is_file():
        with _extra({}) as extra:
            done = _helm("lint", str(CHART), "--strict", *_files(profile, extra))
        return [] if done.returncode == 0 else [line for line in done.stdout.splitlines() if "[INFO]" not in line]
    found = _sdk().lint(str(CHART), _values(profile), strict=True)
    return [*found["errors"], *(f"{m['path']}: {m['error']}" for m in found["messages"] if m["severity"] > 1)]


@cache
def rendered_text(profile: str) -> str:
    """Every document of a profile, as `helm template` prints it."""
    return _text(CHART, profile, {})


def render(profile: str) -> list[Document]:
    """Every document of a profile, tests included."""
    return _documents(rendered_text(profile))


def rendered(values: Mapping[str, Any], profile: str = "default", chart: Path = CHART) -> list[Document]:
    """With more values on top. Raises Refused where the schema or the chart's own checks do not take them."""
    return _documents(_text(chart, profile, values))


def _text(chart: Path, profile: str, values: Mapping[str, Any]) -> str:
    if HELM.is_file():
        with _extra(values) as extra:
            done = _helm("template", RELEASE, str(chart), "--namespace", NAMESPACE, *_files(profile, extra))
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout
    sdk = _sdk()
    try:
        with sdk.Chart.load(str(chart)) as loaded:
            made = loaded.render(_merged(_values(profile), values), name=RELEASE, namespace=NAMESPACE)
    except sdk.HelmError as err:
        raise Refused(str(err)) from err
    return "\n---\n".join(f"# Source: {name}\n{text}" for name, text in made.items() if name.endswith(".yaml"))


def _documents(text: str) -> list[Document]:
    # libyaml's loader is ten times as fast, and a dashboard is long.
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


@contextmanager
def _extra(values: Mapping[str, Any]) -> Iterator[Path]:
    """A values file with these."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "values.json"
        file.write_text(json.dumps(values), "utf-8")
        yield file


def _files(profile: str, extra: Path) -> list[str]:
    own = [] if profile == "default" else ["--values", str(CHART / f"values-{profile}.yaml")]
    return [*own, "--values", str(extra)]


def _values(profile: str) -> Document:
    if profile == "default":
        return {}
    values: Document = yaml.safe_load((CHART / f"values-{profile}.yaml").read_text("utf-8"))
    return values


def _merged(below: Document, above: Mapping[str, Any]) -> Document:
    """As Helm lays one values file over another."""
    made = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(made.get(key), dict)
        made[key] = _merged(made[key], value) if both else value
    return made


def _helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HELM, *arguments], capture_output=True, text=True, check=False, timeout=60)


def _sdk() -> Any:
    return importlib.import_module("helm_python")
