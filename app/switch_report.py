"""What a promotion or a rollback says: gates, what serves now, and which replicas follow."""

from __future__ import annotations

from dataclasses import asdict

from hadir.app.output import err, lines, out
from hadir.app.promoting import Switch
from hadir.index.acknowledgements import Agreement
from hadir.index.gates import GateResult
from hadir.index.promotion import Promotion

__all__ = ["exit_code", "in_words", "say_gate", "say_switch", "switch_document"]

_DONE, _PARTLY, _GATE_FAILED = 0, 3, 4
_WIDEST_GATE = 15
_MOST_NAMED = 10


def say_gate(gate: GateResult) -> None:
    """One line as soon as it is measured."""
    mark = "ok" if gate.ok else "GAGAL · failed"
    lines([(f"{gate.name:<{_WIDEST_GATE}}", f"{mark}: {gate.value} ({gate.limit})")])


def say_switch(switch: Switch, said: str) -> None:
    """What serves now, said so, or which gates kept it from that."""
    if switch.after is None:
        names = ", ".join(gate.name for gate in switch.failed)
        err.print(f"Tidak dipakai, tidak ada yang berubah · not promoted, nothing changed: {names}", markup=False)
        return
    before = switch.before.current
    out.print(f"{said}: {switch.snapshot} (sebelumnya · before: {before or '–'})", markup=False)
    if switch.agreement is not None:
        lines(_replicas(switch.agreement))
    if switch.lost:
        _say_lost(switch)


def _say_lost(switch: Switch) -> None:
    """Who is left behind, and how to bring them along."""
    more = f", … {len(switch.lost) - _MOST_NAMED} more" if len(switch.lost) > _MOST_NAMED else ""
    named = ", ".join(switch.lost[:_MOST_NAMED]) + more
    steps = ("hadir reindex",) * (not switch.same_space) + ("hadir index build", "hadir index promote")
    err.print(
        f"{len(switch.lost)} orang tidak lagi dikenali, presensinya menjadi not_enrolled · served a minute ago and do "
        f"not any longer: {named}",
        markup=False,
    )
    err.print(f"Sertakan mereka kembali · bring them along: {', '.join(steps)}", markup=False)


def switch_document(switch: Switch) -> dict[str, object]:
    """For machines."""
    agreement = switch.agreement
    return {
        "snapshot": switch.snapshot,
        "promoted": switch.after is not None,
        "before": asdict(switch.before),
        "after": None if switch.after is None else asdict(switch.after),
        "gates": [asdict(gate) for gate in switch.gates],
        "failed": [gate.name for gate in switch.failed],
        "replicas": None if agreement is None else asdict(agreement),
        "lost": list(switch.lost),
    }


def exit_code(switch: Switch) -> int:
    """4: a gate failed; 3: it serves, and not every replica follows or somebody is left behind; 0: all is done."""
    if switch.after is None:
        return _GATE_FAILED
    if switch.lost:
        return _PARTLY
    return _DONE if switch.agreement is None or switch.agreement.reached else _PARTLY


def in_words(one: Promotion, happened: bool | None) -> str:
    """One line of the history; `happened` None: nobody knows."""
    said = f"{one.action} {one.from_snapshot or '–'} → {one.to_snapshot}, {one.note.by}"
    said += f": {one.note.reason}" if one.note.reason else ""
    if failed := [gate.name for gate in one.note.gates if not gate.ok]:
        said += f" (dipaksa · forced: {', '.join(failed)})"
    if happened is None:
        return said + " (belum pasti · not known whether it happened)"
    return said if happened else said + " (tidak terjadi · did not happen, the command was killed)"


def _replicas(agreement: Agreement) -> list[tuple[str, str]]:
    rows = [(one.replica, f"memakainya · serves it, {one.workers} workers on {one.host}") for one in agreement.serving]
    rows += [(one.replica, f"MENOLAK · refuses it: {one.problem}") for one in agreement.refusing]
    rows += [(one.replica, f"BELUM · still on {one.snapshot}") for one in agreement.pending]
    return rows or [("replicas", "tidak ada yang berjalan · none is running, the next start takes it")]
