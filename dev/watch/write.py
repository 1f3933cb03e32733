"""`make watch`: write the rules and dashboards that Hadir ships anew. `--check` writes nothing: 4 where any differ.

python -m dev.watch.write [--check]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from dev.watch.dashboards import dashboard_files
from dev.watch.rules import rules_text
from hadir.core.errors import HadirError

__all__ = ["main", "stale", "watch_files"]

FILES: Final = Path(__file__).resolve().parents[2] / "helm" / "hadir" / "files"
_DONE, _ERROR, _DIFFER = 0, 1, 4


def watch_files() -> dict[str, str]:
    """What belongs below helm/hadir/files: path to text."""
    dashboards = {f"dashboards/{name}": text for name, text in dashboard_files().items()}
    return {"rules.yaml": rules_text(), **dashboards}


def stale(wanted: Mapping[str, str], folder: Path = FILES) -> list[str]:
    """Those that are missing, differ, or (of the dashboards) should not be there."""
    found = {str(path.relative_to(folder)) for path in folder.glob("dashboards/*.json")}
    differ = {name for name, text in wanted.items() if not _says(folder / name, text)}
    return sorted(differ | (found - set(wanted)))


def main(arguments: Sequence[str]) -> int:
    """0 done, 1 the objectives cannot be used, 2 wrong use, 4 with --check where a file is stale."""
    parser = argparse.ArgumentParser(prog="python -m dev.watch.write", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, name the files that are not as they should"
    )
    options = parser.parse_args(arguments)
    try:
        wanted = watch_files()
    except HadirError as err:
        print(f"watch: {err}", file=sys.stderr)
        return _ERROR
    names = stale(wanted)
    if options.check:
        print("\n".join(names) or "rules and dashboards are as they should be")
        return _DIFFER if names else _DONE
    for name in names:
        _write(FILES / name, wanted.get(name))
    print("\n".join(f"written: {name}" for name in names) or "nothing has changed")
    return _DONE


def _says(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
