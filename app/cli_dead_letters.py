"""`hadir dead-letters`: records that were set aside, and a way back for them."""

from __future__ import annotations

from typing import Annotated

import typer

from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import out, print_json

__all__ = ["register"]

_CODES = ("undecodable", "id_conflict", "processing_failed")


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Records that were set aside, with their reasons.")
    group.command("list", epilog="Example:  hadir dead-letters list --json")(show)
    group.command("replay", epilog="Example:  hadir dead-letters replay --code undecodable")(replay)
    app.add_typer(group, name="dead-letters")


def show(config: Config = None, as_json: Json = False) -> int:
    """List what the dead-letter topic holds: reason, place in the log, attempts, size. Never the content."""
    from hadir.app.wiring import kafka_cluster
    from hadir.pipeline.dead_letters import read_dead_letters
    from hadir.pipeline.kafka_tail import KafkaTail
    from hadir.pipeline.topics import DEAD_LETTERS

    tail = KafkaTail(kafka_cluster(settings_of(config)))
    letters = list(read_dead_letters(tail.read(DEAD_LETTERS)))
    if as_json:
        print_json(
            {
                "dead_letters": [
                    {
                        "id": letter.id,
                        "code": letter.code,
                        "source_topic": letter.source_topic,
                        "partition": letter.partition,
                        "offset": letter.offset,
                        "attempts": letter.attempts,
                        "bytes": len(letter.record.value),
                    }
                    for letter in letters
                ]
            }
        )
        return 0
    for letter in letters:
        place = f"{letter.source_topic}/{letter.partition}@{letter.offset}"
        out.print(
            f"{letter.code:<18} {place:<34} {letter.id or 'no id':<37} {len(letter.record.value)} bytes", markup=False
        )
    out.print(f"{len(letters)} dead letters.")
    return 0


def replay(
    code: Annotated[list[str], typer.Option("--code", help=f"Which: {', '.join(_CODES)}. May be repeated.")],
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Send the original bytes back to the check-in topic, after the cause was mended; what has a row keeps it."""
    from hadir.app.wiring import kafka_cluster
    from hadir.pipeline.dead_letters import read_dead_letters
    from hadir.pipeline.dead_letters import replay as send_back
    from hadir.pipeline.kafka_sink import KafkaSink
    from hadir.pipeline.kafka_tail import KafkaTail
    from hadir.pipeline.topics import DEAD_LETTERS

    if unknown := sorted(set(code) - set(_CODES)):
        raise wrong_use(f"no dead letters have the code '{unknown[0]}'; there are {', '.join(_CODES)}")
    cluster = kafka_cluster(settings_of(config))
    sink = KafkaSink(cluster)
    try:
        count = send_back(read_dead_letters(KafkaTail(cluster).read(DEAD_LETTERS)), sink, code)
    finally:
        sink.close()
    if as_json:
        print_json({"replayed": count})
    else:
        out.print(f"{count} dead letters sent back to the check-in topic.")
    return 0
