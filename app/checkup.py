"""The parts of an installation, looked at one by one; a check that fails never hides the next one."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from hadir.app.finding import Finding, State, tried
from hadir.app.kafka_checkup import kafka_findings
from hadir.core.settings import Settings

__all__ = ["Finding", "checkup"]

_PACKAGES = ("ray", "kafka-python", "faiss-cpu", "onnxruntime", "insightface", "opencv-python-headless", "pyarrow")
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
_CV2 = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")

_MORE_DATA = "enrol more people and hadir index build; or a higher rate in the policy, or a stronger pack"


def checkup(settings: Settings) -> list[Finding]:
    """Look at everything; takes a few seconds, changes nothing."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("pack", _pack),
        ("liveness", _liveness),
        ("gallery", _gallery),
        ("encryption", _encryption),
        ("snapshot", _snapshot),
        ("replicas", _replicas),
        ("rules", _rules),
        ("ledger", _ledger),
        ("disk", _disk),
        ("kafka", kafka_findings),
        ("ray", _ray),
    )
    return [finding for part, check in checks for finding in tried(part, check, settings)]


def _python(_: Settings) -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.system()}, {cores} cores, {sys.prefix}")


def _packages(_: Settings) -> Iterator[Finding]:
    installed = {d.name.lower().replace("_", "-"): d.version for d in importlib.metadata.distributions()}
    versions = ", ".join(f"{name} {installed[name]}" for name in _PACKAGES if name in installed)
    yield Finding("packages", "ok", versions)
    if missing := [name for name in _PACKAGES if name not in installed]:
        yield Finding("packages", "bad", f"missing: {', '.join(missing)}", "make setup installs them")
    for name, family in (("onnxruntime", _RUNTIMES), ("cv2", _CV2)):
        if len(found := [d for d in family if d in installed]) > 1:
            yield Finding("packages", "bad", f"{', '.join(found)} overwrite one {name}", f"keep only {found[0]}")


def _pack(settings: Settings) -> Iterator[Finding]:
    from hadir.app.stores import pack_folder
    from hadir.app.wiring import runtime_of
    from hadir.faces.packs import load_pack

    runtime = runtime_of(settings)
    info = load_pack(pack_folder(settings), settings.faces.precision, runtime).info
    yield Finding("pack", "ok", f"{info.name}, {info.precision}, on {info.runtime}, licence: {info.licence}")
    if info.runtime != runtime.provider:
        yield Finding("pack", "note", f"runtime {runtime.provider} was asked for, the CPU serves", "make gpu-check")
    if settings.faces.precision == "auto" and info.precision == "fp16":
        yield Finding("pack", "note", "int8 is not exact on this CPU (no VNNI?): fp16 serves, in a space of its own")
    if not info.thresholds.similarity:
        yield Finding("pack", "note", "the pack brings no measured rates", "calibrate on a gallery of your own")


def _liveness(settings: Settings) -> Iterator[Finding]:
    from hadir.app.wiring import runtime_of
    from hadir.faces.liveness import load_liveness

    if not settings.faces.liveness:
        yield Finding("liveness", "note", "not measured: a printed photo or a screen can pass the face check")
        return
    model = load_liveness(Path(settings.faces.liveness), runtime_of(settings))
    yield Finding("liveness", "ok", f"{model.name}, kept as evidence; no rule looks at it")


def _gallery(settings: Settings) -> Iterator[Finding]:
    from hadir.app.stores import gallery_root
    from hadir.index.galleries import galleries

    root = gallery_root(settings)
    found = galleries(root)
    if not found:
        yield Finding("gallery", "note", f"none at {root.uri}", "hadir enroll PHOTOS makes it")
    for gallery in found:
        templates, space = gallery.templates(), gallery.space
        people = len({t.person for t in templates})
        yield Finding("gallery", "ok", f"{people} people, {len(templates)} templates of {space.pack} {space.precision}")
        if ungrounded := sum(t.legal_basis is None for t in templates):
            yield Finding(
                "legal basis", "note", f"{ungrounded} templates name no legal basis", "hadir enroll --legal-basis"
            )


def _encryption(settings: Settings) -> Iterator[Finding]:
    from hadir.app.stores import key_of

    key = key_of(settings)
    if key is None:
        yield Finding(
            "encryption",
            "note",
            "photos, templates and photos of cases are not encrypted",
            "name a key file in [stores] key_file",
        )
    else:
        yield Finding(
            "encryption", "ok", f"photos, templates and photos of cases under key {key.name}; snapshots are not"
        )


