"""One promotion, step by step: which gates are asked, what a shadow decides, who is waited for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hadir.app.options import DEFAULTS
from hadir.app.promoting import Promoting, Shadow, Wish
from hadir.core.clock import ManualClock
from hadir.core.errors import SnapshotError
from hadir.core.settings import load_settings
from hadir.index.acknowledgements import Acknowledgement, acknowledge
from hadir.index.pointers import promote, read_pointers, set_candidate
from hadir.index.promotion import read_history
from tests.app.site import Site


@dataclass(frozen=True, slots=True)
class Found:
    compared: int
    changed: int


@pytest.fixture
def root(served_site: Site, tmp_path: Path) -> Path:
    """Two snapshots of the site's gallery; the second waits."""
    folder = tmp_path / "snapshots"
    for synthetic in (0, 3):
        assert served_site("index", "build", "--synthetic", synthetic, "--snapshots", folder).code == 0
    return folder


def promoting(site: Site, root: Path, shadow: Shadow | None = None, clock: ManualClock | None = None) -> Promoting:
    clock = clock or ManualClock(1_000)
    return Promoting(load_settings(DEFAULTS, site.config), root, clock, clock.advance, shadow=shadow)


def candidate(root: Path) -> str:
    found = read_pointers(root).candidate
    assert found is not None
    return found


def test_a_shadow_is_asked_last_and_its_differences_decide(served_site: Site, root: Path) -> None:
    asked = []

    def shadow(snapshot_id: str, check_ins: int, listen_s: float) -> Found:
        asked.append((snapshot_id, check_ins, listen_s))
        return Found(500, 6)

    before, wanted = read_pointers(root), candidate(root)
    switch = promoting(served_site, root, shadow).promote(wanted, Wish(shadow=500, listen_s=90))
    assert asked == [(wanted, 500, 90)]
    assert [gate.name for gate in switch.failed] == ["shadow"]
    assert switch.gates[-1].figures == {"changed": 6, "compared": 500, "asked": 500}
    assert read_pointers(root) == before


def test_a_shadow_without_differences_lets_pass(served_site: Site, root: Path) -> None:
    wanted = candidate(root)
    promoting(served_site, root, lambda *_: Found(500, 5)).promote(wanted, Wish(shadow=500))
    assert read_pointers(root).current == wanted
    assert read_history(root).promotions[-1].note.gates[-1].name == "shadow"


def test_nobody_casts_a_shadow_for_what_has_failed_already(served_site: Site, root: Path) -> None:
    def never(snapshot_id: str, check_ins: int, listen_s: float) -> Found:
        raise AssertionError((snapshot_id, check_ins, listen_s))

    wanted = candidate(root)
    (root / wanted / "people.json").write_text("[]")
    switch = promoting(served_site, root, never).promote(wanted, Wish("must be", force=True, shadow=500))
    assert [gate.name for gate in switch.failed] == ["snapshot sound"]


def test_what_changed_while_the_gates_were_measured_is_not_overwritten(served_site: Site, root: Path) -> None:
    wanted, first = candidate(root), read_pointers(root).current
    assert first is not None

    def meanwhile(snapshot_id: str, check_ins: int, listen_s: float) -> Found:
        promote(root, snapshot_id)
        promote(root, first)
        set_candidate(root, wanted)
        return Found(check_ins, 0)

    with pytest.raises(SnapshotError, match="changed meanwhile"):
        promoting(served_site, root, meanwhile).promote(wanted, Wish(shadow=10))
    assert read_pointers(root).current == first
    assert [one.to_snapshot for one in read_history(root).promotions] == [first]


def test_replicas_are_waited_for_as_long_as_wished(served_site: Site, root: Path) -> None:
    wanted, clock = candidate(root), ManualClock(1_000)
    before = read_pointers(root).current
    assert before is not None
    acknowledge(root, Acknowledgement("kantor-1", "kantor", 1, before, "space", 2, clock.now_ms()))
    switch = promoting(served_site, root, clock=clock).promote(wanted, Wish(wait_s=5))
    assert switch.agreement is not None
    assert [one.replica for one in switch.agreement.pending] == ["kantor-1"]
    assert 6_000 <= clock.now_ms() < 6_500
