"""The sentence for the employee, in Bahasa Indonesia and English: what became of it, why, and what to do now.

Nobody else is mentioned or hinted at: `face_mismatch` and `impostor_suspected` read the same. No similarity and no
threshold is told, nothing personal is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hadir.core.verdict import NO_THRESHOLD, PHOTO_CODES, Outcome, Reason

__all__ = ["MOST_REASONS", "Sentence", "coaching", "sentence"]

MOST_REASONS = 3
"""As many reasons are spelt out, those that decide first: nobody acts on the fourth."""

_FIELD_NAME = re.compile(r"[a-z][a-z0-9_.]{0,31}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """The same in Bahasa Indonesia (`id`) and English (`en`)."""

    id: str
    en: str


def sentence(
    outcome: Outcome, reasons: Sequence[Reason], minutes: int | None, distance_m: float | None, field: str | None
) -> Sentence:
    """What the employee reads: the outcome, then the reasons that decide, then others to act on; three at most.

    Facts that nobody can act on (`late`, `repeated`, ...) are left out of a refusal, where they would only distract.
    """
    told = [reason for reason in reasons if outcome is not Outcome.REJECTED or reason not in _FACTS]
    if PHOTO_CODES.intersection(told):
        told = [reason for reason in told if reason is not Reason.PHOTO_UNREADABLE]
    parts = [_OUTCOMES[outcome], *(_spell(reason, minutes, distance_m, field) for reason in told[:MOST_REASONS])]
    return Sentence(id=" ".join(part.id for part in parts), en=" ".join(part.en for part in parts))


def _spell(reason: Reason, minutes: int | None, distance_m: float | None, field: str | None) -> Sentence:
    """The reason's sentence with its figure filled in, or its plain form where the verdict has none."""
    if reason in (Reason.LATE, Reason.EARLY_LEAVE) and minutes is not None:
        return _filled(reason, Sentence(f"{minutes} menit", f"{minutes} minute{'' if minutes == 1 else 's'}"))
    if reason is Reason.OUTSIDE_SITE and distance_m is not None:
        return _filled(reason, _distance(distance_m))
    if reason is Reason.SIMILARITY_UNCERTAIN and field == NO_THRESHOLD:
        return _UNMEASURED
    if reason is Reason.INVALID_FIELD and field is not None and _FIELD_NAME.fullmatch(field):
        return _filled(reason, Sentence(field, field))
    return _TEXTS[reason]


def coaching(reason: Reason) -> Sentence:
    """What to do about one reason, without saying what became of a check-in: for photos that are to be enrolled."""
    return _spell(reason, None, None, None)


def _filled(reason: Reason, figure: Sentence) -> Sentence:
    text = _WITH_FIGURE[reason]
    return Sentence(text.id.format(figure.id), text.en.format(figure.en))


def _distance(distance_m: float) -> Sentence:
    if round(distance_m) < 1000:
        return Sentence(f"{distance_m:.0f} meter", f"{distance_m:.0f} metres")
    kilometres = f"{distance_m / 1000:.1f}"
    return Sentence(f"{kilometres.replace('.', ',')} kilometer", f"{kilometres} kilometres")


_OUTCOMES: Mapping[Outcome, Sentence] = {
    Outcome.ACCEPTED: Sentence("Presensi Anda diterima.", "Your check-in is accepted."),
    Outcome.REVIEW: Sentence(
        "Presensi Anda sudah tercatat dan menunggu pemeriksaan petugas.",
        "Your check-in is recorded and waits for an officer's review.",
    ),
    Outcome.REJECTED: Sentence("Presensi Anda belum dapat diterima.", "Your check-in cannot be accepted yet."),
}

_FACTS = frozenset(
    {
        Reason.OK,
        Reason.LATE,
        Reason.EARLY_LEAVE,
        Reason.REPEATED,
        Reason.OUTSIDE_SHIFT,
        Reason.CHANNEL_FINGERPRINT,
        Reason.REPORTED_LATE,
        Reason.CHANNEL_PAPER,
    }
)

_NOT_RECOGNISED = Sentence(
    "Wajah pada foto belum cocok dengan foto pendaftaran Anda: hadap lurus ke kamera di tempat terang tanpa masker "
    "atau kacamata hitam, dan bila tetap gagal temui petugas kepegawaian unit Anda.",
    "The face in the photo does not match your enrolment photos: look straight into the camera in good light, without "
    "a mask or sunglasses, and if it fails again see your unit's personnel officer.",
)

_UNMEASURED = Sentence(
    "Sistem belum punya ukuran untuk membandingkan presensi seperti ini, bukan karena kesalahan Anda atau foto Anda: "
    "petugas akan memeriksanya.",
    "The system has nothing to measure such a check-in by yet, through no fault of yours or of your photo: an officer "
    "will look at it.",
)

