"""`hadir ledger replays`: photos sent twice that no verdict speaks of."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict

import typer

from hadir.app.options import Config, Json, LedgerUrl, settings_of
from hadir.app.output import out, print_json

__all__ = ["register"]

_DONE, _GATE_FAILED = 0, 4


def register(group: typer.Typer) -> None:
    """Add it to `hadir ledger`."""
    group.command("replays", epilog="Example:  hadir ledger replays --json")(replays)


def replays(ledger: LedgerUrl = None, config: Config = None, as_json: Json = False) -> int:
    """Compare all photos of the window again and name copies that no verdict speaks of (then exit code 4): replicas
    that decide at the same moment do not see each other's. Near copies count where replay.near is "review"."""
    from hadir.app.wiring import existing_ledger, replay_policy
    from hadir.attendance.photo_audit import unnoticed_replays
    from hadir.core.clock import SystemClock

    settings = settings_of(config)
    with closing(existing_ledger(ledger or settings.ledger.url)) as store:
        policy = replay_policy(settings)
        found = [one for one in unnoticed_replays(store.photos, policy, SystemClock()) if one.replay.decides]
    if as_json:
        print_json(
            {"unnoticed": [{"check_in": one.photo.check_in_id, **asdict(one.replay)} for one in found]},
        )
    else:
        for one in found:
            whose = "pegawai yang sama · same person" if one.replay.same_person else "pegawai lain · another person"
            out.print(
                f"{one.photo.check_in_id}  foto · photo {one.replay.photo + 1} = {one.replay.of}, "
                f"{one.replay.distance_bits} bit, {whose}",
                markup=False,
            )
        out.print(f"{len(found)} salinan tanpa keterangan di putusannya · copies that no verdict speaks of")
    return _GATE_FAILED if found else _DONE
