"""`hadir top`: the running pipeline, live, from the metrics of all its members."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import out, print_json
from hadir.core.errors import InputError

if TYPE_CHECKING:
    from hadir.app.metrics_reading import Reading
    from hadir.app.top_figures import TopFigures
    from hadir.core.settings import Settings

__all__ = ["register"]

_DONE, _ERROR, _PARTLY = 0, 1, 3
_MOST_MEMBERS = 200


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("top", epilog="Example:  hadir top 10.0.0.11:9464 10.0.0.12:9464")(top)


def top(
    member: Annotated[
        list[str] | None,
        typer.Argument(help="host:port of each member's metrics. Default: this machine's, from the settings."),
    ] = None,
    every: Annotated[float, typer.Option(min=0.5, max=60, help="Seconds between two looks.")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Two looks, one picture, then end.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Watch arrivals, verdicts, the oldest undecided, latency, stages and workers of a running pipeline.

    Ctrl-C ends it. --json looks twice and prints one document. Exit code 1: nobody answers; 3: not everybody does.
    """
    from hadir.app.metrics_reading import page_address

    addresses = [page_address(one) for one in member or _own(settings_of(config))]
    if len(addresses) > _MOST_MEMBERS:
        raise wrong_use(f"{len(addresses)} members are more than {_MOST_MEMBERS}: name those that you want to see")
    if once or as_json or not out.is_terminal:
        return _look_once(addresses, every, as_json)
    return _watch(addresses, every)


def _own(settings: Settings) -> list[str]:
    if not settings.metrics.port:
        raise InputError(
            "the settings have no metrics port ([metrics] port = 0): set one, or name the members, host:port each"
        )
    host = settings.metrics.host
    near = "127.0.0.1" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104
    return [f"{near}:{settings.metrics.port}"]


def _look_once(addresses: Sequence[str], every_s: float, as_json: bool) -> int:
    from hadir.app.top_figures import figures_of
    from hadir.app.top_view import top_view

    before = _read(addresses)
    threading.Event().wait(every_s)
    figures = figures_of(before, _read(addresses))
    if as_json:
        print_json(_document(figures))
    else:
        out.print(top_view(figures))
    if not figures.answering:
        return _ERROR
    return _DONE if figures.answering == len(addresses) else _PARTLY


def _watch(addresses: Sequence[str], every_s: float) -> int:
    from hadir.app.live import LiveView
    from hadir.app.top_figures import figures_of
    from hadir.app.top_view import top_view

    before = now = _read(addresses)
    with LiveView(lambda: top_view(figures_of(before, now)), out):
        try:
            while True:
                threading.Event().wait(every_s)
                before, now = now, _read(addresses)
        except KeyboardInterrupt:
            return _DONE


def _read(addresses: Sequence[str]) -> list[Reading]:
    from hadir.app.metrics_reading import read_member

    with ThreadPoolExecutor(min(16, len(addresses))) as together:
        return list(together.map(read_member, addresses))


def _document(figures: TopFigures) -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(figures), "ready": figures.ready}