_WITH_FIGURE: Mapping[Reason, Sentence] = {
    Reason.LATE: Sentence(
        "Anda tercatat {} setelah jam masuk: bila ada alasan kedinasan, sampaikan kepada atasan Anda.",
        "You are recorded {} after the start: if there was an official reason, tell your superior.",
    ),
    Reason.EARLY_LEAVE: Sentence(
        "Anda tercatat {} sebelum jam pulang: bila ada alasan kedinasan, sampaikan kepada atasan Anda.",
        "You are recorded {} before the end: if there was an official reason, tell your superior.",
    ),
    Reason.OUTSIDE_SITE: Sentence(
        "Lokasi Anda terbaca {} dari titik presensi terdekat, di luar areanya: ulangi di area kantor, dan bila Anda "
        "sudah di sana, tunggu sampai GPS stabil.",
        "Your location reads {} from the nearest check-in point, outside its area: try again at the office, and if you "
        "are there already, wait until the GPS is steady.",
    ),
    Reason.INVALID_FIELD: Sentence(
        "Data presensi tidak lengkap atau keliru pada bagian '{}': perbarui aplikasi lalu ulangi, dan hubungi petugas "
        "bila terjadi lagi.",
        "The check-in is incomplete or wrong in its part '{}': update the app and try again, and tell an officer if it "
        "happens once more.",
    ),
}

