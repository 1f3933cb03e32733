"""Which metrics and labels an expression names, for tests that hold dashboards and rules against the code."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["Named", "named_in"]

_TOKEN: Final = re.compile(
    r"""
    "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*'       # strings, where Grafana's variables may stand
    | \d[\w.]*(?:(?<=[eE])[+-]\d+)?             # numbers and durations
    | \$\w+ | \$\{\w+\}                         # Grafana's variables
    | [a-zA-Z_:][\w:]*                          # names
    | =~ | !~ | != | == | <= | >= | \S
    """,
    re.VERBOSE,
)
_LISTS: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_AFTER_AN_OPERATOR: Final = frozenset({"(", "by", "without"})
"""What follows the name of a function or an aggregation, and never a metric's."""
_WORDS: Final = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan", "start", "end"})


@dataclass(frozen=True, slots=True)
class Named:
    """`metrics` maps a metric's name to the labels of its selectors; `grouped` are labels of by, on and their like."""

    metrics: dict[str, set[str]]
    grouped: set[str]


def named_in(expr: str) -> Named:
    """Read the names off; `expr` must be PromQL, which Prometheus alone can say."""
    found = Named({}, set())
    tokens = _TOKEN.findall(expr)
    at = 0
    while at < len(tokens):
        token, following = tokens[at], "".join(tokens[at + 1 : at + 2])
        if token.lower() in _LISTS:
            if following == "(":
                end = tokens.index(")", at)
                found.grouped.update(_names(tokens[at + 2 : end]))
                at = end
        elif token.startswith("["):
            at = tokens.index("]", at)
        elif _is_name(token) and token.lower() not in _WORDS and following not in _AFTER_AN_OPERATOR:
            labels = found.metrics.setdefault(token, set())
            if following == "{":
                end = tokens.index("}", at)
                labels.update(_matched(tokens[at + 2 : end]))
                at = end
        at += 1
    return found


def _is_name(token: str) -> bool:
    return token[0].isalpha() or token[0] in "_:"


def _names(tokens: list[str]) -> Iterator[str]:
    return (token for token in tokens if _is_name(token))


def _matched(tokens: list[str]) -> Iterator[str]:
    """The labels of `label="value", ...`: a name before an operator."""
    return (
        label
        for label, operator in itertools.pairwise(tokens)
        if operator in {"=", "!=", "=~", "!~"} and _is_name(label)
    )
