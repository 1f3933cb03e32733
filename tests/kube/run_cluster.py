"""`make cluster-test`: does a real Kubernetes API server take the chart, and does it refuse what is wrong by name?

    python -m tests.kube.run_cluster [--json]

Each profile is validated strictly and its pods are admitted under the Pod Security Standard `restricted`; then the
real Helm installs the chart before, upgrades it to this one and to the next, rolls back and removes it. Exit codes: 0
all was taken and every planted mistake refused; 1 a part is missing, said in one line; 4 something was refused that
should not be, or taken that should not be.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dev.chart.keep import previous
from dev.kube.api_server import ApiServer, running_api_server
from dev.kube.installing import STEPS, Installation, Trial
from dev.kube.parts import build
from dev.kube.planted import Refusal, refusals
from hadir.core.errors import HadirError, SetupError
from tests.helm.pods import pods
from tests.helm.rendering import PROFILES
from tests.source_tree import ROOT

__all__ = ["CHART", "Outcome", "main", "measure", "pod_documents"]

CHART = ROOT / "helm" / "hadir"
RICHEST = "cpu"
"""The profile whose documents hold every kind that a mistake is planted in."""
_DONE, _ERROR, _REFUSED = 0, 1, 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one run."""

    kubernetes: str
    trials: tuple[Trial, ...]
    refusals: tuple[Refusal, ...]

    @property
    def good(self) -> bool:
        return all(trial.good for trial in self.trials) and all(refusal.good for refusal in self.refusals)


def main(arguments: Sequence[str]) -> int:
    """Build what is missing, run, print."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        build("helm", "apiserver")
        with tempfile.TemporaryDirectory(prefix="hadir-kube-") as folder, running_api_server(Path(folder)) as server:
            outcome = measure(server, CHART, previous(), Path(folder))
    except HadirError as err:
        sys.stderr.write(f"cluster-test: {err}\n")
        return _ERROR
    except KeyboardInterrupt:
        sys.stderr.write("cluster-test: stopped; nothing of it is left\n")
        return 128 + signal.SIGINT
    if options.json:
        sys.stdout.write(json.dumps({"good": outcome.good, **asdict(outcome)}, indent=1) + "\n")
    else:
        _show(outcome)
    return _DONE if outcome.good else _REFUSED


def measure(server: ApiServer, chart: Path, before: Path, folder: Path) -> Outcome:
    """Every profile of `chart`, upgraded from the packed chart `before`, then the planted mistakes.

    Raises:
        SetupError: Helm cannot render a profile, or a part does not answer.
    """
    trials = []
    for profile in PROFILES:
        installation = Installation(server, chart, before, profile, folder)
        trials.append(installation.trial(pod_documents(installation.documents())))
    richest = Installation(server, chart, before, RICHEST, folder)
    documents = richest.documents()
    planted = refusals([*pod_documents(documents), *documents], richest.checked)
    return Outcome(_version(server), tuple(trials), tuple(planted))


def pod_documents(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pods that controllers would make, for the admission to judge: it looks at pods, never at what makes them."""
    return [_pod_document(pod.where, pod.labels, pod.spec) for pod in pods(documents)]


def _pod_document(where: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> dict[str, Any]:
    name = "".join(letter if letter.isalnum() else "-" for letter in where.lower())
    metadata = {"name": name[-63:].strip("-"), "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _version(server: ApiServer) -> str:
    answer = server.kubectl("get", "--raw", "/version")
    if not answer.ok:
        raise SetupError(f"the API server does not say its version: {answer.text[-300:]}")
    return str(json.loads(answer.out)["gitVersion"])


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("make cluster-test", description=__doc__, formatter_class=as_written)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    return parser.parse_args(arguments)


def _show(outcome: Outcome) -> None:
    console = Console()
    console.print(
        f"Kubernetes {outcome.kubernetes}, its own API server: objects taken strictly, pods admitted as restricted.\n"
    )
    console.print(_profiles(outcome.trials))
    for trial in outcome.trials:
        for fault in [*trial.faults, *(f"{step}: {said}" for step, said in trial.steps.items() if said)]:
            console.print(f"  {trial.profile}: {escape(fault)}", highlight=False)
    console.print()
    console.print(_mistakes(outcome.refusals))
    for refusal in outcome.refusals:
        if not refusal.good:
            console.print(f"  {refusal.planted}: {escape(refusal.said)}", highlight=False)


def _profiles(trials: Sequence[Trial]) -> Table:
    table = _table("profile", "accepted", "admitted", *STEPS)
    for trial in trials:
        counts = (f"{trial.accepted} of {trial.objects}", f"{trial.admitted} of {trial.pods}")
        table.add_row(trial.profile, *counts, *("FAILED" if trial.steps[step] else "ok" for step in STEPS))
    return table


def _mistakes(refused: Sequence[Refusal]) -> Table:
    table = _table("planted mistake", "refused", "by the words")
    table.columns[-1].overflow = "fold"
    for refusal in refused:
        table.add_row(refusal.planted, "yes" if refusal.good else "NO", escape(" … ".join(refusal.named)))
    return table


def _table(*columns: str) -> Table:
    """Narrow enough for a terminal of 80 characters."""
    return Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