def _snapshot(settings: Settings) -> Iterator[Finding]:
    from hadir.app.normalisation_words import normalisation_words
    from hadir.app.wiring import policy_of, serving
    from hadir.index.pointers import read_pointers

    pointers = read_pointers(Path(settings.stores.snapshots))
    if pointers.candidate is not None:
        yield Finding("candidate", "note", f"{pointers.candidate} waits", "hadir index promote lets it serve")
    if pointers.current is None:
        yield Finding("snapshot", "note", f"none serves under {settings.stores.snapshots}", "hadir index build")
        return
    served = serving(settings)
    manifest = served.snapshot.manifest
    yield Finding("snapshot", "ok", f"{manifest.id}: {manifest.people} people, {manifest.synthetic} synthetic")
    yield Finding("normalisation", "ok", normalisation_words(served.snapshot.calibration.normalisation))
    policy = policy_of(settings)
    for name in ("accept_fmr", "review_fmr", "identify_fmr"):
        applied = served.thresholds.at(getattr(policy, name), 1, 1)
        found = f"{name} {applied.fmr:g} = {_similarity(applied.similarity)} in cell 1/1, from {applied.source}"
        if applied.similarity is not None:
            yield Finding("thresholds", "ok", found)
        elif name == "identify_fmr":
            yield Finding("thresholds", "note", found, "impostor_suspected is never issued: enrol more people for it")
        else:
            yield Finding("thresholds", "bad", f"{found}: hadir run refuses to start", _MORE_DATA)


def _similarity(cosine: float | None) -> str:
    return "not enough data" if cosine is None else f"{cosine:.4f} cosine"


def _replicas(settings: Settings) -> Iterator[Finding]:
    from hadir.app.gate_run import limits_of
    from hadir.core.clock import SystemClock
    from hadir.index.acknowledgements import agreement, read_acknowledgements
    from hadir.index.pointers import read_pointers

    root, silent_s = Path(settings.stores.snapshots), limits_of(settings).replicas.stale_after_s
    if (current := read_pointers(root).current) is None:
        return
    found = agreement(read_acknowledgements(root), current, SystemClock().now_ms(), silent_s)
    for one in found.serving:
        yield Finding("replica", "ok", f"{one.replica} serves {one.snapshot} with {one.workers} workers")
    for one in (*found.refusing, *found.pending):
        yield Finding("replica", "bad", f"{one.replica} serves {one.snapshot}, not {current}", one.problem or "")


def _rules(settings: Settings) -> Iterator[Finding]:
    from hadir.app.wiring import policy_of
    from hadir.attendance.roster import Roster

    roster = Path(settings.attendance.roster)
    if not roster.exists():
        yield Finding("roster", "note", f"none at {roster}", "name yours in [attendance] roster")
    else:
        yield Finding("roster", "ok", f"{len(Roster.load(roster))} people in {roster}")
    yield Finding("policy", "ok", policy_of(settings).id)


def _ledger(settings: Settings) -> Iterator[Finding]:
    from hadir.app.wiring import existing_ledger
    from hadir.core.errors import InputError

    try:
        store = existing_ledger(settings.ledger.url)
    except InputError:
        yield Finding("ledger", "note", "none yet", "hadir run makes it")
        return
    with closing(store):
        yield Finding("ledger", "ok", f"{store.counts().rows} check-ins, {store.outbox_depth()} verdicts to publish")


def _disk(settings: Settings) -> Iterator[Finding]:
    from hadir.app.start_checks import LOW_DISK_BYTES, spaces

    for space in spaces(settings):
        state: State = "ok" if space.free_bytes >= LOW_DISK_BYTES else "bad"
        do = "" if state == "ok" else "2 GiB at least: make room"
        yield Finding("disk", state, f"{space.free_bytes / 2**30:.1f} GiB free for {space.what}", do)


def _ray(_: Settings) -> Iterator[Finding]:
    from hadir.actors.listeners import ray_listeners

    beyond = [place for place in ray_listeners() if not place.loopback]
    if beyond:
        where = ", ".join(f"{place.address} ({place.process})" for place in beyond[:5])
        yield Finding(
            "ray", "bad", f"Ray listens beyond loopback: {where}", "start it through hadir, or require tokens"
        )
    else:
        yield Finding("ray", "ok", f"listeners of running Rays: {len(ray_listeners())}, all on loopback")
