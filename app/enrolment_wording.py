"""What to do about a photo that cannot be enrolled, in Bahasa Indonesia and English."""

from __future__ import annotations

from collections.abc import Mapping

from hadir.app.enrolment import MOUTH_OPEN, PHOTO_OF_ANOTHER
from hadir.attendance.wording import Sentence, coaching
from hadir.core.verdict import Reason

__all__ = ["advice"]


def advice(code: str) -> Sentence:
    """The sentence of a refusal's code: a check-in's reason, or one that only enrolment knows."""
    return _OWN[code] if code in _OWN else coaching(Reason(code))


_OWN: Mapping[str, Sentence] = {
    MOUTH_OPEN: Sentence(
        "Mulut terbuka pada foto: tutup mulut dengan wajah biasa, lalu ambil foto lagi.",
        "The mouth is open in the photo: close it, with an ordinary face, and take another one.",
    ),
    PHOTO_OF_ANOTHER: Sentence(
        "Foto ini juga tercatat atas nama orang lain: pastikan foto siapa, lalu pakai foto lain atau hapus yang "
        "keliru.",
        "This very photo stands for somebody else too: find out whose it is, then use another or remove the wrong one.",
    ),
}
