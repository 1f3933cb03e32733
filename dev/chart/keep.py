"""Keep the chart as the one that the next upgrade is tested from, when a version is released.

python -m dev.chart.keep        then raise `version` in Chart.yaml

It is packed without rules and dashboards, which other tests compare. Before the first release what is kept is the first
chart that was whole.
"""

from __future__ import annotations

import argparse
import gzip
import io
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from dev.chart.values_file import CHART

__all__ = ["keep", "main", "previous"]

KEPT = CHART.parents[1] / "tests" / "helm" / "previous"


def previous() -> Path:
    """The packed chart that an upgrade starts from."""
    [packed] = KEPT.glob("hadir-*.tgz")
    return packed


def keep(chart: Path = CHART, folder: Path = KEPT) -> Path:
    """Pack `chart` in the place of the one that was kept; the same bytes each time."""
    version = yaml.safe_load((chart / "Chart.yaml").read_text("utf-8"))["version"]
    folder.mkdir(exist_ok=True)
    for old in folder.glob("hadir-*.tgz"):
        old.unlink()
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for file in sorted(path for path in chart.rglob("*") if path.is_file() and _belongs(path.relative_to(chart))):
            member = tarfile.TarInfo(f"hadir/{file.relative_to(chart)}")
            member.size = file.stat().st_size
            with file.open("rb") as content:
                archive.addfile(member, content)
    packed = folder / f"hadir-{version}.tgz"
    packed.write_bytes(gzip.compress(tar.getvalue(), mtime=0))
    return packed


def main(arguments: Sequence[str]) -> int:
    """0 done, 2 wrong use."""
    argparse.ArgumentParser(prog="python -m dev.chart.keep", description=__doc__).parse_args(arguments)
    print(f"kept: {keep().name}")
    return 0


def _belongs(name: Path) -> bool:
    return name.parts[0] != "files" and name.name != "README.md" and "__pycache__" not in name.parts


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
