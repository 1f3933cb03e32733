"""How a benchmark is called and how it answers: a few lines for people, or one JSON document."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks._conditions import commit, machine
from benchmarks._rounds import Bar, Spread
from hadir.core.errors import HadirError

__all__ = ["ONE_THREAD", "Report", "restart_with_one_thread", "run_benchmark"]

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
"""As the face actors run: libraries read it when they are loaded, so it must stand in a process's first environment."""

_BAR_MISSED, _ERROR = 4, 1


@dataclass(frozen=True, slots=True)
class Report:
    """`figures` by a name that says what it is and its unit; `left_out` says what was not measured and why; `headline`
    is what the JSON document begins with, for whoever wants a number and not its spread."""

    name: str
    conditions: Mapping[str, object]
    figures: Mapping[str, Spread]
    bars: Sequence[Bar]
    left_out: Sequence[str] = field(default=())
    headline: Mapping[str, object] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every bar holds."""
        return all(bar.holds(self.figures) for bar in self.bars)

    def document(self) -> dict[str, object]:
        """For JSON."""
        return {
            "benchmark": self.name,
            **self.headline,
            "commit": commit(),
            "machine": machine(),
            "conditions": dict(self.conditions),
            "figures": {name: spread.document() for name, spread in self.figures.items()},
            "bars": [
                {"figure": b.figure, "bar": f"{b.kind} {b.limit:g}", "passed": b.holds(self.figures)} for b in self.bars
            ],
            "left_out": list(self.left_out),
            "passed": self.passed,
        }

    def lines(self) -> list[str]:
        """For people: median and, in brackets, the smallest and the largest round."""
        head = {"commit": commit(), "machine": machine(), "conditions": self.conditions}
        width = max(map(len, self.figures), default=0)
        return [
            self.name,
            *(f"  {name}: {', '.join(f'{k} {v}' for k, v in facts.items())}" for name, facts in head.items()),
            *(f"  {name:<{width}}  {spread}" for name, spread in self.figures.items()),
            *(f"  left out: {reason}" for reason in self.left_out),
            *(
                f"  {'passed' if bar.holds(self.figures) else 'MISSED'}: {bar.figure} {bar.kind} {bar.limit:g}"
                for bar in self.bars
            ),
        ]


def run_benchmark(
    module: str, measure: Callable[..., Report], arguments: Sequence[str], minutes: float | None = None
) -> int:
    """`python -m benchmarks.X [--rounds N] [--minutes M] [--json]`: 0 all bars hold, 4 one is missed, 1 nothing could
    be measured. `measure` takes the rounds; where there are `minutes`, what it takes by itself, those as well."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=measure.__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds; the median is quoted")
    if minutes is not None:
        parser.add_argument("--minutes", type=float, default=minutes, help="shorter than it takes by itself: said so")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least 1")
    if minutes is not None and not options.minutes > 0:
        parser.error(f"--minutes {options.minutes}: more than none")
    restart_with_one_thread(module, arguments)
    try:
        report = measure(options.rounds) if minutes is None else measure(options.rounds, options.minutes)
    except HadirError as err:
        print(f"{module}: {err}", file=sys.stderr)
        return _ERROR
    print(json.dumps(report.document(), indent=2) if options.json else "\n".join(report.lines()))
    return 0 if report.passed else _BAR_MISSED


def restart_with_one_thread(module: str, arguments: Sequence[str]) -> None:
    """Start again, in the same process, with the environment that the numeric libraries should have been loaded in."""
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        command = [sys.executable, "-m", module, *arguments]
        os.execve(sys.executable, command, {**os.environ, **ONE_THREAD})  # noqa: S606 - this very interpreter
