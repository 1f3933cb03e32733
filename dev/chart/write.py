"""Write the chart's values.schema.json and the tables of its README. `--check` writes nothing: 4 where one differs.

python -m dev.chart.write [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dev.chart.readme import readme
from dev.chart.schema import values_schema
from dev.chart.values_file import CHART, read_values
from hadir.core.errors import HadirError

__all__ = ["chart_files", "main", "stale"]

_DONE, _ERROR, _DIFFER = 0, 1, 4


def chart_files(chart: Path = CHART) -> dict[str, str]:
    """What belongs into the chart's folder: name to text."""
    values = read_values((chart / "values.yaml").read_text("utf-8"))
    schema = json.dumps(values_schema(values), indent=1, ensure_ascii=False) + "\n"
    return {"values.schema.json": schema, "README.md": readme((chart / "README.md").read_text("utf-8"), values)}


def stale(chart: Path = CHART) -> list[str]:
    """Those that are missing or differ."""
    return [
        name
        for name, text in chart_files(chart).items()
        if not (chart / name).is_file() or (chart / name).read_text("utf-8") != text
    ]


def main(arguments: Sequence[str]) -> int:
    """0 done, 1 values.yaml cannot be used, 2 wrong use, 4 with --check where a file is stale."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.chart.write", description=__doc__, epilog="Example:  python -m dev.chart.write --check"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say which files are stale")
    asked = parser.parse_args(arguments)
    try:
        found = stale()
        if not asked.check:
            for name, text in chart_files().items():
                (CHART / name).write_text(text, "utf-8")
    except HadirError as error:
        print(f"error: {error}", file=sys.stderr)
        return _ERROR
    for name in found:
        print(f"{name}: {'stale: python -m dev.chart.write' if asked.check else 'written'}")
    return _DIFFER if asked.check and found else _DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
