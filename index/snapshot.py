"""An immutable folder that a search is served from: built aside, checked, renamed into place, never changed.

Vectors lie in FAISS's own format and are mapped into memory, so that all face actors of a machine share one copy. A
snapshot is served only after every checksum, count and space has been compared and sampled people have found themselves
in it: a wrong index would not crash, it would accuse people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hadir.core.errors import SnapshotError
from hadir.index.calibration import Calibration
from hadir.index.flat import FlatIndex
from hadir.index.manifest import MANIFEST, Manifest, read_manifest
from hadir.index.snapshot_checks import (
    check_file,
    check_names,
    open_index,
    read_calibration,
    read_cohorts,
    self_test,
)
from hadir.index.space import require_same_space
from hadir.index.template_cohorts import TemplateCohorts

__all__ = ["Check", "Snapshot", "load_snapshot", "verify_snapshot"]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What serves: who is enrolled, and which similarity means which rate among them; `cohorts` where scores are
    normalised before they are compared."""

    manifest: Manifest
    index: FlatIndex
    calibration: Calibration
    cohorts: TemplateCohorts | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing `verify_snapshot` looked at; `problem` says what is wrong and what to do, None where all is well."""

    name: str
    problem: str | None = None


def load_snapshot(path: Path, embedding_space: str | None = None) -> Snapshot:
    """Check everything, then serve.

    Raises:
        SpaceMismatch: the snapshot is not of `embedding_space`; both are named.
        SnapshotError: a file is missing or altered, counts disagree, or people do not find themselves.
    """
    manifest = read_manifest(path)
    if embedding_space is not None:
        require_same_space(f"snapshot {manifest.id}", manifest.space.name, embedding_space)
    check_names(path, manifest)
    for name in sorted(manifest.files):
        check_file(path, manifest, name)
    index, calibration = open_index(path, manifest), read_calibration(path)
    snapshot = Snapshot(manifest, index, calibration, read_cohorts(path, manifest, index, calibration))
    self_test(snapshot.index, manifest.space.name)
    return snapshot


def verify_snapshot(path: Path) -> list[Check]:
    """Every check of `load_snapshot` with its result; those that need a file which failed are left out."""
    try:
        manifest = read_manifest(path)
        check_names(path, manifest)
    except SnapshotError as err:
        return [Check(MANIFEST, str(err))]
    checks = [_tried(name, partial(check_file, path, manifest, name)) for name in sorted(manifest.files)]
    if all(check.problem is None for check in checks):
        checks.append(_tried("thresholds", partial(read_calibration, path)))
        checks.append(_tried("people and vectors", partial(open_index, path, manifest)))
        if checks[-1].problem is None:
            index = open_index(path, manifest)
            checks.append(_tried("self-test", partial(self_test, index, manifest.space.name)))
            if checks[-3].problem is None:
                cohorts = partial(read_cohorts, path, manifest, index, read_calibration(path))
                checks.append(_tried("normalisation", cohorts))
    return [Check(MANIFEST), *checks]


def _tried(name: str, step: Callable[[], object]) -> Check:
    try:
        step()
    except SnapshotError as err:
        return Check(name, str(err))
    return Check(name)
