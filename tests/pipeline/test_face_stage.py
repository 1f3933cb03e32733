"""A batch of check-ins through pack and index: one call each, every finding its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from hadir.core.errors import SpaceMismatch
from hadir.core.evidence import Candidate, FaceFinding, ImpostorCount, PhotoFinding
from hadir.core.thresholds import Thresholds, ThresholdTable
from hadir.core.timings import StageName
from hadir.core.vectors import Vectors, fuse, normalise
from hadir.core.verdict import Reason
from hadir.faces.pack import CHECK_IN_PHOTOS, ENROLMENT_PHOTOS, PackInfo, PhotoResult, PhotoRules
from hadir.faces.packs import load_pack
from hadir.index.flat import build_flat_index
from hadir.index.normalisation import as_norm, cohort_statistics
from hadir.index.people import EnrolledPerson
from hadir.index.search import SearchResult
from hadir.index.template_cohorts import TemplateCohorts, template_statistics
from hadir.pipeline.face_stage import FaceStage
from hadir.pipeline.impostor_watch import ImpostorWatch
from hadir.pipeline.ports import FaceJob

DIMENSION = 4


def direction(*values: float) -> NDArray[np.float32]:
    vector = np.array(values, dtype=np.float32)
    return cast("NDArray[np.float32]", (vector / np.linalg.norm(vector)).astype(np.float32))


VECTORS = {b"a": direction(1, 0, 0, 0), b"b": direction(1, 1, 0, 0), b"c": direction(0, 1, 0, 0)}


class TinyPack:
    """A vector per photo; `dark` is not usable."""

    def __init__(self, space: str = "space-1") -> None:
        self.calls: list[int] = []
        self._space = space

    @property
    def info(self) -> PackInfo:
        return PackInfo("tiny", "none", self._space, DIMENSION, "fp32", ThresholdTable({}), 0.02)

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        assert rules == CHECK_IN_PHOTOS
        self.calls.append(len(photos))
        return [
            PhotoResult(PhotoFinding(Reason.TOO_DARK), None)
            if photo == b"dark"
            else PhotoResult(PhotoFinding(None), VECTORS[photo])
            for photo in photos
        ]


class TimedPack(TinyPack):
    """Says what it took."""

    def spent(self) -> Mapping[StageName, float]:
        return {StageName.DECODE: 0.25}


class TinyIndex:
    """Two people; the claimed one's similarity is the dot product with `a`."""

    embedding_space = "space-1"

    def __init__(self) -> None:
        self.probes: list[Vectors] = []

    def __len__(self) -> int:
        return 2

    def search(
        self, probes: Vectors, claimed: Sequence[str | None], embedding_space: str, cohort: int = 100
    ) -> list[SearchResult]:
        assert embedding_space == self.embedding_space
        assert cohort == 100
        self.probes.append(probes)
        return [
            SearchResult(
                Candidate(person, float(probe @ VECTORS[b"a"]), 3) if person == "enrolled" else None,
                (Candidate("other", 0.5, 1),),
                np.array([0.5], dtype=np.float32),
            )
            for probe, person in zip(probes, claimed, strict=True)
        ]


@pytest.fixture
def pack() -> TinyPack:
    return TinyPack()


@pytest.fixture
def index() -> TinyIndex:
    return TinyIndex()


@pytest.fixture
def stage(pack: TinyPack, index: TinyIndex) -> FaceStage:
    return FaceStage(pack, index, "snapshot-1")


def job(*photos: bytes, person: str = "enrolled") -> FaceJob:
    return FaceJob(0, person, photos)


def test_a_batch_is_one_call_to_the_pack_and_one_search(stage: FaceStage, pack: TinyPack, index: TinyIndex) -> None:
    findings = stage.process([job(b"a"), job(b"b", b"c"), job(b"dark"), job(b"c")])
    assert pack.calls == [5]
    assert [len(probes) for probes in index.probes] == [4]
    assert [finding.usable for finding in findings] == [1, 2, 0, 1]


def test_the_probe_is_the_mean_of_the_usable_photos(stage: FaceStage, index: TinyIndex) -> None:
    stage.process([job(b"a", b"dark", b"c")])
    np.testing.assert_allclose(index.probes[0][0], fuse(np.stack([VECTORS[b"a"], VECTORS[b"c"]])), atol=1e-6)


def test_the_agreement_is_the_lowest_of_all_pairs(stage: FaceStage) -> None:
    [finding] = stage.process([job(b"a", b"b", b"c")])
    assert finding.agreement == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("photos", [(b"a",), (b"a", b"dark"), (b"dark",)])
def test_below_two_usable_photos_nothing_can_agree(stage: FaceStage, photos: tuple[bytes, ...]) -> None:
    assert stage.process([job(*photos)])[0].agreement is None


def test_every_photo_keeps_its_own_finding_in_order(stage: FaceStage) -> None:
    [finding] = stage.process([job(b"dark", b"a")])
    assert [photo.code for photo in finding.photos] == [Reason.TOO_DARK, None]


@pytest.mark.parametrize(("person", "enrolled"), [("enrolled", True), ("stranger", False)])
def test_without_a_usable_photo_nobody_is_compared_but_enrolment_is_known(
    stage: FaceStage, person: str, enrolled: bool
) -> None:
    [finding] = stage.process([job(b"dark", person=person)])
    assert (finding.enrolled, finding.claimed, finding.others, finding.cohort) == (enrolled, None, (), None)


def test_the_finding_names_space_and_snapshot(stage: FaceStage) -> None:
    [finding] = stage.process([job(b"a")])
    assert (finding.embedding_space, finding.snapshot) == ("space-1", "snapshot-1")
    assert finding.claimed == Candidate("enrolled", 1.0, 3)


