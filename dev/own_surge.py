"""`hadir surge --own`: a broker, a database and a pipeline for one rehearsal, on this machine, from a checkout.

`python -m dev.own_surge OPTIONS` where OPTIONS is one JSON object, `OwnSurge`. The numbers are in surge.json of the
folder; the exit code is 4 where they are not good.
"""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from dev.kafka.node import missing_part
from dev.postgres import programs
from dev.surge_city import build_city, cast_in, city_settings
from dev.surge_parts import OwnPipeline
from hadir.app.cli_surge import finish
from hadir.app.demo_folder import MARK, demo_folder
from hadir.app.logs import log_to
from hadir.app.output import err, fail
from hadir.app.run_folder import LOCK
from hadir.app.surge_faults import read_faults
from hadir.app.surge_rehearsal import OwnParts, SurgeOptions, check_options, moments_of, rehearse
from hadir.core.errors import HadirError, SetupError
from hadir.core.settings import Settings

__all__ = ["OwnSurge", "play_own"]

_CITY = 13_000
"""People in the snapshot: a regency's."""
_ERROR, _INTERRUPTED = 1, 130


class OwnSurge(msgspec.Struct, frozen=True):
    """`faces` is a folder of photos, one sub-folder per person; None: those inside installed packages."""

    options: SurgeOptions
    faces: str | None = None
    pool: str = "ray"


def play_own(wanted: OwnSurge) -> int:
    """Build the city, start everything, rehearse, end everything. Returns the exit code.

    Raises:
        HadirError: a part is missing, or as `rehearse`.
    """
    if (missing := missing_part()) is not None:
        raise SetupError(f"--own needs a real Kafka: {missing}")
    options = wanted.options
    folder = _work_folder(options).absolute()
    moments_of(options)
    if options.faults is not None:
        read_faults(Path(options.faults))
    _start_anew(folder)
    log_to(folder / "log.jsonl")
    say = _silent if options.as_json else _say
    with OwnPipeline(folder, postgres=programs() is not None) as pipeline:
        say("mendirikan kota, broker, dan pipa · a city, a broker and a pipeline are being made")
        faces = None if wanted.faces is None else Path(wanted.faces)
        city = build_city(folder, options.people, max(_CITY, options.people), faces, say)
        pipeline.start_log()
        settings = _settings(folder, pipeline, wanted)
        check_options(options, settings, own=True)
        pipeline.start_station(folder / "hadir.toml")
        cast = cast_in(city, settings, options.selfies)
        own = OwnParts(
            breakable=pipeline,
            lines=pipeline.lines,
            logs=lambda: _lines(pipeline.logs),
            private=_private(folder / "site" / "roster.csv"),
            conditions={"broker": "own Kafka, one node", "people_in_index": max(_CITY, options.people)},
        )
        numbers = rehearse(settings, options, cast, own)
    return finish(options, numbers)


def _work_folder(options: SurgeOptions) -> Path:
    """Where city, broker and logs lie; the report lies above."""
    return Path(options.folder) / "own"


def _start_anew(folder: Path) -> None:
    """Delete what an earlier surge left in this folder, which carries the mark of one and is held."""
    for path in folder.iterdir():
        if path.name in {LOCK, MARK}:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _say(text: str) -> None:
    err.print(text, markup=False)


def _silent(text: str) -> None:
    del text


def _settings(folder: Path, pipeline: OwnPipeline, wanted: OwnSurge) -> Settings:
    url = pipeline.ledger_url or f"sqlite:///{folder}/ledger.db"
    return city_settings(
        folder,
        {
            "run": {"folder": pipeline.run_folder, "broker": "kafka", "pool": wanted.pool},
            "kafka": {"bootstrap": pipeline.bootstrap, "group": "hadir-surge"},
            "ledger": {"url": url, "heads": folder / "ledger-heads.jsonl"},
        },
    )


def _lines(logs: Collection[Path]) -> Iterator[str]:
    for log in logs:
        with log.open(encoding="utf-8", errors="replace") as file:
            yield from file


def _private(roster: Path) -> list[str]:
    """Numbers and names, of which no log may hold one."""
    with roster.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row["nip"] for row in rows] + sorted({row["name"].split()[0] + " " for row in rows})


def main(arguments: list[str]) -> int:
    """The program."""
    wanted = msgspec.json.decode(arguments[0], type=OwnSurge)
    try:
        with demo_folder(_work_folder(wanted.options)):
            return play_own(wanted)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except HadirError as error:
        fail(error.code, str(error), wanted.options.as_json)
        return _ERROR


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