_TEXTS: Mapping[Reason, Sentence] = {
    Reason.OK: Sentence("Waktunya sesuai jadwal.", "The time is within your schedule."),
    Reason.LATE: Sentence("Anda tercatat setelah jam masuk.", "You are recorded after the start of your shift."),
    Reason.EARLY_LEAVE: Sentence("Anda tercatat sebelum jam pulang.", "You are recorded before the end of your shift."),
    Reason.REPEATED: Sentence(
        "Anda sudah presensi untuk jadwal ini: yang dihitung adalah yang pertama diterima.",
        "You had already checked in for this shift: the first accepted one counts.",
    ),
    Reason.OUTSIDE_SHIFT: Sentence(
        "Saat itu tidak ada jadwal presensi unit Anda yang terbuka: bila Anda memang bertugas, sampaikan surat tugas "
        "atau jadwalnya kepada petugas.",
        "No shift of your unit was open for checking in at that time: if you were on duty, show the officer your "
        "assignment or schedule.",
    ),
    Reason.SIMILARITY_UNCERTAIN: Sentence(
        "Wajah pada foto belum cukup jelas untuk dipastikan: lain kali hadap lurus ke kamera di tempat terang, tanpa "
        "masker atau kacamata hitam.",
        "The face in the photo is not clear enough to be certain: next time look straight into the camera in good "
        "light, without a mask or sunglasses.",
    ),
    Reason.IMPOSTOR_SUSPECTED: _NOT_RECOGNISED,
    Reason.FACE_MISMATCH: _NOT_RECOGNISED,
    Reason.PHOTOS_DISAGREE: Sentence(
        "Foto-foto dalam presensi ini tidak saling cocok: lain kali ambil semuanya berurutan sambil "
        "menghadap lurus ke kamera.",
        "The photos of this check-in do not match each other: next time take all of them in a row, looking straight "
        "into the camera.",
    ),
    Reason.PHOTO_REPLAYED: Sentence(
        "Foto pada presensi ini tampak sama dengan foto yang pernah dikirim: untuk setiap presensi, ambil foto baru "
        "dengan kamera aplikasi. Bila fotonya memang baru, sampaikan kepada petugas.",
        "The photo of this check-in looks the same as one that was sent before: for every check-in, take a new photo "
        "with the app's camera. If the photo is new, tell the officer.",
    ),
    Reason.NO_FACE: Sentence(
        "Wajah tidak terlihat pada foto: hadap ke kamera di tempat terang, lalu ulangi.",
        "No face can be seen in the photo: face the camera in good light and try again.",
    ),
    Reason.SEVERAL_FACES: Sentence(
        "Ada lebih dari satu wajah pada foto: pastikan hanya Anda yang terlihat, lalu ulangi.",
        "There is more than one face in the photo: make sure that only you can be seen and try again.",
    ),
    Reason.FACE_TOO_SMALL: Sentence(
        "Wajah terlalu kecil pada foto: dekatkan kamera, lalu ulangi.",
        "The face is too small in the photo: bring the camera closer and try again.",
    ),
    Reason.BLURRED: Sentence(
        "Foto kabur: bersihkan lensa, pegang ponsel dengan tenang, lalu ulangi.",
        "The photo is blurred: wipe the lens, hold the phone still and try again.",
    ),
    Reason.TOO_DARK: Sentence(
        "Wajah terlalu gelap: menghadaplah ke arah cahaya, lalu ulangi.",
        "The face is too dark: turn towards the light and try again.",
    ),
    Reason.TURNED_AWAY: Sentence(
        "Wajah menoleh dari kamera: hadap lurus ke kamera, lalu ulangi.",
        "The face is turned away: look straight into the camera and try again.",
    ),
    Reason.CUT_OFF: Sentence(
        "Wajah terpotong di tepi foto: mundur sedikit sampai seluruh wajah terlihat, lalu ulangi.",
        "The face is cut off at the edge: step back a little until all of it can be seen and try again.",
    ),
    Reason.PHOTO_UNREADABLE: Sentence(
        "Foto tidak dapat dibaca: ambil foto baru, lalu kirim ulang.",
        "The photo cannot be read: take a new one and send it again.",
    ),
    Reason.PHOTO_EMPTY: Sentence(
        "Berkas foto kosong: ambil foto baru, lalu kirim ulang.",
        "The photo file is empty: take a new photo and send it again.",
    ),
    Reason.PHOTO_NOT_AN_IMAGE: Sentence(
        "Berkas yang dikirim bukan foto JPEG atau PNG: ambil foto baru dengan kamera aplikasi, lalu kirim ulang.",
        "The file sent is not a JPEG or PNG photo: take a new one with the app's camera and send it again.",
    ),
    Reason.PHOTO_TRUNCATED: Sentence(
        "Foto diterima tidak utuh: kirim ulang saat sinyal lebih baik.",
        "The photo arrived incomplete: send it again when the signal is better.",
    ),
    Reason.PHOTO_TOO_LARGE: Sentence(
        "Ukuran berkas foto terlalu besar: turunkan resolusi kamera, lalu ulangi.",
        "The photo file is too large: lower the camera's resolution and try again.",
    ),
    Reason.PHOTO_TOO_MANY_PIXELS: Sentence(
        "Resolusi foto terlalu tinggi: turunkan resolusi kamera, lalu ulangi.",
        "The photo has too many pixels: lower the camera's resolution and try again.",
    ),
    Reason.PHOTO_TOO_SMALL: Sentence(
        "Resolusi foto terlalu rendah: naikkan resolusi kamera, lalu ulangi.",
        "The photo has too few pixels: raise the camera's resolution and try again.",
    ),
    Reason.PHOTO_ANIMATED: Sentence(
        "Berkas yang dikirim adalah gambar bergerak: kirim foto biasa.",
        "The file sent is a moving picture: send an ordinary photo.",
    ),
    Reason.OUTSIDE_SITE: Sentence(
        "Lokasi Anda terbaca di luar area presensi: ulangi di area kantor, dan bila Anda sudah di sana, tunggu sampai "
        "GPS stabil.",
        "Your location reads outside the check-in area: try again at the office, and if you are there already, wait "
        "until the GPS is steady.",
    ),
    Reason.LOCATION_UNCERTAIN: Sentence(
        "Lokasi Anda belum dapat dipastikan: lain kali aktifkan GPS akurasi tinggi dan tunggu sebentar di "
        "tempat terbuka.",
        "Your location is not certain: next time switch on high-accuracy GPS and wait a moment in the open.",
    ),
    Reason.LOCATION_MISSING: Sentence(
        "Lokasi tidak ikut terkirim: aktifkan lokasi pada ponsel dan izinkan aplikasi memakainya.",
        "No location was sent: switch on the phone's location and allow the app to use it.",
    ),
    Reason.MOCK_LOCATION: Sentence(
        "Ponsel Anda melaporkan lokasi tiruan: matikan pengaturan itu, atau sampaikan kepada petugas bila Anda tidak "
        "memakainya.",
        "Your phone reports a mock location: switch that setting off, or tell the officer if you do not use it.",
    ),
    Reason.CLOCK_SKEW: Sentence(
        "Jam ponsel berbeda dari waktu penerimaan, atau kiriman tertunda: aktifkan tanggal dan waktu otomatis.",
        "The phone's clock differs from the time of arrival, or sending was delayed: switch on automatic "
        "date and time.",
    ),
    Reason.UNKNOWN_PERSON: Sentence(
        "Anda belum ada pada daftar pegawai yang berlaku hari ini: hubungi petugas kepegawaian unit Anda.",
        "You are not on the staff list that is valid today: see your unit's personnel officer.",
    ),
    Reason.NOT_ENROLLED: Sentence(
        "Wajah Anda belum terdaftar: temui petugas kepegawaian unit Anda untuk pendaftaran wajah.",
        "Your face is not enrolled yet: see your unit's personnel officer to enrol.",
    ),
    Reason.CHANNEL_FINGERPRINT: Sentence(
        "Dicatat melalui mesin sidik jari.",
        "Recorded by the fingerprint reader.",
    ),
    Reason.REPORTED_LATE: Sentence(
        "Data mesin sidik jari diterima melewati batas waktu: Anda tidak perlu mengulang.",
        "The fingerprint reader's data arrived after the time limit: you need not do anything.",
    ),
    Reason.CHANNEL_PAPER: Sentence(
        "Dicatat dari daftar hadir kertas: Anda tidak perlu mengulang.",
        "Recorded from the paper sheet: you need not do anything.",
    ),
    Reason.INVALID_FIELD: Sentence(
        "Data presensi tidak lengkap atau keliru: perbarui aplikasi lalu ulangi, dan hubungi petugas bila "
        "terjadi lagi.",
        "The check-in is incomplete or wrong: update the app and try again, and tell an officer if it happens once "
        "more.",
    ),
    Reason.PROCESSING_FAILED: Sentence(
        "Foto tidak dapat diproses oleh sistem, bukan karena kesalahan Anda: petugas akan memeriksanya.",
        "The system could not process the photo, through no fault of yours: an officer will look at it.",
    ),
}
