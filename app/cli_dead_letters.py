"""`hadir dead-letters`: records that were set aside, and a way back for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import out, print_json

if TYPE_CHECKING:
    from hadir.pipeline.dead_letters import DeadLetter

__all__ = ["register"]

_CODES = ("undecodable", "id_conflict", "processing_failed")


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Records that were set aside, with their reasons.")
    group.command("list", epilog="Example:  hadir dead-letters list --json")(show)
    group.command("replay", epilog="Example:  hadir dead-letters replay --code undecodable")(replay)
    app.add_typer(group, name="dead-letters")


def show(
    every_topic: Annotated[
        bool, typer.Option("--all", help="Also letters of other topics, such as the demo's or a test's.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """List what was set aside of the check-in topic: reason, place in the log, attempts, size. Never the content."""
    from hadir.app.wiring import kafka_cluster
    from hadir.pipeline.dead_letters import read_dead_letters
    from hadir.pipeline.kafka_tail import KafkaTail
    from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS

    tail = KafkaTail(kafka_cluster(settings_of(config)))
    letters = list(read_dead_letters(tail.read(DEAD_LETTERS)))
    shown = [letter for letter in letters if every_topic or letter.source_topic == CHECK_INS]
    others = len(letters) - len(shown)
    if as_json:
        print_json({"dead_letters": [_document(letter) for letter in shown], "of_other_topics": others})
        return 0
    for letter in shown:
        place = f"{letter.source_topic}/{letter.partition}@{letter.offset}"
        out.print(
            f"{letter.code:<18} {place:<34} {letter.id or 'no id':<37} {len(letter.record.value)} bytes", markup=False
        )
    out.print(f"{_counted(len(shown))}.{_elsewhere(others)}")
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
    from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS

    if unknown := sorted(set(code) - set(_CODES)):
        raise wrong_use(f"no dead letters have the code '{unknown[0]}'; there are {', '.join(_CODES)}")
    cluster = kafka_cluster(settings_of(config))
    letters = [one for one in read_dead_letters(KafkaTail(cluster).read(DEAD_LETTERS)) if one.code in code]
    ours = [letter for letter in letters if letter.source_topic == CHECK_INS]
    sink = KafkaSink(cluster)
    try:
        count = send_back(ours, sink, code)
    finally:
        sink.close()
    repeated, others = len(ours) - count, len(letters) - len(ours)
    if as_json:
        print_json({"replayed": count, "repeated": repeated, "of_other_topics": others})
    else:
        again = f" {repeated} more hold the same content, which is sent once." if repeated else ""
        out.print(f"{_counted(count)} sent back to the check-in topic.{again}{_elsewhere(others)}")
    return 0


def _document(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "code": letter.code,
        "source_topic": letter.source_topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "attempts": letter.attempts,
        "bytes": len(letter.record.value),
    }


def _counted(letters: int) -> str:
    return f"{letters} rekaman disisihkan · {letters} dead letter{'' if letters == 1 else 's'}"


def _elsewhere(others: int) -> str:
    """A demo and a test have check-in topics of their own; nothing of theirs goes to the site's."""
    if not others:
        return ""
    return f" {others} of other topics (a demo's, a test's) left out: list --all shows them, replay never sends them."
