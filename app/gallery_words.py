"""What `hadir gallery` says, line by line, Bahasa Indonesia first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from hadir.app.enrolment_wording import advice
from hadir.app.erasure import Erasure
from hadir.app.face_duplicates import Duplicates
from hadir.app.gallery_person import HeldPerson
from hadir.app.gallery_status import GalleryStatus
from hadir.core.evidence import FaceMeasures

__all__ = ["duplicates_lines", "erasure_lines", "headline", "person_lines", "status_lines"]


def headline(found: GalleryStatus) -> str:
    """The whole of it at one glance."""
    missing = found.roster - found.enrolled
    share = 100 * found.enrolled / max(found.roster, 1)
    return (
        f"{_dots(found.roster)} di daftar pegawai, {_dots(found.enrolled)} terdaftar ({share:.1f} %), {_dots(missing)} "
        f"belum, {_dots(found.refused)} di antaranya ditolak · {found.roster:,} on the roster, {found.enrolled:,} "
        f"enrolled ({share:.1f} %), {missing:,} missing, {found.refused:,} of them refused"
    )


def status_lines(found: GalleryStatus) -> Iterator[str]:
    """A line per unit, what the reasons mean, and what else is to be done."""
    titles = [f"{unit.name} ({unit.unit})" for unit in found.units]
    width = max(map(len, titles), default=0)
    for title, unit in zip(titles, found.units, strict=True):
        why = ", ".join(f"{code} {count}" for code, count in unit.reasons.items())
        refused = f"   ditolak · refused {unit.refused}: {why}" if unit.refused else ""
        share = f"{unit.enrolled}/{unit.roster}"
        yield f"  {title:<{width}}  {share:>11}   belum · missing {unit.missing:>5}{refused}"
    for code in sorted({code for unit in found.units for code in unit.reasons}):
        says = advice(code)
        yield f"  {code}: {says.id} ({says.en})"
    if found.not_serving:
        yield (
            f"{found.not_serving} terdaftar tetapi belum melayani · enrolled, not in the snapshot that serves: "
            "hadir enroll FOTO --serve, or hadir index build and hadir index promote"
        )
    if found.only_elsewhere:
        yield (
            f"{found.only_elsewhere} dari yang belum terdaftar pada paket wajah lain · of the missing are enrolled "
            "with another pack only: hadir reindex brings them along"
        )
    if found.not_on_roster:
        yield f"{found.not_on_roster} terdaftar di luar daftar pegawai · enrolled and not on today's roster"
    if found.ungrounded:
        yield f"{found.ungrounded} tanpa dasar hukum tercatat · enrolled without a recorded legal basis"


def person_lines(found: HeldPerson) -> Iterator[str]:
    """Photos, grounds and refusals of one person."""
    yield f"{found.person}: {found.serving} foto melayani · photos in the snapshot that serves"
    for space, template in found.templates:
        kept = "" if template.id in found.kept else "   BERKAS FOTO HILANG · its photo is missing from the store"
        yield f"  {template.id[:12]}   {space.pack} {space.precision}   {_when(template.enrolled_at_ms)}{kept}"
        basis = template.legal_basis or "belum dicatat · not recorded"
        yield f"      dasar hukum · legal basis: {basis}   pemberitahuan · notice: {template.notice_version or '–'}"
        if template.face is not None:
            yield f"      {_measures(template.face)}"
    for space, refusal in found.refusals:
        pack = f"{space.pack} {space.precision}"
        yield f"  {refusal.photo[:12]}   {pack}   {_when(refusal.at_ms)}   ditolak · refused: {refusal.reason}"


def duplicates_lines(found: Duplicates) -> Iterator[str]:
    """The pairs, and what they cannot tell."""
    close = found.close
    yield (
        f"{close.found} pasangan mirip di antara {found.people} orang · close pairs among {found.people} people; "
        f"{found.expected_strangers:.1f} pasangan orang asing diperkirakan · of strangers are to be expected"
    )
    for pair in close.pairs:
        yield f"  {pair.similarity:.4f}   {pair.one}   {pair.other}"
    if close.found > len(close.pairs):
        yield f"  … dan {close.found - len(close.pairs)} lagi · more (--most)"
    for refusal in found.same_photo:
        yield f"  foto yang sama · the same photo {refusal.photo[:12]}: refused for {refusal.person}"
    if found.floors.borrowed:
        yield f"Not measured for {', '.join(found.floors.borrowed)} photos: the highest floor of the others was taken."
    yield (
        "Kembar dan saudara mirip juga muncul di sini: periksa fotonya dahulu. · Twins and siblings appear here too, "
        "and no face tells them apart from a duplicate: look at the photos."
    )


def erasure_lines(done: Erasure) -> Iterator[str]:
    """What was removed, what serves now, and what is somebody else's to remove."""
    record = done.record
    yield (
        f"Dihapus · erased: {record.templates} templat · templates, {record.photos} foto · photos, {record.refusals} "
        f"penolakan · refusals, {record.snapshots} snapshot. Catatan · record: {record.erasure}"
    )
    if done.serving is not None:
        yield f"Snapshot {done.serving} kini melayani tanpa orang ini · serves now, without this person."
    if done.agreement is not None and not done.agreement.reached:
        late = ", ".join(one.replica for one in (*done.agreement.refusing, *done.agreement.pending))
        yield f"Belum mengikuti · do not follow yet, they still hold the face in memory: {late}; restart them."
    if done.candidate:
        yield "Snapshot kandidat ikut dihapus · the candidate held the person and is gone: hadir index build."
    yield (
        "Tidak tersentuh · not touched: bukti di buku besar dan foto kasus (perintah buku besar sendiri) · the "
        "ledger's evidence and photos of cases (the ledger's own commands), your own photo files, and backups."
    )


def _dots(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _measures(face: FaceMeasures) -> str:
    turned = f"yaw {face.yaw_deg:.0f}°, pitch {face.pitch_deg:.0f}°, roll {face.roll_deg:.0f}°"
    return f"{face.width_px:.0f} px, {turned}, sharpness {face.sharpness:.3f}, brightness {face.brightness:.0f}"
