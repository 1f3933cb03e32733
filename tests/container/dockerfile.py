"""A Dockerfile as data, and which files of the tree its builder may see."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

__all__ = ["Ignored", "Stage", "stages_of"]


@dataclass(slots=True)
class Stage:
    """One FROM and what follows: (instruction, argument) in order, continued lines joined."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """The arguments of every such instruction."""
        return [argument for name, argument in self.steps if name == instruction]


def stages_of(text: str) -> dict[str, Stage]:
    """By name, in order. What stands before the first FROM are its arguments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found: dict[str, Stage] = {}
    stage = None
    for line in filter(str.strip, joined.splitlines()):
        instruction, _, argument = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = argument.partition(" AS ")
            stage = found[name] = Stage(name, base)
        elif stage is not None:
            stage.steps.append((instruction, argument.strip()))
    return found


class Ignored:
    """A .dockerignore as Docker reads it: the last line that fits decides; a folder fits with all that is in it."""

    def __init__(self, path: Path) -> None:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        self._rules = [(line.lstrip("!").strip("/"), line.startswith("!")) for line in lines if line and line[0] != "#"]

    def __contains__(self, name: str) -> bool:
        path = PurePosixPath(name)
        parts = [str(path), *(str(parent) for parent in path.parents if str(parent) != ".")]
        kept = True
        for pattern, keeps in self._rules:
            if any(_fits(one, pattern) for one in parts):
                kept = keeps
        return not kept


def _fits(name: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return _fits(name, pattern[3:]) or fnmatchcase(name.rpartition("/")[2], pattern[3:])
    return name.count("/") == pattern.count("/") and fnmatchcase(name, pattern)
