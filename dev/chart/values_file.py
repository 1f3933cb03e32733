"""values.yaml read as its own documentation: every value with its default, its `# --` sentence and its `# @schema`.

`# --` above a key says what it does, as helm-docs reads it; `# @schema` behind a key narrows what it may be, pairs of
`name: value` separated by semicolons. A block of keys without sentences of their own is one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from hadir.core.errors import ConfigError

__all__ = ["CHART", "Value", "leaves", "read_values"]

CHART = Path(__file__).resolve().parents[2] / "helm" / "hadir"

_SAYS, _RULES = "# --", "# @schema"


@dataclass(frozen=True, slots=True)
class Value:
    """A key of values.yaml. With `children` it is a section, without any a value of its own."""

    path: tuple[str, ...]
    default: object
    says: str = ""
    rules: Mapping[str, object] = field(default_factory=dict)
    children: tuple[Value, ...] = ()

    @property
    def name(self) -> str:
        """As one writes it after --set."""
        return ".".join(self.path)


def read_values(text: str) -> tuple[Value, ...]:
    """The top-level keys, in their order.

    Raises:
        ConfigError: a value has no sentence, or its rules cannot be read; its name and line are named.
    """
    root = yaml.compose(text)
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError("values.yaml: expected keys with values")
    return _children(root, (), text.splitlines(), yaml.safe_load(text))


def leaves(values: Sequence[Value]) -> Iterator[Value]:
    """Those that somebody can set, in their order."""
    for value in values:
        if value.children:
            yield from leaves(value.children)
        else:
            yield value


def _children(
    node: yaml.MappingNode, path: tuple[str, ...], lines: list[str], defaults: Mapping[str, object]
) -> tuple[Value, ...]:
    return tuple(
        _value((*path, key.value), key.start_mark.line, below, lines, defaults[key.value]) for key, below in node.value
    )


def _value(path: tuple[str, ...], line: int, node: yaml.Node, lines: list[str], default: object) -> Value:
    says, rules = _sentence(lines, line), _rules(lines[line], path)
    if (block := _block(node)) and isinstance(default, dict) and (not says or _any_sentence(block, lines)):
        return Value(path, default, says, rules, _children(block, path, lines, default))
    if not says:
        raise ConfigError(
            f"values.yaml, line {line + 1}: {'.'.join(path)} has no sentence: add one that begins with '# --'"
        )
    return Value(path, default, says, rules)


def _block(node: yaml.Node) -> yaml.MappingNode | None:
    """Keys on lines of their own; `{a: b}` is a value."""
    return node if isinstance(node, yaml.MappingNode) and not node.flow_style else None


def _any_sentence(node: yaml.Node, lines: Sequence[str]) -> bool:
    return isinstance(node, yaml.MappingNode) and any(
        _sentence(lines, key.start_mark.line) or _any_sentence(below, lines) for key, below in node.value
    )


def _sentence(lines: Sequence[str], line: int) -> str:
    """The comment right above, from its `# --` on."""
    above: list[str] = []
    for text in reversed(lines[:line]):
        if not text.strip().startswith("#"):
            break
        above.insert(0, text.strip())
        if text.strip().startswith(_SAYS):
            return " ".join(part.removeprefix(_SAYS).removeprefix("#").strip() for part in above)
    return ""


def _rules(text: str, path: tuple[str, ...]) -> Mapping[str, object]:
    _, found, rules = text.partition(_RULES)
    if not found:
        return {}
    try:
        return {name: value for part in rules.split(";") for name, value in yaml.safe_load(part).items()}
    except (yaml.YAMLError, AttributeError) as err:
        raise ConfigError(f"values.yaml: {_RULES} of {'.'.join(path)}: expected name: value; name: value") from err
