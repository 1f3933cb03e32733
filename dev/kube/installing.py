"""One profile of the chart on a real API server: every object validated strictly, then installed, upgraded, rolled back
and removed by the real Helm, in a namespace that admits only what the Pod Security Standard `restricted` allows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dev.kube.api_server import Answer, ApiServer
from dev.kube.parts import program
from dev.kube.validation import kinds
from hadir.core.errors import SetupError

__all__ = ["STEPS", "Document", "Installation", "Trial", "bumped", "prerequisites", "release_objects", "unpacked"]

Document = Mapping[str, Any]

STEPS = ("install", "upgrade", "next", "rollback", "uninstall")
"""The chart before with its own values, this one, its next release, back to this one, and away."""

RELEASE = "hadir"
_INSTANCE = "app.kubernetes.io/instance"
_LEVELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
_DRY = ("apply", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-")


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one profile: counts, and everything that was refused in the server's or Helm's own words."""

    profile: str
    objects: int
    accepted: int
    pods: int
    admitted: int
    steps: Mapping[str, str]
    """Of STEPS: empty where it went well, otherwise what went wrong."""
    faults: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not self.faults and not any(self.steps.values())


class Installation:
    """The chart with one profile's values, in a namespace of its own on `server`. Its copies lie in `folder`."""

    def __init__(self, server: ApiServer, chart: Path, before: Path, profile: str, folder: Path) -> None:
        """`before` is the packed chart of the version before, `profile` is `default` or NAME of a values-NAME.yaml.

        Raises:
            SetupError: Helm is missing.
        """
        self._helm_program = program("helm")
        self._server, self._chart, self._profile, self._folder = server, chart, profile, folder
        self._before = before
        self.namespace = f"{RELEASE}-{profile}"

    def documents(self, chart: Path | None = None, values_of: Path | None = None) -> list[dict[str, Any]]:
        """What Helm renders of the chart, tests included. Raises SetupError in Helm's words where it does not."""
        chart = chart or self._chart
        rendered = self._helm("template", RELEASE, str(chart), *self._values(values_of or chart))
        if not rendered.ok:
            raise SetupError(f"profile {self._profile} does not render: {rendered.text[-600:]}")
        return [document for document in yaml.safe_load_all(rendered.out) if document]

    def prepare(self, documents: Sequence[Document]) -> None:
        """The namespace, and what a cluster has that the chart only names. Raises SetupError where refused."""
        labelled = {"name": self.namespace, "labels": _LEVELS}
        around = [{"apiVersion": "v1", "kind": "Namespace", "metadata": labelled}, *prerequisites(documents)]
        made = self._server.kubectl("apply", "-f", "-", documents=around)
        if not made.ok:
            raise SetupError(f"the namespace of profile {self._profile} cannot be made: {made.text[-600:]}")

    def checked(self, documents: Sequence[Document]) -> Answer:
        """Validate and admit on the server without keeping: names accepted on `out`, refusals on `err`."""
        return self._server.kubectl("-n", self.namespace, *_DRY, documents=documents)

    def trial(self, pods: Sequence[Document]) -> Trial:
        """Everything in turn. `pods` are those that controllers would make of the profile's objects."""
        documents = self.documents()
        self.prepare(documents)
        objects, admitted = self.checked(documents), self.checked(pods)
        return Trial(
            self._profile,
            len(documents),
            len(objects.out.split()),
            len(pods),
            len(admitted.out.split()),
            dict(self._steps(documents)),
            tuple(line for answer in (objects, admitted) for line in answer.err.splitlines() if line.strip()),
        )

    def _steps(self, documents: Sequence[Document]) -> Iterator[tuple[str, str]]:
        before = unpacked(self._before, self._folder / f"before-{self._profile}")
        newer = bumped(self._chart, self._folder / f"next-{self._profile}")
        yield "install", self._put("install", before, before)
        yield "upgrade", self._put("upgrade", self._chart, before)
        yield "next", self._put("upgrade", newer, newer)
        after = release_objects(self.documents(self._chart, before))
        yield "rollback", self._step(after, "rollback", RELEASE, "2", "--no-hooks")
        yield "uninstall", self._step(_kept(documents), "uninstall", RELEASE, "--no-hooks")

    def _put(self, how: str, chart: Path, values_of: Path) -> str:
        expected = release_objects(self.documents(chart, values_of))
        # Hooks would be waited for, and nothing runs here that could end them.
        return self._step(expected, how, RELEASE, str(chart), "--no-hooks", *self._values(values_of))

    def _step(self, expected: set[str], *command: str) -> str:
        """What went wrong with one step, empty: the server has exactly the `expected` objects now."""
        answer = self._helm(*command)
        if not answer.ok:
            return answer.text[-600:]
        present = self._present()
        wrong = [f"missing {name}" for name in sorted(expected - present)]
        return ", ".join([*wrong, *(f"left over {name}" for name in sorted(present - expected))])

    def _present(self) -> set[str]:
        """`Kind/name` of the release's objects that are not being deleted (finalizers have nobody to end them here)."""
        everything = ",".join(_resource(api_version, kind) for api_version, kind in kinds() if kind != "Namespace")
        answer = self._server.kubectl(
            "-n", self.namespace, "get", everything, "-l", f"{_INSTANCE}={RELEASE}", "-o", "yaml"
        )
        if not answer.ok:
            raise SetupError(f"the API server does not list what it has: {answer.text[-600:]}")
        items: list[Document] = yaml.load(answer.out, Loader=yaml.CSafeLoader)["items"]
        return {_name(item) for item in items if "deletionTimestamp" not in item["metadata"]}

    def _values(self, chart: Path) -> list[str]:
        return [] if self._profile == "default" else ["-f", str(chart / f"values-{self._profile}.yaml")]

    def _helm(self, *arguments: str) -> Answer:
        homes = {f"HELM_{what}_HOME": str(self._folder / "helm") for what in ("CACHE", "CONFIG", "DATA")}
        environment = {"PATH": os.defpath, "HOME": str(self._folder), "KUBECONFIG": str(self._server.kubeconfig)}
        command = [str(self._helm_program), *arguments, "--namespace", self.namespace]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**environment, **homes})
        return Answer(done)


