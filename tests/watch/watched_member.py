"""`hadir run` as a member that is watched: `python -m tests.watch.watched_member --tokens FILE --brake FILE CONFIG`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from unittest.mock import patch

from hadir.app.cli import run
from tests.watch.watched_stage import BrakedStageSpec

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Serve until told to stop; the exit code of `hadir run`."""
    parser = argparse.ArgumentParser(prog="watched_member", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--tokens", required=True, help="the vectors that tokens name")
    parser.add_argument("--brake", required=True, help="while it is there: seconds that a batch takes longer")
    options = parser.parse_args(arguments)
    stage = partial(BrakedStageSpec, tokens=options.tokens, brake=options.brake)
    with patch("hadir.app.wiring.StageSpec", stage):
        return run(["run", "--config", str(options.config), "--json"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
