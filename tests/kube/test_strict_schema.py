"""OpenAPI into strict JSON schemas: nothing unknown passes, and nothing that Kubernetes takes is refused."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft4Validator

from dev.kube.strict_schema import QUANTITY, Schema, inlined, strict

DEFINITIONS: dict[str, Schema] = {
    "Top": {"type": "object", "properties": {"below": {"$ref": "#/definitions/Below"}, "many": {"type": "array"}}},
    "Below": {"type": "object", "properties": {"name": {"type": "string"}}},
    "Loop": {"type": "object", "properties": {"again": {"$ref": "#/definitions/Loop"}}},
}


def takes(schema: Schema, value: Any) -> bool:
    return bool(Draft4Validator(strict(schema)).is_valid(value))


def test_references_are_inlined_at_every_depth() -> None:
    assert inlined("Top", DEFINITIONS)["properties"]["below"] == DEFINITIONS["Below"]  # type: ignore[call-overload, index]  # JSON


def test_a_definition_that_holds_itself_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="Loop holds itself"):
        inlined("Loop", DEFINITIONS)


def test_an_unknown_field_is_refused_at_every_depth() -> None:
    schema = inlined("Top", DEFINITIONS)
    assert takes(schema, {"below": {"name": "a"}})
    assert not takes(schema, {"belwo": {}})
    assert not takes(schema, {"below": {"nmae": "a"}})


def test_an_unknown_field_in_a_list_and_in_a_map_is_refused() -> None:
    for schema in (
        {"type": "array", "items": DEFINITIONS["Below"]},
        {"type": "object", "additionalProperties": DEFINITIONS["Below"]},
    ):
        wrap = (lambda one: [one]) if schema["type"] == "array" else (lambda one: {"any": one})
        assert takes(schema, wrap({"name": "a"}))  # type: ignore[arg-type]  # JSON
        assert not takes(schema, wrap({"nmae": "a"}))  # type: ignore[arg-type]  # JSON


def test_an_object_that_says_it_is_open_stays_open() -> None:
    fields: Schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert not takes(fields, {"b": 1})
    assert takes({**fields, "x-kubernetes-preserve-unknown-fields": True}, {"b": 1})
    assert takes({"type": "object"}, {"b": 1})


def test_a_condition_does_not_close_the_object_around_it() -> None:
    schema: Schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "anyOf": [{"properties": {"a": {"enum": ["x"]}}, "required": ["a"]}, {"required": ["b"]}],
    }
    assert takes(schema, {"a": "x", "b": "y"})
    assert not takes(schema, {"a": "z"})


def test_null_is_taken_only_where_the_schema_says_so() -> None:
    assert not takes({"type": "string"}, None)
    assert takes({"type": "string", "nullable": True}, None)


def test_a_port_may_be_a_number_or_a_name_and_nothing_else() -> None:
    for schema in (
        {"type": "string", "format": "int-or-string"},
        {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
    ):
        assert takes(schema, 80)  # type: ignore[arg-type]  # JSON
        assert takes(schema, "http")  # type: ignore[arg-type]  # JSON
        assert not takes(schema, 1.5)  # type: ignore[arg-type]  # JSON


def test_a_pattern_of_any_case_is_read_as_go_reads_it() -> None:
    schema: Schema = {"type": "string", "pattern": "^(?i)(abort|warn)?$"}
    assert takes(schema, "Warn")
    assert not takes(schema, "warning")


def test_a_field_may_be_named_like_a_word_of_the_schema() -> None:
    schema: Schema = {
        "type": "object",
        "properties": {"description": {"type": "string"}, "default": {"type": "string"}},
    }
    assert takes(schema, {"description": "a", "default": "b"})


@pytest.mark.parametrize(
    ("text", "good"), [("500m", True), ("1.5Gi", True), ("1e3", True), ("2Gb", False), ("", False)]
)
def test_a_quantity_is_written_as_kubernetes_reads_it(text: str, good: bool) -> None:
    schema = inlined("io.k8s.apimachinery.pkg.api.resource.Quantity", {})
    assert schema["pattern"] == QUANTITY
    assert takes(schema, text) is good
    assert takes(schema, 2)