def unpacked(packed: Path, folder: Path) -> Path:
    """The chart in a package that `dev.chart.keep` made."""
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (chart,) = folder.iterdir()
    return chart


def bumped(chart: Path, folder: Path) -> Path:
    """A copy of the chart as its next release would be: another version, and another version of the application.

    What may never change (a selector, a Job's template) is refused on the upgrade where it holds the version.
    """
    copy = folder / chart.name
    shutil.copytree(chart, copy)
    file = copy / "Chart.yaml"
    described = yaml.safe_load(file.read_text(encoding="utf-8"))
    for key in ("version", "appVersion"):
        major, minor, *_ = str(described[key]).split(".")
        described[key] = f"{major}.{int(minor) + 1}.0"
    file.write_text(yaml.safe_dump(described), encoding="utf-8")
    return copy


def prerequisites(documents: Sequence[Document]) -> list[Document]:
    """Cluster-wide objects that pods name and that a chart of one namespace does not bring."""
    names: set[tuple[str, str]] = set()
    _collect(documents, names)
    made: list[Document] = []
    for key, name in sorted(names):
        if key == "runtimeClassName":
            made.append({**_object("node.k8s.io/v1", "RuntimeClass", name), "handler": name})
        elif not name.startswith("system-"):
            made.append({**_object("scheduling.k8s.io/v1", "PriorityClass", name), "value": 1})
    return made


def release_objects(documents: Sequence[Document]) -> set[str]:
    """`Kind/name` of what an installation keeps: all but the hooks, which `helm test` alone makes."""
    return {_name(one) for one in documents if "helm.sh/hook" not in (one["metadata"].get("annotations") or {})}


def _kept(documents: Sequence[Document]) -> set[str]:
    """What Helm leaves behind on purpose: data."""
    kept = [one for one in documents if "helm.sh/resource-policy" in (one["metadata"].get("annotations") or {})]
    return release_objects(kept)


def _collect(node: object, names: set[tuple[str, str]]) -> None:
    if isinstance(node, Mapping):
        for key in ("runtimeClassName", "priorityClassName"):
            if node.get(key):
                names.add((key, str(node[key])))
    for below in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        _collect(below, names)


def _object(api_version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def _name(document: Document) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


def _resource(api_version: str, kind: str) -> str:
    """As kubectl takes it without guessing: kind.version.group."""
    group, _, version = api_version.rpartition("/")
    return f"{kind}.{version}.{group}" if group else kind
