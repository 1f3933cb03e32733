"""Measures what the gates ask about a snapshot, against the one that serves: packs, galleries, replicas, photos."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hadir.app.golden_photos import golden_photos
from hadir.app.honest_judge import HonestJudge
from hadir.app.stores import gallery_root
from hadir.app.wiring import Serving, policy_of, serving_of
from hadir.attendance.yardsticks import Yardsticks
from hadir.core.errors import CalibrationError, HadirError, SnapshotError
from hadir.core.settings import Settings
from hadir.core.thresholds import rate_key
from hadir.core.vectors import Vectors, fuse
from hadir.index.acknowledgements import agreement, read_acknowledgements
from hadir.index.galleries import galleries
from hadir.index.gate_limits import GateLimits, read_limits
from hadir.index.gates import (
    GateResult,
    accuracy_gate,
    calibration_gate,
    pack_gate,
    people_gate,
    rates_gate,
    replicas_gate,
    self_recall_gate,
    snapshot_gate,
    unsupported_probes,
)
from hadir.index.honest_trials import Photos, Side, honest_trials
from hadir.index.manifest import read_manifest
from hadir.index.people import EnrolledPerson, templates_digest
from hadir.index.pointers import Pointers, snapshot_folder
from hadir.index.snapshot import Snapshot, verify_snapshot
from hadir.index.snapshot_checks import SELF_COSINE
from hadir.index.snapshot_diff import enrolled
from hadir.index.templates import Template

__all__ = ["UNFORCEABLE", "GateRun", "limits_of"]

UNFORCEABLE = frozenset({"snapshot sound", "pack is here", "rates supported"})
"""Nobody could serve such a snapshot, whatever the reason to want it."""

_SHIPPED = Path(__file__).with_name("gates.toml")
_SEARCHED_AT_ONCE = 256


def limits_of(settings: Settings) -> GateLimits:
    """The gates that ship, with what the settings' own file says instead. Raises ConfigError."""
    return read_limits(_SHIPPED, Path(settings.stores.gates) if settings.stores.gates else None)


class GateRun:
    """The gates of one folder of snapshots at one moment. Blocks; belongs to one thread."""

    def __init__(self, settings: Settings, root: Path, pointers: Pointers, now_ms: int) -> None:
        """`pointers` as they were read under `root`. Raises ConfigError where the file of gates cannot be used."""
        self.limits = limits_of(settings)
        self._settings = settings
        self._root = root
        self._current = pointers.current
        self._now_ms = now_ms
        self._policy = policy_of(settings)
        self._galleries: dict[str, list[Template]] = {}
        self._served: Serving | None = None
        self._now: Serving | None = None

    def results(self, snapshot_id: str) -> Iterator[GateResult]:
        """Every gate but the shadow's, in turn; ends early where nobody could serve the snapshot.

        Raises:
            SnapshotError: there is no such snapshot.
        """
        for gate in self.servable(snapshot_id):
            yield gate
            if not gate.ok:
                return
        assert self._served is not None
        yield self._people(snapshot_folder(self._root, snapshot_id))
        yield self._self_recall(self._served.snapshot)
        yield self._accuracy(self._served)
        yield self._calibration(self._served)
        yield self._replicas()

    def servable(self, snapshot_id: str) -> Iterator[GateResult]:
        """The gates without which nobody could serve it. Raises as `results`."""
        self._served = None
        folder = snapshot_folder(self._root, snapshot_id)
        sound = snapshot_gate([f"{c.name}: {c.problem}" for c in verify_snapshot(folder) if c.problem is not None])
        yield sound
        if not sound.ok:
            return
        try:
            self._served = serving_of(self._settings, folder)
        except HadirError as error:
            yield pack_gate(read_manifest(folder).space.pack, str(error))
            return
        yield pack_gate(f"{self._served.pack.name}, {self._served.pack.precision}", None)
        yield rates_gate(self._unsupported(self._served))

    def _unsupported(self, served: Serving) -> str | None:
        try:
            Yardsticks(self._policy).register(served.snapshot.manifest.id, served.yardstick)
        except CalibrationError as error:
            return str(error)
        return None

    def _people(self, folder: Path) -> GateResult:
        people = enrolled(folder).people.keys()
        if self._current is None:
            return people_gate(None, people, self.limits.people)
        try:
            current = enrolled(snapshot_folder(self._root, self._current))
        except SnapshotError as error:
            return _incomparable("people kept", error)
        waiting = {template.person for template in self._templates(current.manifest.space.name)}
        return people_gate(current.people.keys() | waiting, people, self.limits.people)

    def _self_recall(self, snapshot: Snapshot) -> GateResult:
        people = [one for one in snapshot.index.people if not one.synthetic]
        vectors = _own_vectors(snapshot, people, self._templates(snapshot.manifest.space.name))
        return self_recall_gate(_found(snapshot, people, vectors), len(people), self.limits.self_recall)

    def _accuracy(self, served: Serving) -> GateResult:
        limits = self.limits.accuracy
        try:
            if (before := self._before()) is None:
                return accuracy_gate(None, space_changes=False, limits=limits)
            trials = honest_trials(self._side(before), self._side(served))
        except HadirError as error:
            return _incomparable("FNMR", error)
        return accuracy_gate(trials, before.pack.embedding_space != served.pack.embedding_space, limits)

    def _before(self) -> Serving | None:
        """What serves now, None where nothing does. Raises HadirError where it cannot be used."""
        if self._current is None:
            return None
        if self._now is None:
            self._now = serving_of(self._settings, snapshot_folder(self._root, self._current))
        return self._now

    def _side(self, served: Serving) -> Side:
        golden = self.limits.accuracy.golden
        if golden:
            photos = golden_photos(served.stage, Path(golden))
        else:
            photos = _photos_of(served.snapshot, self._templates(served.pack.embedding_space))
        return Side(photos, HonestJudge(served, self._policy.accept_fmr))

    def _calibration(self, served: Serving) -> GateResult:
        rates = [rate_key(self._policy.accept_fmr), rate_key(self._policy.review_fmr)]
        try:
            before = self._before()
        except HadirError as error:
            return _incomparable("calibration", error)
        return calibration_gate(
            served.snapshot.calibration,
            served.thresholds,
            rates,
            _photos_fused(served.snapshot),
            self.limits.calibration,
            unsupported_before=None
            if before is None
            else unsupported_probes(before.thresholds, rates, _photos_fused(before.snapshot)),
        )

    def _replicas(self) -> GateResult:
        if self._current is None:
            return replicas_gate(None)
        try:
            told = read_acknowledgements(self._root)
        except SnapshotError as error:
            return _incomparable("replicas agree", error)
        return replicas_gate(agreement(told, self._current, self._now_ms, self.limits.replicas.stale_after_s))

    def _templates(self, space: str) -> list[Template]:
        """Of this space; none where there is no such gallery (any longer)."""
        if space not in self._galleries:
            found = [g for g in galleries(gallery_root(self._settings)) if g.space.name == space]
            self._galleries[space] = found[0].templates() if found else []
        return self._galleries[space]


