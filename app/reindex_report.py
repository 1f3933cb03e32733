"""What a re-embedding says: lines while it runs, a document and sentences at its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import structlog

from hadir.app.reindexing import Forecast, Job
from hadir.attendance.wording import Sentence, coaching
from hadir.core.clock import Clock
from hadir.core.verdict import Reason
from hadir.pipeline.chunk_attempts import KILLS_WORKER
from hadir.pipeline.embedding import ANOTHER_FACE
from hadir.pipeline.photo_reads import PHOTO_ALTERED, PHOTO_MISSING
from hadir.pipeline.reindexing import Reindexed

__all__ = ["ProgressLines", "Took", "forecast_document", "forecast_lines", "report_document", "report_lines", "why"]

_log = structlog.get_logger(__name__)

_EVERY_S = 10.0
_MOST_NAMED = 10

_OWN = {
    PHOTO_MISSING: Sentence(
        "Foto tidak ada di penyimpanan: pulihkan dari cadangan, atau daftarkan ulang orang ini dengan paket baru.",
        "The store does not keep this photo: restore it from a backup, or enrol the person anew with the new pack.",
    ),
    PHOTO_ALTERED: Sentence(
        "Isi foto berubah sejak pendaftaran: pulihkan dari cadangan, atau daftarkan ulang.",
        "The photo was altered since it was enrolled: restore it from a backup, or enrol anew.",
    ),
    ANOTHER_FACE: Sentence(
        "Paket baru melihat wajah lain pada foto ini: daftarkan foto yang hanya memuat satu wajah.",
        "The new pack looks at another face in this photo: enrol one that shows nobody else.",
    ),
    KILLS_WORKER: Sentence(
        "Foto ini menghentikan proses pembacanya tiga kali: laporkan, dan daftarkan foto lain.",
        "This photo ended the process that looked at it three times: report it, and enrol another one.",
    ),
}


class ProgressLines:
    """A log line every ten seconds, for those who have no bar: photos done, per second, and seconds left."""

    def __init__(self, photos: int, clock: Clock) -> None:
        self._photos = photos
        self._clock = clock
        self._done = self._told = 0
        self._told_s = clock.monotonic_s()

    def __call__(self, photos: int) -> None:
        """So many more are done."""
        self._done += photos
        passed_s = self._clock.monotonic_s() - self._told_s
        if passed_s < _EVERY_S:
            return
        rate = (self._done - self._told) / passed_s
        left = max(0, self._photos - self._done)
        _log.info(
            "reindex_progress",
            done=self._done,
            photos=self._photos,
            photos_per_s=round(rate, 1),
            left_s=round(left / rate),
        )
        self._told, self._told_s = self._done, self._clock.monotonic_s()


def why(reason: str) -> Sentence:
    """The sentence for the officer who mends it."""
    return _OWN[reason] if reason in _OWN else coaching(Reason(reason))


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds until the workers were ready, and from then to the end."""

    start_up_s: float
    work_s: float


def report_document(job: Job, done: Reindexed, workers: int, took: Took) -> dict[str, object]:
    """Everything, for `report.json` and --json: every photo that failed, and everybody who would be lost."""
    return {
        **_job(job),
        "workers": workers,
        "people": done.people,
        "photos": done.photos,
        "already": done.already,
        "embedded": done.embedded,
        "resumed": done.resumed,
        "start_up_s": round(took.start_up_s, 3),
        "work_s": round(took.work_s, 3),
        "photos_per_s": round(done.embedded / took.work_s, 1) if done.embedded else None,
        "failed": [asdict(photo) for photo in done.failed],
        "lost": list(done.lost),
        "withdrawn": done.withdrawn,
        "damaged_chunks": list(done.damaged_chunks),
        "started_anew": list(done.started_anew),
    }


def report_lines(done: Reindexed) -> Iterator[tuple[str, str]]:
    """The end in words."""
    yield "foto · photos", f"{done.photos} of {done.people} people: {done.embedded} embedded, {_before(done)}"
    if done.withdrawn:
        yield "dihapus · erased", f"{done.withdrawn} vectors of photos that were erased meanwhile were not kept"
    if done.started_anew:
        yield "mulai baru · anew", f"work of another pack or other photos was deleted: {', '.join(done.started_anew)}"
    if done.damaged_chunks:
        yield "rusak · damaged", f"{len(done.damaged_chunks)} kept chunks had been altered and were embedded anew"
    yield "gagal · failed", f"{len(done.failed)} photos without a template in the new space"
    yield "hilang · lost", f"{len(done.lost)} people without any"


def _before(done: Reindexed) -> str:
    return f"{done.resumed} resumed, {done.already} there already"


def forecast_document(job: Job, found: Forecast) -> dict[str, object]:
    """For --json."""
    return {
        "dry_run": True,
        **_job(job),
        "workers": found.workers,
        "people": found.people,
        "photos": found.photos,
        "already": found.already,
        "to_do": found.to_do,
        "resumed": found.resumed,
        "missing": [{"person": person, "photo": photo} for person, photo in found.missing],
        "altered": [{"person": person, "photo": photo} for person, photo in found.altered],
        "lost": list(found.lost),
        "one_worker_photos_per_s": found.one_worker_photos_per_s,
        "estimate_s": found.seconds,
    }


def forecast_lines(found: Forecast) -> Iterator[tuple[str, str]]:
    """The same in words."""
    yield "foto · photos", f"{found.photos} of {found.people} people, {found.already} are in the new space already"
    yield "sisa · to do", f"{found.to_do} photos, up to {found.resumed} of them finished by an earlier run"
    yield "tidak ada · missing", f"{len(found.missing)} photos are not in the store"
    if found.altered:
        named = ", ".join(f"{person}/{photo[:12]}" for person, photo in found.altered[:_MOST_NAMED])
        yield "berubah · altered", f"{len(found.altered)} photos of the sample, the others were not read: {named}"
    yield "hilang · lost", f"{len(found.lost)} people would have no template"
    if found.seconds is not None and found.one_worker_photos_per_s is not None:
        yield (
            "perkiraan · estimate",
            f"{_duration(found.seconds)} with {found.workers} workers on cores that nobody else uses "
            f"({found.one_worker_photos_per_s:.0f} photos/s each, from a sample)",
        )


def _job(job: Job) -> dict[str, object]:
    return {
        "pack": job.pack.name,
        "licence": job.pack.licence,
        "source_space": job.source.space.name,
        "embedding_space": job.pack.embedding_space,
    }


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
