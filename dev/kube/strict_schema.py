"""OpenAPI schemas of Kubernetes into strict JSON schemas: a field that nobody knows is an error, not a shrug.

The API server prunes unknown fields silently unless it is asked for strict validation, and a misspelt field is then a
setting that never holds. These schemas refuse it without a server. Rules (`x-kubernetes-validations`) are not carried
over: they are written in CEL, which only the server speaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

__all__ = ["QUANTITY", "Json", "Schema", "inlined", "strict"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Schema: TypeAlias = "dict[str, Json]"

QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
"""What apimachinery's resource.Quantity reads; controller-gen writes the same into custom resource definitions."""

_REFERENCE = "#/definitions/"
_QUANTITIES = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_DROPPED = frozenset({"default", "description", "example", "externalDocs", "nullable", "title"})
_ANY_CASE = "(?i)"
_MANY = ("allOf", "anyOf", "oneOf")


def inlined(name: str, definitions: Mapping[str, Schema]) -> Schema:
    """The definition with every reference replaced by what it names.

    Raises:
        KeyError: a definition is named and not there.
        ValueError: a definition holds itself, so that it has no end.
    """
    return _inlined(name, definitions, ())


def _inlined(name: str, definitions: Mapping[str, Schema], above: tuple[str, ...]) -> Schema:
    if name in above:
        raise ValueError(f"the definition {name} holds itself: only kinds without recursion can be inlined")
    if name == _QUANTITIES:
        return {"type": ["string", "number"], "pattern": QUANTITY}
    return cast(Schema, _resolved(definitions[name], definitions, (*above, name)))


def _resolved(node: Json, definitions: Mapping[str, Schema], above: tuple[str, ...]) -> Json:
    if isinstance(node, list):
        return [_resolved(each, definitions, above) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(reference := node.get("$ref"), str):
        return _inlined(reference.removeprefix(_REFERENCE), definitions, above)
    return {key: _resolved(value, definitions, above) for key, value in node.items()}


def strict(schema: Mapping[str, Json]) -> Schema:
    """The JSON schema (draft 4) that allows what `schema` names and nothing else.

    An object stays open only where it names no fields, or has `x-kubernetes-preserve-unknown-fields`.
    """
    done: Schema = {key: value for key, value in schema.items() if key not in _DROPPED and not _is_extension(key)}
    for key in ("items", "additionalProperties", "not"):
        if isinstance(below := schema.get(key), dict):
            done[key] = strict(below)
    for key in _MANY:
        if isinstance(several := schema.get(key), list):
            done[key] = [strict(each) if isinstance(each, dict) else each for each in several]
    if _is_int_or_string(schema):
        done.update({"type": ["integer", "string"]})
        done.pop("anyOf", None)
        done.pop("format", None)
    if isinstance(pattern := schema.get("pattern"), str) and _ANY_CASE in pattern:
        # Go takes the flag anywhere, Python and JSON schema at the beginning alone.
        done["pattern"] = _ANY_CASE + pattern.replace(_ANY_CASE, "")
    _close(done, schema)
    if schema.get("nullable") and isinstance(kind := done.get("type"), str):
        done["type"] = [kind, "null"]
    return done


def _close(done: Schema, schema: Mapping[str, Json]) -> None:
    fields = schema.get("properties")
    if not isinstance(fields, dict):
        return
    done["properties"] = {name: strict(below) if isinstance(below, dict) else below for name, below in fields.items()}
    # Without a type it is a condition inside allOf, anyOf or not: closing that would refuse the fields beside it.
    if schema.get("type") == "object" and not schema.get("x-kubernetes-preserve-unknown-fields"):
        done.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-embedded-resource"):
        own: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
        done["properties"] = {**own, **cast(Schema, done["properties"])}


def _is_extension(key: str) -> bool:
    return key.startswith("x-kubernetes-")


def _is_int_or_string(schema: Mapping[str, Json]) -> bool:
    return bool(schema.get("x-kubernetes-int-or-string")) or schema.get("format") == "int-or-string"
