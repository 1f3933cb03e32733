"""The chart's README: what is written by hand, and below its mark a table of every value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from dev.chart.values_file import Value, leaves
from hadir.core.errors import ConfigError

__all__ = ["MARK", "readme"]

MARK = "<!-- Below: written from values.yaml by `python -m dev.chart.write`. -->"


def readme(before: str, values: Sequence[Value]) -> str:
    """The same README with the tables anew. Raises ConfigError where it has no mark."""
    by_hand, mark, _ = before.partition(MARK)
    if not mark:
        raise ConfigError(f"README.md has no line {MARK!r}: the values go below it")
    tables = "\n".join(_table(value) for value in values if value.children)
    single = [value for value in values if not value.children]
    return f"{by_hand}{MARK}\n\n## Values\n\n{tables}\n### Others\n\n{_rows(single)}"


def _table(section: Value) -> str:
    return f"### {section.name}\n\n{_rows(leaves(section.children))}"


def _rows(values: Iterable[Value]) -> str:
    rows = "".join(
        f"| `{value.name}` | {_default(value)} | {value.says.replace('|', chr(92) + '|')} |\n" for value in values
    )
    return f"| key | default | what it does |\n|---|---|---|\n{rows}"


def _default(value: Value) -> str:
    text = json.dumps(value.default, ensure_ascii=False)
    return f"`{text.replace('|', chr(92) + '|')}`" if len(text) <= 60 else "see values.yaml"
