"""`make chart-test`: the chart's profiles against every check that needs no cluster.

    python -m tests.kube.run_chart [--changes] [--json]

lint: `helm lint --strict`. documents: how many are rendered. schemas: every one against the real schema of its kind,
strictly. kubeconform: the same by the program that SREs use, where it is built. policy: the chart's own (tests/helm).
upgrade: what it changes against the chart before and may not; --changes prints all that it changes.
Exit codes: 0 all passed; 1 a part is missing, said in one line; 4 a check failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dev.kube.parts import build, missing_part, program
from dev.kube.validation import faults, write_layout
from hadir.core.errors import HadirError, SetupError
from tests.helm.policy import breaches
from tests.helm.rendering import PROFILES, Refused, lint, missing_helm, render, rendered_text
from tests.helm.upgrade import breaks, changes, upgraded

__all__ = ["CHECKS", "Check", "Result", "check", "kubeconform", "main", "status_of"]

_DONE, _ERROR, _FAILED = 0, 1, 4
_SHOWN = 240
"""Characters of a changed field in the table's list; --json has them all."""

Check: TypeAlias = Callable[[str], list[str]]
"""Of a profile: what is wrong, a line each."""

CHECKS: Mapping[str, Check] = {
    "lint": lint,
    "schemas": lambda profile: faults(render(profile)),
    "kubeconform": lambda profile: kubeconform(rendered_text(profile)),
    "policy": lambda profile: breaches(render(profile)),
    "upgrade": lambda profile: breaks(*upgraded(profile)),
}


@dataclass(frozen=True, slots=True)
class Result:
    """Of one check on one profile. `skipped` says why it could not be made."""

    profile: str
    check: str
    faults: tuple[str, ...] = ()
    skipped: str = ""


def main(arguments: Sequence[str]) -> int:
    """Build what is missing where that can be done, check, print."""
    options = _options(arguments)
    try:
        _build_where_possible()
        if (missing := missing_helm()) is not None:
            raise SetupError(missing)
        results = [check(profile, name) for profile in PROFILES for name in CHECKS]
        documents = {profile: len(render(profile)) for profile in PROFILES}
        changed = {profile: changes(profile) for profile in PROFILES}
    except (HadirError, Refused) as err:
        sys.stderr.write(f"chart-test: {' '.join(str(err).split())}\n")
        return _ERROR
    if options.json:
        report = {"good": status_of(results) == _DONE, "documents": documents, "changes": changed}
        sys.stdout.write(json.dumps({**report, "results": [asdict(result) for result in results]}, indent=1) + "\n")
    else:
        _show(results, documents)
        _show_changes(changed if options.changes else {})
    return status_of(results)


def check(profile: str, name: str, checks: Mapping[str, Check] = CHECKS) -> Result:
    """Make one check. A part that is missing is a skip with its reason, never a pass."""
    try:
        return Result(profile, name, tuple(checks[name](profile)))
    except SetupError as err:
        return Result(profile, name, skipped=str(err))


def status_of(results: Sequence[Result]) -> int:
    """4 where any check found anything; a check that could not be made does not fail the rest."""
    return _FAILED if any(result.faults for result in results) else _DONE


def kubeconform(rendered: str) -> list[str]:
    """What kubeconform finds wrong in rendered documents. Raises SetupError where it is not built."""
    command = [str(program("kubeconform")), "-strict", "-output", "json", "-schema-location"]
    with tempfile.TemporaryDirectory() as folder:
        command.append(str(write_layout(Path(folder))))
        done = subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)
    try:
        resources = json.loads(done.stdout)["resources"]
    except (ValueError, KeyError) as err:
        raise SetupError(f"kubeconform does not answer: {done.stderr.strip()[-300:]}") from err
    # Only what is not valid is listed.
    return [f"{one['kind']}/{one['name']}: {one['msg']}" for one in resources or ()]


def _build_where_possible() -> None:
    """Without Go the checks go by the SDK of Helm inside Python, and kubeconform is skipped."""
    if missing_part("helm", "kubeconform") is not None:
        try:
            build("helm", "kubeconform")
        except SetupError as err:
            sys.stderr.write(f"chart-test goes on without: {err}\n")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("make chart-test", description=__doc__, formatter_class=as_written)
    parser.add_argument("--changes", action="store_true", help="print every field that an upgrade changes")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    return parser.parse_args(arguments)


def _show(results: Sequence[Result], documents: Mapping[str, int]) -> None:
    console = Console()
    table = Table("profile", "documents", *CHECKS, box=box.SIMPLE)
    for profile, number in documents.items():
        cells = [_cell(result) for result in results if result.profile == profile]
        table.add_row(profile, str(number), *cells)
    console.print(table)
    for result in results:
        for fault in result.faults:
            console.print(f"  {result.profile}, {result.check}: {escape(fault)}", highlight=False)
    for reason in sorted({f"{result.check} skipped: {result.skipped}" for result in results if result.skipped}):
        console.print(f"  {escape(reason)}", highlight=False)


def _show_changes(changed: Mapping[str, Sequence[str]]) -> None:
    console = Console()
    for profile, lines in changed.items():
        console.print(f"{profile}: an upgrade from the chart before changes {len(lines)} fields and objects")
        for line in lines:
            shown = line if len(line) <= _SHOWN else line[:_SHOWN] + " …"
            console.print(f"  {escape(shown)}", highlight=False, soft_wrap=True)


def _cell(result: Result) -> str:
    if result.skipped:
        return "skipped"
    return f"{len(result.faults)} WRONG" if result.faults else "ok"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
