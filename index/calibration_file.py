"""A calibration as JSON: the thresholds a snapshot serves, with the figures they rest on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar, get_args

from hadir.core.thresholds import CELLS, RATES, ThresholdTable
from hadir.index.calibration import Calibration, CellFigures, Interval
from hadir.index.impostor_counts import NORMALISED_RANGE
from hadir.index.normalisation_choice import Normalisation, Reason, Trial
from hadir.index.score_histogram import BIN_WIDTH

__all__ = ["calibration_from_json", "calibration_to_json"]

SCHEMA = 2
READABLE = (1, SCHEMA)
"""Schema 1 knew no normalisation: such a snapshot serves by its cosines, as it always did."""

_T = TypeVar("_T")


def calibration_to_json(calibration: Calibration) -> bytes:
    """Deterministic bytes; floats survive the round trip exactly."""
    document = {
        "schema": SCHEMA,
        "similarity": {rate: dict(cells) for rate, cells in calibration.table.similarity.items()},
        "interval95": {rate: dict(cells) for rate, cells in calibration.interval95.items()},
        "cells": {cell: asdict(figures) for cell, figures in calibration.cells.items()},
        "normalisation": _normalisation_document(calibration.normalisation),
    }
    return (json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def calibration_from_json(content: bytes) -> Calibration:
    """Read back. Raises ValueError: not such a document, an unknown rate or cell, or a similarity out of range."""
    try:
        document: dict[str, Any] = json.loads(content)
        if document["schema"] not in READABLE:
            raise ValueError(f"schema {document['schema']}, this version reads {SCHEMA}")
        return Calibration(
            table=ThresholdTable(_table(document["similarity"], _similarity)),
            interval95=_table(document["interval95"], _interval),
            cells={cell: CellFigures(**figures) for cell, figures in document["cells"].items()},
            normalisation=_normalisation(document.get("normalisation")),
        )
    except (KeyError, TypeError, AttributeError) as err:
        raise ValueError("it is not a table of thresholds") from err


def _normalisation_document(chosen: Normalisation | None) -> dict[str, object] | None:
    if chosen is None:
        return None
    return {
        "on": chosen.on,
        "reason": chosen.reason,
        "k": chosen.k,
        "trial": None if chosen.trial is None else asdict(chosen.trial),
        "similarity": {rate: dict(cells) for rate, cells in chosen.table.similarity.items()},
        "interval95": {rate: dict(cells) for rate, cells in chosen.interval95.items()},
    }


def _normalisation(document: Mapping[str, Any] | None) -> Normalisation | None:
    if document is None:
        return None
    if document["reason"] not in get_args(Reason) or not isinstance(document["on"], bool) or document["k"] < 2:
        raise ValueError(f"normalisation for reason {document['reason']!r} over {document['k']} people is none we know")
    return Normalisation(
        on=document["on"],
        reason=document["reason"],
        k=int(document["k"]),
        trial=None if document["trial"] is None else _trial(document["trial"]),
        table=ThresholdTable(_table(document["similarity"], _normalised)),
        interval95=_table(document["interval95"], _interval),
    )


def _trial(document: Mapping[str, Any]) -> Trial:
    return Trial(**{**document, "difference95": _interval(document["difference95"])})


def _table(document: Mapping[str, Mapping[str, Any]], read: Callable[[Any], _T]) -> dict[str, dict[str, _T | None]]:
    table: dict[str, dict[str, _T | None]] = {}
    for rate, cells in document.items():
        if rate not in RATES or set(cells) != set(CELLS):
            raise ValueError(f"rate {rate!r} or its cells are not those that tables hold")
        table[rate] = {cell: None if value is None else read(value) for cell, value in cells.items()}
    return table


def _similarity(value: Any) -> float:
    similarity = float(value)
    if not -1 <= similarity <= 1 + BIN_WIDTH:
        raise ValueError(f"a threshold of {similarity}, expected a cosine")
    return similarity


def _normalised(value: Any) -> float:
    z = float(value)
    if not abs(z) <= NORMALISED_RANGE * (1 + BIN_WIDTH):
        raise ValueError(f"a normalised threshold of {z}, expected one between -16 and 16")
    return z


def _interval(value: Any) -> Interval:
    low, high = value
    return float(low), float(high)
