"""What is kept of people, as the doctor looks at it: gallery, encryption, snapshots and who serves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hadir.app.finding import Check, Finding
from hadir.core.settings import Settings

__all__ = ["store_checks"]

_MORE_DATA = "enrol more people and hadir index build; or a higher rate in the policy, or a stronger pack"


def store_checks() -> tuple[tuple[str, Check], ...]:
    """Each with its name."""
    return (
        ("gallery", _gallery),
        ("encryption", _encryption),
        ("snapshot", _snapshot),
        ("previous", _previous),
        ("replicas", _replicas),
    )


def _gallery(settings: Settings) -> Iterator[Finding]:
    from hadir.app.stores import gallery_root
    from hadir.index.galleries import galleries
    from hadir.index.refusals import Refusals

    root = gallery_root(settings)
    found = galleries(root)
    if not found:
        yield Finding("gallery", "note", f"none at {root.uri}", "hadir enroll PHOTOS makes it")
    for gallery in found:
        templates, space = gallery.templates(), gallery.space
        Refusals(gallery.storage).all()
        people = len({t.person for t in templates})
        yield Finding("gallery", "ok", f"{people} people, {len(templates)} templates of {space.pack} {space.precision}")
        if ungrounded := sum(t.legal_basis is None for t in templates):
            yield Finding(
                "legal basis",
                "note",
                f"{ungrounded} templates of {space.pack} name no legal basis",
                "hadir enroll PHOTOS --legal-basis TEXT",
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
        do = "hadir enroll, hadir index build, hadir index promote"
        yield Finding("snapshot", "missing", f"none serves under {settings.stores.snapshots}", do)
        return
    served = serving(settings)
    manifest = served.snapshot.manifest
    people = f"{manifest.id}: {manifest.people} people, {manifest.synthetic} synthetic"
    if not manifest.people:
        yield Finding("snapshot", "missing", f"{people}: nobody would be recognised", "hadir enroll PHOTOS --serve")
        return
    yield Finding("snapshot", "ok", f"{people}, by pack {served.pack.name}, licence: {served.pack.licence}")
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


def _previous(settings: Settings) -> Iterator[Finding]:
    """What a rollback would serve, tried as a running pipeline would load it."""
    from hadir.app.wiring import serving_of
    from hadir.index.pointers import read_pointers, snapshot_folder

    root = Path(settings.stores.snapshots)
    if (previous := read_pointers(root).previous) is None:
        return
    served = serving_of(settings, snapshot_folder(root, previous))
    yield Finding("previous", "ok", f"{previous}: hadir index rollback serves it, by pack {served.pack.name}")


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
