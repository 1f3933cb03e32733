"""`hadir verify` and `hadir compare`: one face against a person, one face against another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, Pack, settings_of, wrong_use
from hadir.app.output import lines, out, print_json
from hadir.core.errors import InputError

if TYPE_CHECKING:
    from hadir.attendance.wording import Sentence
    from hadir.faces.pack import FacePack, PhotoResult

__all__ = ["register"]

_DONE, _GATE_FAILED = 0, 4

PhotoA = Annotated[Path, typer.Argument(metavar="A", help="JPEG, PNG or PGM.")]
PhotoB = Annotated[Path, typer.Argument(metavar="B", help="Another one.")]


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("verify", epilog="Example:  hadir verify --person a-0001 --photo selfie.jpg")(verify)
    app.command("compare", epilog="Example:  hadir compare a.jpg b.jpg --draw pair.png")(compare)


def verify(
    person: Annotated[str, typer.Option(help="The claimed person's id.")],
    photo: Annotated[list[Path], typer.Option(help="1 to 4 photos of one check-in; may be repeated.")],
    pack: Pack = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Is this the person? 1:1 under the policy's rates and the serving snapshot. Exit code 4 when it does not pass."""
    from hadir.app.face_check import check_face
    from hadir.app.photo_list import read_photo

    if not 1 <= len(photo) <= 4:
        raise wrong_use(f"{len(photo)} photos given, a check-in has 1 to 4")
    settings = settings_of(config)
    checked = check_face(settings, pack or settings.faces.pack, person, [read_photo(path) for path in photo])
    if as_json:
        print_json(checked.as_json())
    else:
        lines(checked.lines())
    return _DONE if checked.passes else _GATE_FAILED


def compare(
    a: PhotoA,
    b: PhotoB,
    draw: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the pair with boxes and mesh (PNG).")] = None,
    pack: Pack = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """How similar two photos are, and how often a stranger scores this high."""
    from hadir.app.stores import pack_folder
    from hadir.faces.packs import load_pack
    from hadir.index.evaluation import stranger_rate

    settings = settings_of(config)
    loaded = load_pack(pack_folder(settings, pack), settings.faces.precision)
    one, other = (_usable(loaded, path) for path in (a, b))
    assert one.vector is not None and other.vector is not None
    similarity = float(one.vector @ other.vector)
    rate = stranger_rate(similarity, loaded.info.thresholds)
    meaning = _meaning(rate, bool(loaded.info.thresholds.similarity))
    if draw is not None:
        if draw.suffix.lower() != ".png":
            raise InputError(f"--draw {draw}: a PNG is written, name a file that ends with .png")
        from hadir.app.pair_drawing import draw_pair

        draw_pair((a, one), (b, other), (f"cosine similarity {similarity:.4f}", meaning.en), draw)
    if as_json:
        print_json({"similarity": similarity, "stranger_rate": rate, "pack": loaded.info.name, "drawn": _text(draw)})
        return _DONE
    out.print(f"Cosine similarity {similarity:.4f} (pack {loaded.info.name}, {loaded.info.precision}).")
    out.print(f"{meaning.id} · {meaning.en}", markup=False)
    if draw is not None:
        out.print(f"The pair with boxes and mesh: {draw}")
    return _DONE


def _usable(pack: FacePack, path: Path) -> PhotoResult:
    """The largest face of a photo, whatever its quality: a comparison is not a check-in."""
    from dataclasses import replace

    from hadir.app.photo_list import read_photo
    from hadir.attendance.wording import coaching
    from hadir.core.verdict import Reason
    from hadir.faces.pack import ENROLMENT_PHOTOS

    result = pack.analyse([read_photo(path)], replace(ENROLMENT_PHOTOS, quality=False))[0]
    if result.vector is None:
        code = result.finding.code or Reason.NO_FACE
        says = coaching(code)
        raise InputError(f"{path.name}: {code.value} · {says.id} ({says.en})")
    return result


def _meaning(rate: float | None, measured: bool) -> Sentence:
    from hadir.attendance.wording import Sentence

    if not measured:
        return Sentence(
            "Artinya tidak diketahui: paket ini tidak membawa angka terukur.",
            "What that means is not known: this pack brings no measured rates.",
        )
    if rate is None:
        return Sentence(
            "Lebih dari 1 dari 10 orang lain mencapai nilai ini: kemungkinan dua orang berbeda.",
            "More than 1 stranger in 10 scores this high: these are probably two people.",
        )
    times = round(1 / rate)
    return Sentence(
        f"Orang lain mencapai nilai ini paling banyak 1 kali dalam {times} perbandingan, sejauh paket ini diukur.",
        f"A stranger scores this high at most 1 time in {times:,}, as far as the pack was measured.",
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
