"""An upgrade from the chart before, as rendered documents: what changes, and what must not.

Both charts get the values of then: nobody has others yet when they upgrade.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from dev.chart.keep import previous
from tests.helm.rendering import Document, rendered

__all__ = ["breaks", "changes", "previous_values", "upgraded"]

_EACH_TIME = ("helm.sh/chart", "app.kubernetes.io/version", "checksum/")
"""Labels and annotations that say no more than that the version is another."""

_FOR_EVER: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec.selector",),
    "PersistentVolumeClaim": ("spec.accessModes", "spec.storageClassName"),
    "RoleBinding": ("roleRef",),
    "Service": ("spec.clusterIP",),
    "KafkaTopic": ("spec.partitions",),
}
"""What the API server refuses to change, and partitions: another number sends a person's check-ins elsewhere."""


def previous_values(profile: str) -> Document:
    """The values that somebody installed it with: its own profile of that name."""
    if profile == "default":
        return {}
    with tarfile.open(previous()) as packed:
        member = packed.extractfile(f"hadir/values-{profile}.yaml")
        assert member is not None
        values: Document = yaml.safe_load(member.read())
    return values


def upgraded(profile: str) -> tuple[list[Document], list[Document]]:
    """Before and after."""
    values = previous_values(profile)
    return rendered(values, chart=previous()), rendered(values)


def changes(profile: str) -> list[str]:
    """One line for each object that comes or goes, and each field that changes. Rules and dashboards are left out."""
    before, after = ({_name(one): one for one in documents} for documents in upgraded(profile))
    lines = [f"- {name}" for name in before.keys() - after.keys()]
    lines += [f"+ {name}" for name in after.keys() - before.keys() if not _generated(after[name])]
    for name in before.keys() & after.keys():
        old, new = _flat(before[name]), _flat(after[name])
        for field in sorted(old.keys() | new.keys()):
            if old.get(field) != new.get(field) and not any(word in field for word in _EACH_TIME):
                lines.append(f"~ {name} {field}: {old.get(field)!r} -> {new.get(field)!r}")
    return sorted(lines, key=lambda line: (line[2:], line))


def breaks(before: Sequence[Document], after: Sequence[Document]) -> list[str]:
    """What an upgrade from `before` to `after` would stumble over, or lose."""
    there, found = {_name(one): one for one in after}, []
    for old in before:
        new = there.get(_name(old))
        if new is None:
            if old["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep":
                found.append(f"{_name(old)}: holds data and is made no longer under this name")
            continue
        found += [
            f"{_name(old)}: {field} cannot change: {_at(old, field)!r} -> {_at(new, field)!r}"
            for field in _FOR_EVER.get(old["kind"], ())
            if _at(old, field) != _at(new, field)
        ]
    return found


def _name(document: Document) -> str:
    """A RayCluster's hash says that it is another one, which is what its fields are compared for."""
    name = document["metadata"]["name"]
    return f"{document['kind']} {name.rpartition('-')[0] if document['kind'] == 'RayCluster' else name}"


def _generated(document: Document) -> bool:
    return document["kind"] == "PrometheusRule" or "-dashboard-" in document["metadata"]["name"]


def _flat(value: object, path: str = "") -> dict[str, object]:
    if isinstance(value, dict):
        items: Iterator[tuple[str, object]] = ((f"{path}.{key}" if path else str(key), v) for key, v in value.items())
    elif isinstance(value, list):
        items = ((f"{path}[{_key(one, place)}]", one) for place, one in enumerate(value))
    else:
        return {path: value}
    return {field: one for name, below in items for field, one in _flat(below, name).items()}


def _key(one: object, place: int) -> str:
    """Containers, variables and mounts by their names, so that one more does not move all others."""
    if isinstance(one, dict):
        for key in ("mountPath", "name", "groupName", "containerPort"):
            if key in one:
                return str(one[key])
    return str(place)


def _at(document: Mapping[str, Any], field: str) -> object:
    found: Any = document
    for key in field.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found
