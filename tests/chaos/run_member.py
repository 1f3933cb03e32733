"""`hadir run` as one member of the group in a run: the product's own command, with a watch on every commit.

python -m tests.chaos.run_member --watch FILE [--tokens FILE] [--workers-die] [--mutant NAME] CONFIG
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

from hadir.app.cli import run
from hadir.app.commit_watch import CommitWatch
from hadir.app.log_ends import LogEnds, open_ends
from hadir.app.wiring import open_ledger
from hadir.core.settings import Settings
from tests.chaos.run_mutants import MUTANTS, mutate
from tests.chaos.run_stage import ChaosStageSpec

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Serve until told to stop; the exit code of `hadir run`."""
    parser = argparse.ArgumentParser(prog="run_member", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--watch", type=Path, required=True, help="one line for each violation of invariant 5")
    parser.add_argument("--tokens", default="", help="the vectors that tokens name")
    parser.add_argument("--workers-die", action="store_true", help="of a deadly photo, instead of raising")
    parser.add_argument("--mutant", choices=sorted(MUTANTS))
    options = parser.parse_args(arguments)

    def watched(settings: Settings) -> LogEnds:
        ends = open_ends(settings)
        options.watch.touch()
        # A ledger of its own: what it says is what is there, whatever the loop believes.
        source = CommitWatch(ends.source, open_ledger(settings.ledger.url), ends.topic, partial(_note, options.watch))
        return replace(ends, source=mutate(options.mutant, source) if options.mutant else source)

    stage = partial(ChaosStageSpec, tokens=options.tokens, workers_die=options.workers_die)
    with patch("hadir.app.wiring.StageSpec", stage), patch("hadir.app.log_ends.open_ends", watched):
        return run(["run", "--config", str(options.config), "--json"])


def _note(path: Path, line: str) -> None:
    """On its way to the disk when this returns: the process may be killed at any moment."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