def _photos_fused(snapshot: Snapshot) -> set[int]:
    """From how many photos templates of real people were fused."""
    return {one.photos for one in snapshot.index.people if not one.synthetic}


def _own_vectors(snapshot: Snapshot, people: list[EnrolledPerson], templates: list[Template]) -> Vectors:
    """Fused anew from the gallery where it still holds the same photos, so that a mix-up of rows would be seen."""
    photos = {person: list(own) for person, own in groupby(templates, lambda t: t.person)}
    rows = []
    for one in people:
        own = photos.get(one.person, [])
        same = templates_digest(t.id for t in own) == one.digest
        rows.append(fuse(np.stack([t.vector for t in own])) if same else snapshot.index.vector(one.person))
    return np.stack(rows)


def _found(snapshot: Snapshot, people: list[EnrolledPerson], vectors: Vectors) -> int:
    """How many are found by their own vector; who is enrolled with the very same photos may stand in for another."""
    found = 0
    for start in range(0, len(people), _SEARCHED_AT_ONCE):
        some = people[start : start + _SEARCHED_AT_ONCE]
        probes = vectors[start : start + len(some)]
        answers = snapshot.index.search(probes, [None] * len(some), snapshot.manifest.space.name, cohort=0)
        for one, probe, answer in zip(some, probes, answers, strict=True):
            best = answer.others[0]
            found += best.similarity >= SELF_COSINE and (
                best.person == one.person or _same(probe, snapshot.index.vector(one.person))
            )
    return found


def _same(probe: NDArray[np.float32], own: NDArray[np.float32]) -> bool:
    return float(probe @ own) >= SELF_COSINE


def _photos_of(snapshot: Snapshot, templates: list[Template]) -> Photos:
    """Of the people of the snapshot, as the gallery of its space holds them now."""
    people = {one.person for one in snapshot.index.people if not one.synthetic}
    photos: dict[str, dict[str, NDArray[np.float32]]] = {}
    for template in templates:
        if template.person in people:
            photos.setdefault(template.person, {})[template.id] = template.vector
    return photos


def _incomparable(gate: str, error: HadirError) -> GateResult:
    """What serves now cannot be compared with: no reason to go on as if it could."""
    return GateResult(gate, str(error), "comparable", ok=False)
