"""Mutation testing of the rules that nobody may get wrong: `make mutation`, or `python -m dev.mutation decide`.

Each mutant changes one thing in a copy of HEAD; the tests that are named here must fail for it. Survivors are printed:
each must be killed by a test or explained in docs/faults.md. cosmic-ray comes into an environment of its own under
`.cache/mutation`, since it is no part of the workshop's lock. About 20 minutes on two quiet cores.
"""

from __future__ import annotations

import io
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import venv
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".cache" / "mutation"
TOOL = "cosmic-ray==8.7.0"
FLOORS = ("core", "faces", "index", "attendance", "pipeline", "actors", "app")


@dataclass(frozen=True, slots=True)
class Target:
    """Files to change, and the tests that must notice."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = {
    "decide": Target(
        ("attendance/decide.py",),
        tuple(f"tests/attendance/test_decide{part}.py" for part in ("", "_any", "_edges")),
    ),
    "commit": Target(
        ("pipeline/offsets.py", "pipeline/docket.py", "pipeline/writer.py"),
        tuple(f"tests/pipeline/test_{name}.py" for name in ("offsets", "docket", "writer", "run", "crash_anywhere")),
    ),
}


def main(names: list[str]) -> int:
    """0: none survived; 4: some did, and are printed; 2: wrong use."""
    if unknown := set(names) - TARGETS.keys():
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    tool = _tool()
    survivors = [line for name in names or TARGETS for line in _run(tool, name, TARGETS[name])]
    print("\n".join(survivors) or "no mutant survived")
    return 4 if survivors else 0


def _tool() -> Path:
    """cosmic-ray's programs, installed the first time."""
    folder = HOME / "venv"
    if not (folder / "bin" / "cosmic-ray").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", TOOL], check=True)
    return folder / "bin"


def _run(tool: Path, name: str, target: Target) -> list[str]:
    tree, session, config = HOME / name, HOME / f"{name}.sqlite", HOME / f"{name}.toml"
    _copy(tree)
    # Sources of the copy go before those of the editable installation.
    path = f"{tree / 'build' / 'typing'}:{tree}"
    command = f"env PYTHONPATH={path} OMP_NUM_THREADS=1 {sys.executable} -m pytest -q -x -p no:cacheprovider"
    config.write_text(
        f"[cosmic-ray]\nmodule-path = {list(target.files)}\ntimeout = 120.0\nexcluded-modules = []\n"
        f'test-command = "{command} {" ".join(target.tests)}"\n[cosmic-ray.distributor]\nname = "local"\n'
        # Every `|` of these files stands in an annotation, which nobody evaluates.
        '[cosmic-ray.filters.operators-filter]\nexclude-operators = ["core/ReplaceBinaryOperator_BitOr_.*"]\n',
        encoding="utf-8",
    )
    session.unlink(missing_ok=True)
    subprocess.run([tool / "cosmic-ray", "init", config, session], cwd=tree, check=True, capture_output=True)
    subprocess.run([tool / "cr-filter-operators", session, config], cwd=tree, check=True, capture_output=True)
    subprocess.run(["nice", "-n", "15", tool / "cosmic-ray", "exec", config, session], cwd=tree, check=True)
    return _survivors(name, session)


def _copy(tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(tree, filter="data")
    links = tree / "build" / "typing" / "hadir"
    links.mkdir(parents=True)
    for floor in FLOORS:
        (links / floor).symlink_to(tree / floor)


def _survivors(name: str, session: Path) -> list[str]:
    with closing(sqlite3.connect(session)) as results:
        counts = dict(
            results.execute("SELECT test_outcome, count(*) FROM work_results WHERE test_outcome <> '' GROUP BY 1")
        )
        diffs = results.execute("SELECT diff FROM work_results WHERE test_outcome = 'SURVIVED'").fetchall()
    print(f"{name}: {', '.join(f'{count} {outcome.lower()}' for outcome, count in sorted(counts.items()))}")
    return [f"{name}: {_changed(diff)}" for (diff,) in diffs]


def _changed(diff: str) -> str:
    """The two lines that differ."""
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    return "  ->  ".join(line[1:].strip() for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
