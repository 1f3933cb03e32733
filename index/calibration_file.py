"""A calibration as JSON: the thresholds a snapshot serves, with the figures they rest on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from hadir.core.thresholds import CELLS, RATES, ThresholdTable
from hadir.index.calibration import Calibration, CellFigures, Interval
from hadir.index.score_histogram import BIN_WIDTH

__all__ = ["calibration_from_json", "calibration_to_json"]

SCHEMA = 1

_T = TypeVar("_T")


def calibration_to_json(calibration: Calibration) -> bytes:
    """Deterministic bytes; floats survive the round trip exactly."""
    document = {
        "schema": SCHEMA,
        "similarity": {rate: dict(cells) for rate, cells in calibration.table.similarity.items()},
        "interval95": {rate: dict(cells) for rate, cells in calibration.interval95.items()},
        "cells": {cell: asdict(figures) for cell, figures in calibration.cells.items()},
    }
    return (json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def calibration_from_json(content: bytes) -> Calibration:
    """Read back. Raises ValueError: not such a document, an unknown rate or cell, or a similarity out of range."""
    try:
        document: dict[str, Any] = json.loads(content)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']}, this version reads {SCHEMA}")
        return Calibration(
            table=ThresholdTable(_table(document["similarity"], _similarity)),
            interval95=_table(document["interval95"], _interval),
            cells={cell: CellFigures(**figures) for cell, figures in document["cells"].items()},
        )
    except (KeyError, TypeError, AttributeError) as err:
        raise ValueError("it is not a table of thresholds") from err


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


def _interval(value: Any) -> Interval:
    low, high = value
    return float(low), float(high)
