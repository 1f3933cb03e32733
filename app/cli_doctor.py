"""`hadir doctor`: what is there, what is not, and what to do about it."""

from __future__ import annotations

import typer

from hadir.app.options import Config, Json, settings_of
from hadir.app.output import out, print_json

__all__ = ["register"]

_DONE, _ERROR, _PARTLY = 0, 1, 3
_PARTS = {
    "packages": "pustaka",
    "pack": "paket wajah",
    "liveness": "bukti hidup",
    "gallery": "galeri",
    "legal basis": "dasar hukum",
    "encryption": "enkripsi",
    "candidate": "calon",
    "snapshot": "indeks",
    "previous": "sebelumnya",
    "thresholds": "ambang",
    "normalisation": "normalisasi",
    "replica": "replika",
    "roster": "daftar pegawai",
    "rules": "aturan",
    "policy": "kebijakan",
    "ledger": "buku putusan",
    "clock": "jam",
    "positions": "posisi baca",
    "copies": "salinan",
}
_HEALTHY = "Siap untuk pagi ini · ready for the morning."
_INCOMPLETE = "Belum siap: masih ada yang kurang, lihat tanda panah · not ready yet: the arrows say what is missing."
_UNHEALTHY = "Belum siap: benahi yang rusak, sesuai tanda panah · not ready: mend what is bad, as the arrows say."
_MARKS = {
    "ok": "[green]baik · ok[/]       ",
    "note": "[yellow]catatan · note[/]  ",
    "missing": "[yellow]kurang · missing[/]",
    "bad": "[red]rusak · bad[/]     ",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog="Example:  hadir doctor --json")(doctor)


def doctor(config: Config = None, as_json: Json = False) -> int:
    """Look at every part that a morning needs: ok, worth a note, missing (exit code 3), or bad (1) with what to do.

    It says ready only where `hadir run` with the same settings would start.
    """
    from hadir.app.checkup import checkup

    found = checkup(settings_of(config))
    states = {one.state for one in found}
    says, code = (_UNHEALTHY, _ERROR) if "bad" in states else (_INCOMPLETE, _PARTLY)
    if not states & {"bad", "missing"}:
        says, code = _HEALTHY, _DONE
    if as_json:
        told = [{"part": one.part, "state": one.state, "found": one.found, "do": one.do} for one in found]
        print_json({"healthy": code == _DONE, "parts": told})
    else:
        for one in found:
            part = f"{_PARTS[one.part]} · {one.part}" if one.part in _PARTS else one.part
            out.print(f"{_MARKS[one.state]} {part:<25} ", end="")
            out.print(one.found, markup=False)
            if one.do:
                out.print(f"                     → {one.do}", markup=False)
        out.print(says)
    return code
