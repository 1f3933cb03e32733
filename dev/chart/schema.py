"""values.schema.json, from values.yaml and from Hadir's own settings: what is wrong is refused by name at install.

Every section is closed. What Kubernetes defines itself (tolerations, resources, ...) is left to its API server.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dev.chart.values_file import Value
from hadir.core.settings import Settings

__all__ = ["values_schema"]

Schema = dict[str, Any]

_CLOCK: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
_GROUP_NAME: Final = "^[a-z][a-z0-9-]{0,19}$"
_SECRET_NAME: Final = "([Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]|[Ss][Ee][Cc][Rr][Ee][Tt]|[Tt][Oo][Kk][Ee][Nn])"  # noqa: S105
_URL_WITH_PASSWORD: Final = "://[^/@]*:[^/@]*@"  # noqa: S105

_KEYWORDS: Final = ("enum", "maxLength", "maximum", "minLength", "minimum", "pattern")
_TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def values_schema(values: Sequence[Value]) -> Schema:
    """JSON Schema (draft 7) of everything that may be set."""
    top = _section(values)
    top["properties"]["global"] = {"type": "object", "description": "Helm's own, where this is a chart's dependency."}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "hadir", **top}


def _section(values: Sequence[Value]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {value.path[-1]: _schema(value) for value in values},
    }


def _schema(value: Value) -> Schema:
    special = _SPECIAL.get(value.name)
    made = special(value) if special else _section(value.children) if value.children else _leaf(value)
    return made | ({"description": value.says} if value.says else {})


def _leaf(value: Value) -> Schema:
    made: Schema = {"type": _TYPES[type(value.default)]}
    made |= {keyword: value.rules[keyword] for keyword in _KEYWORDS if keyword in value.rules}
    if made["type"] == "array":
        made["items"] = {"type": value.rules.get("item", "object")}
    if "values" in value.rules:
        made["additionalProperties"] = {"type": value.rules["values"]}
    return made


def _groups(value: Value) -> Schema:
    """Any number of groups, each with the keys of the first; whoever adds one says how large it is."""
    group = _schema(value.children[0])
    group["required"] = ["replicas", "faceWorkers", "resources"]
    return {
        "type": "object",
        "propertyNames": {"pattern": _GROUP_NAME},
        "minProperties": 1,
        "additionalProperties": group,
    }


def _windows(_: Value) -> Schema:
    clock = {"type": "string", "pattern": _CLOCK}
    days = {"type": "string", "pattern": r"^(\*|[0-7](-[0-7])?(,[0-7](-[0-7])?)*)$"}
    window = {
        "type": "object",
        "additionalProperties": False,
        "required": ["days", "from", "until"],
        "properties": {"days": days, "from": clock, "until": clock},
    }
    return {"type": "array", "minItems": 1, "items": window}


def _environment(_: Value) -> Schema:
    """A variable whose name says that it is a secret comes from one."""
    secret = {"properties": {"name": {"pattern": _SECRET_NAME}}}
    return {
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "value": {"type": "string"}, "valueFrom": {"type": "object"}},
            "if": secret,
            "then": {"required": ["valueFrom"], "not": {"required": ["value"]}},
        },
    }


def _settings(_: Value) -> Schema:
    """Hadir's settings, every key optional, without places for secrets."""
    model = Settings.model_json_schema()
    sections = {
        name: _without_titles(model["$defs"][section["$ref"].rpartition("/")[2]])
        for name, section in model["properties"].items()
    }
    sections["kafka"]["properties"]["security"]["propertyNames"] = {"not": {"pattern": _SECRET_NAME}}
    sections["ledger"]["properties"]["url"]["not"] = {"pattern": _URL_WITH_PASSWORD}
    return {"type": "object", "additionalProperties": False, "properties": sections}


def _without_titles(section: Mapping[str, Any]) -> Schema:
    made = {key: copy.deepcopy(part) for key, part in section.items() if key not in ("title", "required")}
    for key in made["properties"].values():
        key.pop("title", None)
    return made


_SPECIAL: Final = {
    "common.containerEnv": _environment,
    "config": _settings,
    "ray.workerGroups": _groups,
    "surge.windows": _windows,
}
"""Values whose shape a default cannot say."""
