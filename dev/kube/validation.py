"""Rendered documents against the real schemas of their kinds, strictly, without Go and without a server.

The schemas lie in `dev/kube/schemas/` (`dev/kube/write_schemas.py` makes them): the built-in kinds as Kubernetes'
`kubernetes.json`, the custom ones as the definitions that `make cluster-test` gives to a real API server.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft4Validator

from dev.kube.strict_schema import QUANTITY, Json, Schema, inlined, strict

__all__ = ["CUSTOM", "SCHEMAS", "faults", "kinds", "schema_of", "write_layout"]

SCHEMAS = Path(__file__).resolve().parent / "schemas"
CUSTOM = SCHEMAS / "crds"

_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_SHOWN = 80
"""Characters of a wrong value that a message shows."""


def kinds() -> list[tuple[str, str]]:
    """(apiVersion, kind) of everything that has a schema here, sorted."""
    return sorted([*_built_in(), *_custom()])


@cache
def schema_of(api_version: str, kind: str) -> Schema | None:
    """The strict JSON schema (draft 4) of a kind; None where this kind is not known here."""
    if (name := _built_in().get((api_version, kind))) is not None:
        schema = strict(inlined(name, _definitions()))
    elif (found := _custom().get((api_version, kind))) is not None:
        schema = strict(found)
        schema["properties"] = {**_fields(schema), "metadata": strict(inlined(_METADATA, _definitions()))}
    else:
        return None
    own: Schema = {"apiVersion": {"enum": [api_version]}, "kind": {"enum": [kind]}}
    schema["properties"] = {**_fields(schema), **own}
    required = cast("list[str]", schema.get("required", []))
    schema["required"] = [*sorted({*required, "apiVersion", "kind", "metadata"})]
    return schema


def faults(documents: Sequence[Mapping[str, Any] | None]) -> list[str]:
    """What is wrong with the documents, a line each: `Kind/name path: what`. Empty documents are left out."""
    return [line for document in documents if document for line in _faults_of(document)]


def write_layout(folder: Path) -> Path:
    """Write every schema where kubeconform looks for it; gives its `-schema-location`."""
    for api_version, kind in kinds():
        group, _, version = api_version.rpartition("/")
        path = folder / (group or "v1") / f"{kind.lower()}_{version}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(schema_of(api_version, kind), sort_keys=True), encoding="utf-8")
    return folder / "{{.Group}}" / "{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"


def _faults_of(document: Mapping[str, Any]) -> Iterator[str]:
    api_version, kind = str(document.get("apiVersion", "")), str(document.get("kind", ""))
    metadata = document.get("metadata")
    name = f"{kind or 'no kind'}/{metadata.get('name', '') if isinstance(metadata, Mapping) else ''}"
    schema = schema_of(api_version, kind)
    if schema is None:
        yield f"{name}: no schema for apiVersion {api_version or 'missing'}, kind {kind or 'missing'}"
        return
    found = _validator(api_version, kind).iter_errors(document)
    for error in sorted(found, key=lambda each: [str(part) for part in each.absolute_path]):
        yield f"{name} {_path(error.absolute_path)}: {_what(error)}"


@cache
def _validator(api_version: str, kind: str) -> Any:
    return Draft4Validator(cast(Schema, schema_of(api_version, kind)))


def _path(parts: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "(top)"


def _what(error: Any) -> str:
    value = json.dumps(error.instance, default=str)
    shown = value if len(value) <= _SHOWN else value[:_SHOWN] + " …"
    if error.validator == "additionalProperties":
        unknown = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        return f"unknown field {', '.join(unknown)}"
    if error.validator == "required":
        return str(error.message)
    if error.validator_value == QUANTITY:
        return f"{shown} is no quantity"
    return f"{shown} is refused by {error.validator} {json.dumps(error.validator_value)[:_SHOWN]}"


def _fields(schema: Schema) -> Schema:
    return cast(Schema, schema["properties"])


@cache
def _definitions() -> dict[str, Schema]:
    return cast("dict[str, Schema]", json.loads((SCHEMAS / "kubernetes.json").read_bytes())["definitions"])


@cache
def _built_in() -> dict[tuple[str, str], str]:
    """(apiVersion, kind) to the name of the definition."""
    found: dict[tuple[str, str], str] = {}
    for name, definition in _definitions().items():
        for which in cast("list[dict[str, str]]", definition.get("x-kubernetes-group-version-kind", [])):
            if "metadata" in cast("dict[str, Json]", definition.get("properties", {})):
                api_version = "/".join(part for part in (which["group"], which["version"]) if part)
                found[api_version, which["kind"]] = name
    return found


@cache
def _custom() -> dict[tuple[str, str], Schema]:
    """(apiVersion, kind) to the schema in the committed custom resource definition."""
    found: dict[tuple[str, str], Schema] = {}
    for path in sorted(CUSTOM.glob("*.json")):
        spec = json.loads(path.read_bytes())["spec"]
        for version in spec["versions"]:
            if version["served"]:
                schema = version["schema"]["openAPIV3Schema"]
                found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found
