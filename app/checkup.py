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
from hadir.app.store_checkup import store_checks
from hadir.core.settings import Settings

__all__ = ["Finding", "checkup"]

_PACKAGES = ("ray", "kafka-python", "faiss-cpu", "onnxruntime", "insightface", "opencv-python-headless", "pyarrow")
_RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
_CV2 = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


def checkup(settings: Settings) -> list[Finding]:
    """Look at everything; takes a few seconds, changes nothing."""
    checks: tuple[tuple[str, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("python", _python),
        ("packages", _packages),
        ("pack", _pack),
        ("liveness", _liveness),
        *store_checks(),
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


def _rules(settings: Settings) -> Iterator[Finding]:
    """Roster, units, sites, placements, shifts and policy, read together as a run reads them."""
    from hadir.app.wiring import assembler, policy_of
    from hadir.attendance.roster import Roster
    from hadir.attendance.yardsticks import Yardsticks
    from hadir.core.clock import SystemClock

    policy = policy_of(settings)
    yield Finding("policy", "ok", policy.id)
    roster = Path(settings.attendance.roster)
    if not roster.exists():
        yield Finding("roster", "missing", f"none at {roster}", "name yours in [attendance] roster")
        return
    yield Finding("roster", "ok", f"{len(Roster.load(roster))} people in {roster}")
    assembler(settings, policy, Yardsticks(policy), SystemClock().now_ms())
    yield Finding("rules", "ok", "units, sites, placements and shifts fit the roster")


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


def _ray(settings: Settings) -> Iterator[Finding]:
    if settings.run.pool == "ray" and settings.pool.ray_address:
        from hadir.app.cluster_checkup import cluster_findings

        yield from cluster_findings(settings)
        return
    from hadir.actors.listeners import ray_listeners

    beyond = [place for place in ray_listeners() if not place.loopback]
    if beyond:
        where = ", ".join(f"{place.address} ({place.process})" for place in beyond[:5])
        yield Finding(
            "ray", "bad", f"Ray listens beyond loopback: {where}", "start it through hadir, or require tokens"
        )
    else:
        yield Finding("ray", "ok", f"listeners of running Rays: {len(ray_listeners())}, all on loopback")