def test_what_the_pack_and_the_search_took_is_told_together(index: TinyIndex) -> None:
    stage = FaceStage(TimedPack(), index, "snapshot-1")
    stage.process([job(b"a")])
    spent = stage.spent()
    assert spent.keys() == {StageName.DECODE, StageName.SEARCH}
    assert spent[StageName.DECODE] == 0.25
    assert spent[StageName.SEARCH] > 0


def test_of_a_pack_that_measures_nothing_the_search_alone_is_told(stage: FaceStage) -> None:
    stage.process([job(b"a")])
    assert stage.spent().keys() == {StageName.SEARCH}


def test_an_empty_batch_is_an_empty_list(stage: FaceStage, pack: TinyPack) -> None:
    assert stage.process([]) == []
    assert pack.calls == []


def test_a_pack_and_a_snapshot_of_two_spaces_never_meet(index: TinyIndex) -> None:
    with pytest.raises(SpaceMismatch, match=r"space-2.*space-1"):
        FaceStage(TinyPack("space-2"), index, "snapshot-1")


class CrowdPack(TinyPack):
    """A photo is the row of the crowd that it names."""

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        assert rules == CHECK_IN_PHOTOS
        return [PhotoResult(PhotoFinding(None), CROWD[int(photo)]) for photo in photos]


CROWD = normalise(1 + np.random.default_rng(0).normal(size=(40, DIMENSION)))
EVERYBODY = [EnrolledPerson(f"p{n:02d}", 1 + n % 2) for n in range(30)]
NEAREST = 8


def crowd_stage(cohorts: bool = True, watch: ImpostorWatch | None = None) -> FaceStage:
    index = build_flat_index(CROWD[:30], EVERYBODY, "space-1")
    statistics = TemplateCohorts(NEAREST, EVERYBODY, template_statistics(CROWD[:30], NEAREST))
    return FaceStage(CrowdPack(), index, "s", cohort=12, cohorts=statistics if cohorts else None, watch=watch)


def without(*left_out: int) -> Vectors:
    return CROWD[[n for n in range(30) if n not in left_out]]


def test_a_finding_is_normalised_by_its_own_cohort_and_the_templates() -> None:
    [finding] = crowd_stage().process([job(b"35", person="p04")])
    probe = CROWD[35:36]
    assert finding.claimed is not None
    assert finding.cohort is not None
    for candidate in (finding.claimed, *finding.others):
        person = int(candidate.person[1:])
        near = cohort_statistics(probe, without(4, person), NEAREST)[0]
        far = cohort_statistics(CROWD[person : person + 1], without(person), NEAREST)[0]
        expected = as_norm(float(probe[0] @ CROWD[person]), near[0], near[1], far[0], far[1])
        assert candidate.normalised == pytest.approx(float(expected), abs=1e-3)
    mean, sd = cohort_statistics(probe, without(4), NEAREST)[0]
    assert finding.cohort.size == NEAREST
    assert finding.cohort.mean == pytest.approx(mean, abs=1e-6)
    assert finding.cohort.sd == pytest.approx(sd, abs=1e-5)


def test_without_a_normalising_snapshot_there_is_no_z_and_the_cohort_is_the_whole() -> None:
    [finding] = crowd_stage(cohorts=False).process([job(b"35", person="p04")])
    assert finding.claimed is not None
    assert finding.cohort is not None
    assert [c.normalised for c in (finding.claimed, *finding.others)] == [None] * 3
    assert finding.cohort.size == 12


def test_a_probe_is_watched_against_everybody_not_claimed() -> None:
    table = ThresholdTable({"1e-3": {"1/1": 0.9, "1/2": 0.95}})
    watch = ImpostorWatch(Thresholds(table, table), (1e-3,), 30)
    [finding] = crowd_stage(watch=watch).process([job(b"35", person="p04")])
    cosines = CROWD[:30] @ CROWD[35]
    limits = [0.95 if n % 2 else 0.9 for n in range(30)]
    reached = sum(cosines[n] >= limits[n] for n in range(30) if n != 4)
    assert 0 < reached < 12
    assert finding.impostors == ImpostorCount(29, {"1e-3": reached})


def test_what_was_found_survives_its_way_from_a_worker() -> None:
    table = ThresholdTable({"1e-3": {"1/1": 0.9}})
    found = crowd_stage(watch=ImpostorWatch(Thresholds(table, table), (1e-3,), 30)).process([job(b"35", person="p04")])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=list[FaceFinding]) == found


@pytest.mark.models
def test_real_people_are_nearest_to_themselves() -> None:
    data = Path(os.environ.get("HADIR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    folders = sorted((data / "faces" / "lfw_subset").glob("*/"))[:4]
    photos = [[photo.read_bytes() for photo in sorted(folder.glob("*.jpg"))[:2]] for folder in folders]
    if not photos:
        pytest.skip(f"no test photos in {data}: set HADIR_TEST_DATA to the folder that holds faces/")
    pack = load_pack("open")
    rules = PhotoRules(ENROLMENT_PHOTOS.shortest_side_px, allow_pgm=False, quality=False)
    enrolled = [result.vector for result in pack.analyse([first for first, _ in photos], rules)]
    assert all(vector is not None for vector in enrolled)
    people = [EnrolledPerson(folder.name, 1) for folder in folders]
    index = build_flat_index(np.stack([v for v in enrolled if v is not None]), people, pack.info.embedding_space)
    jobs = [
        FaceJob(n, folder.name, (second,)) for n, (folder, (_, second)) in enumerate(zip(folders, photos, strict=True))
    ]
    for finding in FaceStage(pack, index, "snapshot-1", rules).process(jobs):
        assert finding.claimed is not None
        assert finding.claimed.similarity > finding.others[0].similarity
