"""What `hadir top` shows for one moment: the group's figures above, one line for each member below."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hadir.app.board import Latency
from hadir.app.top_figures import MemberFigures, TopFigures

__all__ = ["OBJECTIVE_S", "top_view"]

OBJECTIVE_S = 2.0
"""The objective for a verdict, seconds: what is slower is shown in red (configs/objectives.toml)."""
_WARN_S = 0.5
_WIDTH = 100
_BAR = 24
_OUTCOMES = {"accepted": ("diterima", "green"), "review": ("ditinjau", "yellow"), "rejected": ("ditolak", "red")}
_READY = {True: Text("✓", style="green"), False: Text("✗", style="bold red"), None: Text("?", style="dim")}
_STAGES = {
    "decode": "baca foto",
    "detect": "cari wajah",
    "align": "luruskan",
    "embed": "sidik wajah",
    "search": "cari indeks",
    "decide": "putuskan",
    "ledger": "catat",
    "publish": "umumkan",
}


def top_view(figures: TopFigures) -> RenderableType:
    """The whole view; fits 80 columns."""
    parts: list[RenderableType] = [_flow(figures), Text("")]
    if figures.stages:
        parts += [_stages(figures), Text("")]
    parts += [_members(figures.members), *_warnings(figures)]
    answer = f"{figures.answering} dari {len(figures.members)} anggota menjawab · members answer"
    said = f"{answer}, {figures.ready} siap · ready"
    return Panel(Group(*parts), title="hadir top", subtitle=said, border_style=_border(figures), width=_WIDTH)


def _flow(figures: TopFigures) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("masuk · in", _bold(_rate(figures.received_per_s)), "tertua · oldest", _age(figures.oldest_s))
    table.add_row(
        "p50/p95/p99 · now", _latency(figures.latency_s), "sejak awal · ever", _latency(figures.latency_total_s)
    )
    table.add_row("antre · lag", _count(figures.lag_records), "dikerjakan · held", _count(figures.in_flight))
    table.add_row("antre kirim · outbox", _count(figures.unpublished), "disisihkan · dead", str(figures.dead_letters))
    for outcome, (word, colour) in _OUTCOMES.items():
        rate, total = figures.verdicts_per_s.get(outcome), figures.verdicts.get(outcome)
        table.add_row(Text(f"{word} · {outcome}", style=colour), _rate(rate), "jumlah · total", _count(total))
    return table


def _stages(figures: TopFigures) -> Table:
    table = Table.grid(padding=(0, 2))
    for stage, word in _STAGES.items():
        share = figures.stages.get(stage, 0.0)
        table.add_row(f"{word} · {stage}", Text("█" * round(_BAR * share), style="cyan"), f"{share:.0%}")
    return table


def _members(members: Sequence[MemberFigures]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim")
    for name, width in (("anggota", 21), ("siap", 4), ("masuk/s", 7), ("pekerja", 7), ("pakai", 5), ("antre", 5)):
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=width)
    table.add_column("indeks", no_wrap=True, overflow="ellipsis")
    for one in members:
        table.add_row(
            _address(one),
            Text("✗", style="bold red") if one.error else _READY[one.ready],
            _number(one.received_per_s),
            _workers(one),
            "–" if one.use is None else f"{one.use:.0%}",
            _count(one.lag_records),
            one.snapshot or "–",
        )
    return table


def _warnings(figures: TopFigures) -> list[RenderableType]:
    said = [f"{_address(one)} {one.error}" for one in figures.members if one.error]
    said += [f"belum siap · not ready: {_address(one)}: {one.lacks}" for one in figures.members if one.lacks]
    if not figures.agree:
        said.append("indeks berbeda antar anggota · the members serve different snapshots")
    said += [f"gagal, dicoba lagi · failed, tried again: {part} {count}×" for part, count in figures.failures.items()]
    return [Text(line, style="bold yellow", overflow="fold") for line in said]


def _address(one: MemberFigures) -> str:
    return one.url.partition("://")[2]


def _border(figures: TopFigures) -> str:
    if figures.answering == 0 or (figures.oldest_s or 0.0) > OBJECTIVE_S:
        return "red"
    whole = figures.answering == len(figures.members) and figures.agree and not figures.failures
    return "green" if whole and all(one.ready is not False for one in figures.members) else "yellow"


def _workers(one: MemberFigures) -> str | Text:
    if one.workers is None:
        return "–"
    wanted = one.workers if one.workers_wanted is None else one.workers_wanted
    return Text(f"{one.workers}/{wanted}", style="" if one.workers >= wanted else "bold red")


def _latency(latency: Latency | None) -> Text:
    if latency is None:
        return Text("–")
    worst = latency.p99
    style = "bold red" if worst > OBJECTIVE_S else "yellow" if worst > _WARN_S else "green"
    return Text(f"{latency.p50:.2f}/{latency.p95:.2f}/{latency.p99:.2f} s", style=style)


def _age(seconds: float | None) -> Text:
    if seconds is None:
        return Text("–")
    return Text(
        f"{seconds:.1f} s", style="bold red" if seconds > OBJECTIVE_S else "yellow" if seconds > _WARN_S else "green"
    )


def _rate(per_s: float | None) -> Text:
    return Text("–" if per_s is None else f"{per_s:.1f}/s")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _bold(text: Text) -> Text:
    return Text(text.plain, style="bold")
