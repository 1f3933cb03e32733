"""A shadow decides live check-ins beside the snapshot that serves, changes nothing, and says who differs."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.app.cli_shadow import listening
from hadir.app.demo_people import RealPerson
from hadir.app.shadow import ShadowOptions, in_sample, run_shadow
from hadir.app.shadow_report import Judged, ShadowReport
from hadir.core.check_in import Channel
from hadir.core.errors import InputError, SpaceMismatch
from hadir.core.low_priority import in_background
from hadir.index.galleries import only_gallery
from hadir.index.manifest import read_manifest
from hadir.index.snapshot_build import build_snapshot
from hadir.index.storage import Storage
from hadir.pipeline.topics import CHECK_INS, VERDICTS
from tests.app.watched_site import PATIENCE_S, PERSON, Running, Snapshots, build_snapshots, copy_of, started


@pytest.fixture(scope="module")
def built(people: list[RealPerson], tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    return build_snapshots(tmp_path_factory.mktemp("shadowed"), people)


@pytest.fixture
def running(built: Snapshots, tmp_path: Path) -> Iterator[Running]:
    with started(built.site, copy_of(built, tmp_path), tmp_path) as station:
        yield station


def cast(running: Running, snapshot: str, check_ins: int, options: ShadowOptions | None = None) -> Future[ShadowReport]:
    """A shadow that listens already when this returns."""
    ready = threading.Event()
    future = in_background(
        lambda: run_shadow(
            running.settings,
            snapshot,
            check_ins,
            options or ShadowOptions(listen_s=PATIENCE_S),
            log=running.log,
            topic=CHECK_INS,
            ready=ready.set,
        ),
        "test-shadow",
    )
    assert ready.wait(PATIENCE_S)
    return future


def test_a_snapshot_agrees_with_itself(running: Running, built: Snapshots) -> None:
    shadow = cast(running, built.first, 8)
    running.rows(running.send(8))
    report = shadow.result(PATIENCE_S)
    assert (report.compared, report.changed, report.undecided) == (8, 0, 0)
    difference = report.shift()["difference"]
    assert difference is not None
    assert (difference.count, abs(difference.p95) < 1e-3) == (8, True)


def test_a_photo_that_was_sent_before_is_so_for_the_shadow_as_well(running: Running, built: Snapshots) -> None:
    shadow = cast(running, built.first, 3)
    running.rows(running.send(3, again=True))
    report = shadow.result(PATIENCE_S)
    assert report.table() == Counter({("accepted", "accepted"): 1, ("review", "review"): 2})


def test_a_candidate_of_another_space_is_compared_by_its_own_thresholds(running: Running, built: Snapshots) -> None:
    shadow = cast(running, built.elsewhere, 5)
    running.rows(running.send(5))
    report = shadow.result(PATIENCE_S)
    assert report.table() == Counter({("accepted", "accepted"): 5})
    assert (report.snapshot, report.serving) == (built.elsewhere, built.first)


def test_who_is_missing_in_the_candidate_is_named_by_check_in_and_nothing_is_written(
    running: Running, built: Snapshots
) -> None:
    without = snapshot_without(built, running.root)
    shadow = cast(running, without, 4)
    ids = running.send(4)
    running.rows(ids)
    report = shadow.result(PATIENCE_S)
    assert set(report.flips()) == set(ids)
    assert report.table() == Counter({("accepted", "review"): 4})
    assert {would for _, would in report.why()} == {"not_enrolled"}
    assert PERSON not in str(report.document())
    rows = running.rows(ids)
    assert {row.snapshot for row in rows} == {built.first}
    assert running.station.ledger.counts().rows == 4
    assert sum(1 for record in running.log.read(VERDICTS)) <= 4


def test_what_has_no_face_or_is_not_in_the_sample_is_passed_over(running: Running, built: Snapshots) -> None:
    shadow = cast(running, built.first, 1)
    running.rows([*running.send(3, Channel.FINGERPRINT), *running.send(1)])
    assert shadow.result(PATIENCE_S).passed_over <= 3
    nobody = cast(running, built.first, 1, ShadowOptions(sample=1e-9, listen_s=1.0))
    running.rows(running.send(3))
    report = nobody.result(PATIENCE_S)
    assert (report.compared, report.passed_over) == (0, 3)


def test_what_is_not_decided_in_time_is_counted_and_not_compared(running: Running, built: Snapshots) -> None:
    running.station.stop()
    shadow = cast(running, built.first, 2, ShadowOptions(listen_s=PATIENCE_S, patience_s=0.0))
    running.send(2)
    report = shadow.result(PATIENCE_S)
    assert report.compared + report.undecided == 2


def test_a_candidate_whose_pack_is_not_here_casts_no_shadow(running: Running, built: Snapshots) -> None:
    with pytest.raises(SpaceMismatch):
        run_shadow(running.settings, built.strange, 1, log=running.log)


def test_a_log_of_this_process_alone_has_nothing_to_hear(running: Running, built: Snapshots) -> None:
    with pytest.raises(InputError, match="memory"):
        run_shadow(running.settings, built.first, 1)


def test_the_command_refuses_where_there_is_no_live_log(built: Snapshots) -> None:
    said = built.site("index", "shadow", built.first, "--check-ins", 1)
    assert said.code != 0
    assert "Traceback" not in said.err


@given(st.uuids(version=4))
def test_who_is_in_a_sample_is_in_every_larger_one(identity: uuid.UUID) -> None:
    drawn = [in_sample(str(identity), share) for share in (0.0, 0.1, 0.5, 1.0)]
    assert drawn == sorted(drawn)
    assert (drawn[0], drawn[-1]) == (False, True)


def test_a_sample_is_about_as_large_as_was_asked() -> None:
    ids = [str(uuid.UUID(int=n * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128), version=4)) for n in range(1, 4001)]
    assert 0.15 < sum(in_sample(one, 0.2) for one in ids) / len(ids) < 0.25


def test_a_report_without_anything_compared_says_so() -> None:
    report = ShadowReport("s", None, {}, 3, 1)
    assert (report.document()["agreement"], report.document()["compared"]) == (None, 0)


def test_reasons_of_the_changed_ones_are_counted() -> None:
    accepted, uncertain = Judged("accepted", ("ok",), 0.2), Judged("review", ("similarity_uncertain",), -0.1)
    report = ShadowReport("s", "t", {"a": (accepted, uncertain), "b": (accepted, accepted)}, 0, 0)
    assert report.why() == Counter({("ok", "similarity_uncertain"): 1})
    assert report.document()["agreement"] == 0.5


def snapshot_without(built: Snapshots, root: Path) -> str:
    """The serving snapshot's people but `PERSON`."""
    space = read_manifest(built.root / built.first).space
    whole = only_gallery(Storage(str(built.site.folder / "gallery")), space.name)
    from hadir.index.galleries import gallery_at

    gallery = gallery_at(Storage(str(root.parent / "without")), space)
    gallery.add([one for one in whole.templates() if one.person != PERSON], space.name)
    return build_snapshot(root, gallery, 0, "test").name


def test_waiting_is_told_on_standard_error_also_where_machines_read(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(30, 45) as told:
        assert "30 live check-ins, for 45 s at most" in capsys.readouterr().err
        for count in range(1, 31):
            told(count)
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].endswith("30 / 30")
    assert len(said.err.splitlines()) == 10
    assert said.out == ""
